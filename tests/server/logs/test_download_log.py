"""The download log: what is in it, when days go, and that a full disk costs lines and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from pypitool.core.rights.tokens import PREFIX
from pypitool.manage.downloads import DownloadRecord
from pypitool_server.logs.access_log import Download, Request
from pypitool_server.logs.download_log import DownloadLog
from tests.support.disks import mounted_disk

NOON = datetime(2026, 1, 10, 12, tzinfo=timezone.utc).timestamp()
DAY = 86400.0
WHEEL = Download("acme_core-1.0-py3-none-any.whl", "acme-core", "1.0", "ab" * 32)


def request(
    download: Download | None = WHEEL,
    *,
    method: str = "GET",
    status: int = 200,
    user: str | None = None,
    at: float = NOON,
) -> Request:
    agent = 'pip/25.0 {"ci": null}'
    return Request(
        "10.0.0.7", user, method, "/packages/x", "", "HTTP/1.1", agent, status, True, 892, 0.01, at, download
    )


def log_of(state: Path, *, keep: float = 90 * DAY, most: int = 1 << 30, now: float = NOON) -> DownloadLog:
    return DownloadLog(state, keep=keep, most=most, clock=lambda: now)


def lines(state: Path, day: str = "2026-01-10") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (state / "downloads" / f"{day}.jsonl").read_text().splitlines()]


def days(state: Path) -> list[str]:
    return sorted(DownloadRecord(state).sizes())


def test_a_download_is_one_line(tmp_path: Path) -> None:
    log_of(tmp_path).write([request(user="deploy")])

    assert lines(tmp_path) == [
        {
            "at": "2026-01-10T12:00:00.000000Z",
            "file": "acme_core-1.0-py3-none-any.whl",
            "project": "acme-core",
            "version": "1.0",
            "sha256": "ab" * 32,
            "who": "user:deploy",
            "from": "10.0.0.7",
            "agent": "pip/25.0",
            "status": 200,
            "bytes": 892,
        }
    ]


def test_a_token_that_a_client_calls_itself_is_masked(tmp_path: Path) -> None:
    log_of(tmp_path).write([request()._replace(agent=f"{PREFIX}{'aB3_-' * 9} x")])

    assert [line["agent"] for line in lines(tmp_path)] == ["pypitool_***"]


@pytest.mark.parametrize(
    ("user", "who"), [(None, "anonymous"), ("token:ci", "token:ci"), ("publisher:gh", "publisher:gh")]
)
def test_who_is_written_as_rules_write_it(tmp_path: Path, user: str | None, who: str) -> None:
    log_of(tmp_path).write([request(user=user)])

    assert lines(tmp_path)[0]["who"] == who


@pytest.mark.parametrize(
    "other",
    [request(None), request(method="HEAD"), request(status=304), request(status=404), request(status=416)],
    ids=["no file", "HEAD", "304", "404", "416"],
)
def test_what_gives_nobody_a_file_is_not_in_it(tmp_path: Path, other: Request) -> None:
    log_of(tmp_path).write([other, request(status=206)])

    assert [line["status"] for line in lines(tmp_path)] == [206]


def test_a_batch_over_midnight_goes_into_both_days(tmp_path: Path) -> None:
    log_of(tmp_path).write([request(at=NOON + DAY / 2 - 0.1), request(at=NOON + DAY / 2)])

    assert days(tmp_path) == ["2026-01-10", "2026-01-11"]


def test_old_days_go_and_what_is_too_much(tmp_path: Path) -> None:
    log = log_of(tmp_path, keep=30 * DAY)
    log.write([request(at=NOON - days_ago * DAY) for days_ago in (0, 1, 40)])
    assert days(tmp_path) == ["2026-01-09", "2026-01-10"]

    size = DownloadRecord(tmp_path).sizes()["2026-01-10"]
    log_of(tmp_path, most=size).write([])

    assert days(tmp_path) == ["2026-01-10"]


def test_other_files_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "downloads").mkdir()
    notes = tmp_path / "downloads" / "notes.txt"
    notes.write_text("x" * 100)

    log_of(tmp_path, most=1).write([request()])

    assert notes.exists()


def test_after_a_line_that_a_crash_cut_off_lines_are_whole_again(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    log.write([request()])
    file = tmp_path / "downloads" / "2026-01-10.jsonl"
    with file.open("ab") as torn:
        torn.write(b'{"at":"2026')

    log.write([request()])

    first, cut_off, second = file.read_text().splitlines()
    assert json.loads(first) == json.loads(second)
    assert cut_off == '{"at":"2026'


def test_where_nothing_can_be_written_lines_are_lost_and_that_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "downloads").write_text("in the way")
    log = log_of(tmp_path)

    log.write([request()])
    log.write([request()])
    (tmp_path / "downloads").unlink()
    log.write([request()])

    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert len(lines(tmp_path)) == 1


def test_a_full_disk_costs_lines_and_leaves_whole_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mounted_disk(tmp_path / "disk", megabytes=1) as disk:
        log = log_of(disk)
        log.write([request()])
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(65536))

        log.write([request()] * 1000)
        ballast.unlink()
        log.write([request()])

        assert len(lines(disk)) == 2
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_the_log_is_not_for_everybody(tmp_path: Path) -> None:
    log_of(tmp_path).write([request()])

    modes = [os.stat(path).st_mode & 0o777 for path in (tmp_path / "downloads").rglob("*")]
    assert modes == [0o640]
    assert (tmp_path / "downloads").stat().st_mode & 0o007 == 0


def test_lines_of_one_release_are_found_however_it_is_spelled(tmp_path: Path) -> None:
    other = Download("acme_core_extra-1.0-py3-none-any.whl", "acme-core-extra", "1.0", "cd" * 32)
    log_of(tmp_path).write([request(), request(other), request(WHEEL._replace(version="1.1"))])

    found = list(DownloadRecord(tmp_path).lines("acme-core", "1.0.0", lambda torn: None))  # type: ignore[arg-type]

    assert [(line["project"], line["version"]) for line in found] == [("acme-core", "1.0")]

"""Downloads of a real server: small files and large ones, first answers and replays, of two workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pypitool.__main__ import main
from tests.support.accounts import write_htpasswd
from tests.support.processes import workers_of
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

SMALL = "/packages/demo-1.0-py3-none-any.whl"
LARGE = "/packages/large-1.0-py3-none-any.whl"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    packages = tmp_path / "packages"
    build_wheel(packages, "demo", "1.0")
    build_wheel(packages, "large", "1.0", extra_files={"data": bytes(range(256)) * 4000})
    return packages


@pytest.fixture
def server(packages: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    passwords = write_htpasswd(tmp_path / "htpasswd", {"ann": "anns"})
    options = ["--download-log", "--workers", "2", "-P", str(passwords), "-a", "download,list,update"]
    with ServerProcess(packages, home=tmp_path, options=options) as running:
        wait_until(lambda: len(workers_of(running.pid)) == 2, what="two workers run")
        running.wait_until_listed("demo", "large", auth=("ann", "anns"))
        yield running


def logged(packages: Path) -> list[dict[str, Any]]:
    files = sorted((packages / ".pypitool" / "downloads").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def audit(packages: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["audit", "downloads", *words, "--packages", str(packages)])
    return code, *capsys.readouterr()


def test_every_download_is_logged_and_nothing_else(
    server: ServerProcess, packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ann = ("ann", "anns")
    small = [server.get(SMALL, auth=ann) for _ in range(20)]
    large = server.get(LARGE, auth=ann)
    part = server.get(LARGE, auth=ann, headers={"Range": "bytes=0-99"})
    for path in (f"{SMALL}.metadata", "/simple/demo/"):
        server.get(path, auth=ann)
    server.request("HEAD", SMALL, auth=ann)
    server.get(SMALL, auth=ann, headers={"If-None-Match": small[0].headers["ETag"]})
    server.get(SMALL)

    wait_until(lambda: len(logged(packages)) >= 22, what="the downloads are logged")
    found = logged(packages)
    assert [line["bytes"] for line in found if line["project"] == "demo"] == [len(small[0].content)] * 20
    assert {(line["status"], line["bytes"]) for line in found if line["project"] == "large"} == {
        (200, len(large.content)),
        (206, len(part.content)),
    }
    assert {(line["who"], line["from"]) for line in found} == {("user:ann", "127.0.0.1")}

    code, out, _ = audit(packages, capsys, "Demo", "1.0.0", "--json")
    assert code == 0
    *lines, summary = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == 20
    assert summary == {"type": "summary", "since": found[0]["at"][:10], "count": 20}


def test_the_last_second_is_there_after_a_stop(server: ServerProcess, packages: Path) -> None:
    server.get(SMALL, auth=("ann", "anns"))

    server.stop()

    assert len(logged(packages)) == 1


def test_what_the_log_knows_decides_what_is_known(
    server: ServerProcess, packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.get(SMALL, auth=("ann", "anns"))
    wait_until(lambda: len(logged(packages)) == 1, what="the download is logged")

    (packages / "demo-1.0-py3-none-any.whl").unlink()

    assert audit(packages, capsys, "demo", "1.0")[0] == 0
    nobody = audit(packages, capsys, "large", "1.0")
    assert nobody[0] == 0
    assert nobody[1].startswith("complete since 2")
    assert audit(packages, capsys, "large", "2.0")[0] == 5


def test_without_a_log_that_is_said(packages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = audit(packages, capsys, "demo", "1.0")

    assert code == 8
    assert "there is no download log" in err

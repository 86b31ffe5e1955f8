from __future__ import annotations

import json
from typing import Any

import pytest

from pypitool.core.model import ProjectStatus
from pypitool.upstream.listing import ListedFile
from pypitool.upstream.read_page import read_json_page

FILE = {"filename": "a-1.0.tar.gz", "url": "a-1.0.tar.gz", "hashes": {"sha256": "aa"}}


def page(*files: Any, **more: Any) -> bytes:
    return json.dumps({"meta": {"api-version": "1.4"}, "name": "a", "files": list(files), **more}).encode()


def test_a_file_may_say_no_more_than_its_name_and_address() -> None:
    read = read_json_page(page({**FILE, "hashes": {}}))

    assert read.entries == (ListedFile("a-1.0.tar.gz", "a-1.0.tar.gz", {}),)
    assert (read.status, read.status_reason) == (ProjectStatus.ACTIVE, None)


def test_everything_that_a_file_says_is_read() -> None:
    file = {
        **FILE,
        "size": 3,
        "requires-python": ">=3.9",
        "yanked": "why",
        "upload-time": "2026-01-01T00:00:00Z",
        "core-metadata": {"sha256": "bb"},
        "gpg-sig": False,
        "something": "new",
    }

    (entry,) = read_json_page(page(file)).entries

    assert entry[3:] == (3, ">=3.9", "why", "2026-01-01T00:00:00Z", "bb")


@pytest.mark.parametrize(
    ("written", "read"), [(False, None), (None, None), ("", None), (True, ""), ("bad", "bad")]
)
def test_a_yank_has_a_reason_or_none(written: object, read: str | None) -> None:
    (entry,) = read_json_page(page({**FILE, "yanked": written})).entries

    assert entry.yanked == read


@pytest.mark.parametrize("written", [True, False, None, {}, {"md5": "x"}])
def test_metadata_without_a_sha256_is_of_no_use(written: object) -> None:
    (entry,) = read_json_page(page({**FILE, "core-metadata": written})).entries

    assert entry.metadata_sha256 is None


@pytest.mark.parametrize("status", [{}, None, {"status": "sleeping"}, {"status": 3}])
def test_a_marker_that_nobody_knows_forbids_nothing(status: object) -> None:
    assert read_json_page(page(FILE, **{"project-status": status})).status is ProjectStatus.ACTIVE


def test_the_status_of_a_project_comes_with_its_reason() -> None:
    read = read_json_page(page(FILE, **{"project-status": {"status": "archived", "reason": "old"}}))

    assert (read.status, read.status_reason) == (ProjectStatus.ARCHIVED, "old")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "Expecting"),
        (b"\xff", "decode"),
        (b"[]", "no object"),
        (b"{}", "meta is missing"),
        (json.dumps({"meta": {}, "files": []}).encode(), "api-version is None"),
        (json.dumps({"meta": {"api-version": "2.0"}, "files": []}).encode(), "'2.0', not 1.x"),
        (json.dumps({"meta": {"api-version": "1.0"}}).encode(), "files is missing"),
        (page("a"), r"files\[0\]: it is no object"),
        (page(FILE, {**FILE, "url": None}), r"files\[1\]: its url is missing"),
        (page({**FILE, "hashes": []}), "hashes is of a wrong type"),
        (page({**FILE, "size": "3"}), "size is of a wrong type"),
    ],
)
def test_a_page_that_cannot_be_meant_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_json_page(body)


@pytest.mark.parametrize("written", [1767225600, 1767225600.5, True, [], {}])
def test_an_upload_time_of_another_type_is_unknown(written: object) -> None:
    (entry,) = read_json_page(page({**FILE, "upload-time": written})).entries

    assert entry.upload_time is None


def test_what_a_page_says_of_its_version_is_not_said_at_length() -> None:
    body = json.dumps({"meta": {"api-version": "2" * 100_000}, "files": []}).encode()

    with pytest.raises(ValueError, match=r"\A.{,200}\Z"):
        read_json_page(body)

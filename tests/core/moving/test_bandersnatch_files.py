"""bandersnatch's configuration and JSON: where files lie, how old they are, which are yanked."""

from __future__ import annotations

import pytest

from pypitool.core.moving.bandersnatch_files import NoMirror, files_of, moment, read_mirror
from pypitool.core.moving.move_plan import KnownFile


def test_a_configuration_is_read() -> None:
    text = (
        "[mirror]\ndirectory = /srv/pypi\nmaster = https://index.acme.example\nworkers = 3\n"
        "[allowlist]\npackages =\n    acme\n    other\n"
    )

    mirror = read_mirror(text, "x")

    assert (mirror.directory, mirror.master) == ("/srv/pypi", "https://index.acme.example")
    assert [one.what for one in mirror.left] == ["[mirror] workers = 3", "[allowlist] packages = acme other"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has no `directory`"),
        ("no section", "it is no configuration"),
        ("[mirror]\ndirectory = pypi\n", "no whole path"),
        ("[mirror]\ndirectory = ${HOME}/pypi\n", "no whole path"),
        ("[mirror]\ndirectory = /pypi\nstorage-backend = s3\n", "lie in `s3`"),
    ],
)
def test_what_does_not_say_where_files_lie_is_refused(text: str, why: str) -> None:
    with pytest.raises(NoMirror, match=why):
        read_mirror(text, "x")


def test_legacy_json_is_read() -> None:
    one = {
        "filename": "a-1.tar.gz",
        "digests": {"sha256": "AB"},
        "upload_time_iso_8601": "2024-02-05T01:02:03.500000Z",
        "yanked": True,
        "yanked_reason": "broken",
    }

    assert list(files_of({"releases": {"1": [one]}})) == [
        KnownFile("a-1.tar.gz", "ab", "2024-02-05T01:02:03.500000Z", "broken")
    ]


def test_a_page_of_the_simple_index_is_read() -> None:
    one = {
        "filename": "a-1.tar.gz",
        "hashes": {"sha256": "ab"},
        "yanked": "",
        "upload-time": "2024-02-05T01:02:03Z",
    }

    assert list(files_of({"files": [one]})) == [
        KnownFile("a-1.tar.gz", "ab", "2024-02-05T01:02:03.000000Z", None)
    ]


@pytest.mark.parametrize(
    "document", [None, [], {"releases": []}, {"files": [1, {}, {"filename": 1}]}, {"releases": {"1": {}}}]
)
def test_other_json_names_no_files(document: object) -> None:
    assert list(files_of(document)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-05T01:02:03", "2024-02-05T01:02:03.000000Z"),
        ("2024-02-05T01:02:03+01:00", "2024-02-05T00:02:03.000000Z"),
        ("yesterday", None),
        (None, None),
        (7, None),
    ],
)
def test_a_moment_is_read_or_nothing(text: object, expected: str | None) -> None:
    assert moment(text) == expected

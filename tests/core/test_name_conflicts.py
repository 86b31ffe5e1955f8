"""Files of one name with other bytes: all but the first are reported."""

from __future__ import annotations

from pypitool.core.model import Contents, Digests, FileKind, FileStat, HeldFile, Location
from pypitool.core.names import normalize
from pypitool.core.scan_plan import is_name_conflict, name_conflicts


def held(root: int, path: str, digest: str) -> HeldFile:
    contents = Contents(Digests(digest, "", ""))
    stat = FileStat(1, 1, 1, 1)
    return HeldFile(
        Location(root, path), normalize("acme"), "1.0", FileKind.SDIST, "key", stat, contents, "now"
    )


def test_all_but_the_first_are_reported() -> None:
    files = [held(1, "a.zip", "3"), held(0, "sub/a.zip", "2"), held(0, "a.zip", "1")]

    problems = name_conflicts(files)

    assert [(found.location.root, found.location.path) for found in problems] == [
        (1, "a.zip"),
        (0, "sub/a.zip"),
    ]
    assert {found.reason for found in problems} == {
        "a file of the same name with other bytes comes first: `a.zip`"
    }
    assert all(map(is_name_conflict, problems))


def test_the_same_bytes_are_no_rivals() -> None:
    assert name_conflicts([held(0, "a.zip", "1"), held(1, "a.zip", "1")]) == []


def test_a_winner_in_another_directory_is_named() -> None:
    files = [held(1, "a.zip", "1"), held(2, "a.zip", "2")]

    assert name_conflicts(files)[0].reason.endswith("comes first: `a.zip` of directory 2")

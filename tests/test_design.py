"""`docs/design.md` stays true: its words, its files and its rooms are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pypitool.core.state_files import HiddenFiles, StateFiles
from tests.support.imports import PACKAGES, ROOT
from tests.test_architecture import ROOMS

TEXT = (ROOT / "docs" / "design.md").read_text()


def section(title: str) -> str:
    """Return what stands below a heading."""
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of a table, without its headings."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def names_of(files: StateFiles | HiddenFiles) -> set[str]:
    """Name the files below the directory that these are paths of."""
    return {path.name for name, path in vars(files).items() if name not in ("root", "directory")}


@pytest.mark.parametrize(("words", "meaning", "place"), rows(section("Words")), ids=lambda cell: cell[:20])
def test_a_word_of_the_glossary_stands_where_it_says(words: str, meaning: str, place: str) -> None:
    room, _, rest = place.strip("`").partition("/")
    path = PACKAGES["pypitool_server"] / rest if room == "server" else PACKAGES["pypitool"] / room / rest
    text = path.read_text().lower()

    for word in words.split(", "):
        assert all(part in text for part in word.split()), (word, path)


def test_every_file_of_the_state_has_its_line() -> None:
    first = [cells[0] for cells in rows(section("What lies where, and what its loss costs"))]

    named = {name for cell in first for name in re.findall(r"`([^`]+)`", cell)}
    assert named == names_of(StateFiles(Path("state")))


def test_every_hidden_file_of_a_root_is_named() -> None:
    text = section("What lies where, and what its loss costs").replace("/`", "`")

    assert not {name for name in names_of(HiddenFiles(Path("root"))) if f"`{name}`" not in text}


def test_the_rooms_and_their_arrows_are_those_of_the_code() -> None:
    said = {room.strip("`"): set(below.split(", ")) - {"none"} for room, _, below in rows(section("Rooms"))}

    assert said == {"host": set(), "core": set(), **{room: set(below) for room, below in ROOMS.items()}}


def test_what_is_rejected_has_its_reason() -> None:
    assert all(what and instead and why for what, instead, why in rows(section("Tried and rejected")))


def test_the_document_is_read_in_one_sitting() -> None:
    assert len(TEXT.split()) < 4500

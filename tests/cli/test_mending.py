"""Commands mend a damaged catalogue where no server does, and say so; those that only look never do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pypitool.core.state_files import StateFiles
from pypitool.repository.contact import keeper_lock
from tests.cli.conftest import Run

Damage = Callable[[Path], None]


def overwrite_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"x" * 100)


def damage(table: str) -> Damage:
    """Return what overwrites the first page of a table, which opening does not read."""

    def overwrite(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            page = connection.execute(
                "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
            ).fetchone()[0]
        with path.open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(os.urandom(4096))

    return overwrite


@pytest.fixture
def catalogue(run: Run, packages: Path) -> Path:
    """The catalogue of directories where one release is yanked."""
    run("yank", "other", "0.1", "--reason", "broken")
    return packages / ".pypitool" / "catalogue.sqlite"


def is_yanked(run: Run) -> bool:
    ended = run("show", "other", "0.1", "--json")
    return ended.code == 0 and [file["yanked"] for file in ended.document["files"]] == ["broken"]


def aside(catalogue: Path) -> list[Path]:
    return [
        path for path in catalogue.parent.glob("catalogue.sqlite.damaged-*") if not path.name.endswith("-wal")
    ]


@pytest.mark.parametrize("broken", [overwrite_header, damage("file")], ids=["header", "files"])
@pytest.mark.parametrize(
    "words", [("list",), ("rescan",), ("show", "other", "0.1")], ids=lambda words: words[0]
)
def test_a_command_mends_what_it_meets_at_its_start_and_goes_on(
    run: Run, catalogue: Path, broken: Damage, words: tuple[str, ...]
) -> None:
    broken(catalogue)

    ended = run(*words)

    assert ended.code == 0
    assert "is damaged" in ended.err
    assert "is set aside as" in ended.err
    assert len(aside(catalogue)) == 1
    assert is_yanked(run)


def test_rescan_checks_the_whole_catalogue(run: Run, catalogue: Path) -> None:
    damage("metadata")(catalogue)

    assert run("rescan").code == 0

    assert len(aside(catalogue)) == 1
    assert is_yanked(run)


def test_damage_that_is_met_later_is_mended_for_the_next_command(run: Run, catalogue: Path) -> None:
    run("list")  # nothing is left to be caught up with
    damage("metadata")(catalogue)

    ended = run("show", "other", "0.1")

    assert ended.code == 7
    assert "it is rebuilt, and no decision is lost" in ended.err
    assert "hint: run the command again" in ended.err
    assert is_yanked(run)


@pytest.mark.parametrize("broken", [overwrite_header, damage("file")], ids=["header", "files"])
@pytest.mark.parametrize(
    "words", [("check",), ("doctor",), ("update", "-n"), ("prune", "-n")], ids=lambda words: words[0]
)
def test_what_only_looks_never_mends(
    run: Run, catalogue: Path, broken: Damage, words: tuple[str, ...]
) -> None:
    broken(catalogue)
    before = catalogue.read_bytes()

    run(*words)

    assert catalogue.read_bytes() == before
    assert not aside(catalogue)


def test_where_a_server_keeps_it_the_server_is_told(run: Run, catalogue: Path) -> None:
    damage("file")(catalogue)
    files = StateFiles(catalogue.parent)

    with keeper_lock(files) as mine:
        assert mine
        ended = run("rescan")

    assert ended.code == 7
    assert "a running server rebuilds it" in ended.err
    assert not aside(catalogue)
    assert files.catalogue_doubt.exists()

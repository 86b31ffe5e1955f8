"""A catalogue that is new, older, newer, lost or damaged, and what is left of it."""

from __future__ import annotations

import logging
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from pypitool.catalogue import schema
from pypitool.catalogue.catalogue import FileFact, ScanBatch
from pypitool.catalogue.errors import (
    CatalogueDamaged,
    CatalogueError,
    CatalogueMissing,
    CatalogueOld,
    CatalogueTooNew,
)
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.rebuild import is_behind, open_catalogue, repair
from pypitool.catalogue.replay import replay_missed
from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.core.fact import Actor, Fact, What
from pypitool.core.model import HeldFile, ProjectStatus
from tests.catalogue.held import DEPLOY, UPLOADED_AT, WITHOUT_LATER, name, pending, uploaded, wheel

ACTOR = Actor("user:deploy")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.sqlite"


@pytest.fixture
def facts(tmp_path: Path) -> FactLog:
    return FactLog(tmp_path / "facts.jsonl")


def upload_fact(file: HeldFile) -> Fact:
    return Fact(
        What.UPLOAD,
        ACTOR,
        file.project,
        file.version,
        file.filename,
        file.contents.digests.sha256,
        upload_time=file.upload_time,
        origin=file.origin,
    )


def fill(path: Path, facts: FactLog) -> tuple[HeldFile, HeldFile]:
    """Hold an uploaded, yanked file and a copied one, as publishing and yanking would."""
    file, copied = uploaded(wheel("foo")), wheel("bar")
    with closing(open_catalogue(path, facts)) as catalogue:
        catalogue.begin_publish(pending(file), None, overwrite=False)
        facts.append(upload_fact(file))
        catalogue.finish_publish(file)
        catalogue.apply_scan(ScanBatch([copied]))
        facts.append(Fact(What.YANK, ACTOR, file.project, "1.0", file.filename, reason="bad"))
        catalogue.decide(FileFact(file.filename, file.project, yanked="bad"))
        facts.append(Fact(What.STATUS, ACTOR, copied.project, status="archived", reason="old"))
        catalogue.set_status(copied.project, ProjectStatus.ARCHIVED, "old")
        catalogue.set_complete(catalogue.serial())
    return replace(file, yanked="bad"), copied


def overwrite_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"not a database, not a database")


def overwrite_everything(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def truncate_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def remove(path: Path) -> None:
    path.unlink()


def drop_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE head")


def replace_with_another_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE notes (text)")


def put_garbage_into_the_journal(path: Path) -> None:
    path.with_name(path.name + "-wal").write_bytes(b"garbage" * 1000)


DAMAGES = [
    overwrite_header,
    overwrite_everything,
    truncate,
    truncate_to_nothing,
    remove,
    drop_a_table,
    replace_with_another_database,
    put_garbage_into_the_journal,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_catalogue_is_rebuilt_with_what_people_decided(
    path: Path, facts: FactLog, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    file, copied = fill(path, facts)
    damage(path)

    with caplog.at_level(logging.ERROR), closing(open_catalogue(path, facts)) as catalogue:
        # What a scan finds: it knows neither uploader nor yank.
        catalogue.apply_scan(ScanBatch([wheel("foo"), wheel("bar")]))
        foo, bar = catalogue.project(name("foo")), catalogue.project(name("bar"))

    assert foo is not None
    assert bar is not None
    assert foo.files == (file,)
    assert (bar.files, bar.status, bar.status_reason) == ((copied,), ProjectStatus.ARCHIVED, "old")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "rebuilt" in caplog.text


@pytest.mark.parametrize(
    "damage", [damage for damage in DAMAGES if damage is not remove], ids=lambda damage: damage.__name__
)
def test_a_damaged_catalogue_is_set_aside(path: Path, facts: FactLog, damage: Callable[[Path], None]) -> None:
    fill(path, facts)
    damage(path)
    damaged = path.read_bytes()

    open_catalogue(path, facts).close()

    (aside,) = path.parent.glob("catalogue.sqlite.damaged-????????T??????Z")
    assert aside.read_bytes() == damaged


def test_a_rebuilt_catalogue_is_not_complete_and_begins_a_new_history(path: Path, facts: FactLog) -> None:
    fill(path, facts)
    with closing(open_catalogue(path, facts)) as catalogue:
        before = catalogue.serial()
    overwrite_everything(path)

    with closing(open_catalogue(path, facts)) as catalogue:
        changes = catalogue.changes_since(before)
        complete = catalogue.is_complete()

    assert changes.serial > before
    assert changes.everything
    assert not complete


def test_damage_in_the_middle_is_found_by_a_repair(path: Path, facts: FactLog) -> None:
    with closing(open_catalogue(path, facts)) as catalogue:
        catalogue.apply_scan(ScanBatch([wheel("foo", str(number)) for number in range(500)]))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(32 * 1024))

    was_damaged = repair(path, facts)

    assert was_damaged
    assert not repair(path, facts)
    with closing(open_catalogue(path, facts)) as catalogue:
        assert catalogue.counts() == (0, 0)


def test_damage_that_a_reader_meets_is_named(path: Path, facts: FactLog) -> None:
    with closing(open_catalogue(path, facts)) as catalogue:
        catalogue.apply_scan(ScanBatch([wheel("foo", str(number)) for number in range(500)]))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))

    with (
        closing(SqliteCatalogue(path)) as catalogue,
        pytest.raises(CatalogueDamaged, match="is damaged"),
    ):
        list(catalogue.files())


def use_everything(catalogue: SqliteCatalogue) -> None:
    list(catalogue.files())
    list(catalogue.known(0))
    catalogue.changes_since(0)
    catalogue.problems()
    catalogue.rivals()
    for project in catalogue.project_names():
        catalogue.project(project)
    file = uploaded(wheel("new"))
    catalogue.begin_publish(pending(file), None, overwrite=True)
    catalogue.finish_publish(file)
    catalogue.forget([file.location])


@pytest.mark.parametrize("seed", range(10))
def test_random_damage_is_named_and_mended(path: Path, facts: FactLog, seed: int) -> None:
    with closing(open_catalogue(path, facts)) as catalogue:
        catalogue.apply_scan(ScanBatch([wheel(f"p{number // 9}", str(number)) for number in range(200)]))
    chance = random.Random(seed)
    damaged = bytearray(path.read_bytes())
    for _ in range(20):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    path.write_bytes(damaged)

    with suppress(CatalogueDamaged), closing(open_catalogue(path, facts)) as catalogue:
        use_everything(catalogue)
    repair(path, facts)

    with closing(open_catalogue(path, facts)) as catalogue:
        use_everything(catalogue)


@pytest.mark.parametrize("seed", range(10))
def test_no_decision_is_lost_with_a_damaged_journal(path: Path, tmp_path: Path, seed: int) -> None:
    facts = FactLog(tmp_path / "facts.jsonl")
    file = wheel("foo")
    with closing(open_catalogue(path, facts)) as catalogue:
        for number in range(10):
            catalogue.apply_scan(ScanBatch([wheel("foo", contents=str(number))]))
            facts.append(Fact(What.YANK, ACTOR, file.project, "1.0", file.filename, reason=str(number)))
            catalogue.decide(FileFact(file.filename, file.project, yanked=str(number)))
        # As a crash leaves it: the journal is not brought into the catalogue.
        crashed = Path(shutil.copytree(path.parent, tmp_path / "crashed", ignore=ignore_copies))
    journal = crashed / "catalogue.sqlite-wal"
    chance = random.Random(seed)
    damaged = bytearray(journal.read_bytes())
    damaged[chance.randrange(len(damaged)) :] = chance.randbytes(5000)
    journal.write_bytes(damaged)

    with closing(open_catalogue(crashed / path.name, FactLog(crashed / "facts.jsonl"))) as catalogue:
        catalogue.apply_scan(ScanBatch([file]))
        found = catalogue.held_at(file.location)

    assert found is not None
    assert found.yanked == "9"


def ignore_copies(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "crashed"]


def test_running_readers_and_writers_go_over_to_the_rebuilt_catalogue(path: Path, facts: FactLog) -> None:
    fill(path, facts)
    with closing(open_catalogue(path, facts)) as running:
        assert running.project_names() == ("bar", "foo")
        overwrite_header(path)

        repair(path, facts)
        running.apply_scan(ScanBatch([wheel("baz")]))

        with closing(SqliteCatalogue(path)) as another:
            assert another.project_names() == ("baz",)


def test_a_fact_without_its_row_is_caught_up_at_the_next_start(path: Path, facts: FactLog) -> None:
    file, _ = fill(path, facts)
    facts.append(Fact(What.UNYANK, ACTOR, file.project, "1.0", file.filename))

    with closing(open_catalogue(path, facts)) as catalogue:
        found = catalogue.held_at(file.location)

    assert found is not None
    assert found.yanked is None


def test_catching_up_with_what_is_known_is_no_change(path: Path, facts: FactLog) -> None:
    fill(path, facts)
    with closing(SqliteCatalogue(path)) as catalogue:
        before = catalogue.serial()

        replay_missed(catalogue, facts)

        assert catalogue.serial() == before
        assert catalogue.facts_end() == facts.size()


def test_a_shorter_log_is_replayed_from_its_beginning(path: Path, facts: FactLog) -> None:
    file, _ = fill(path, facts)
    open_catalogue(path, facts).close()
    facts.path.unlink()
    facts.append(Fact(What.YANK, ACTOR, file.project, "1.0", file.filename, reason="worse"))

    with closing(open_catalogue(path, facts)) as catalogue:
        found = catalogue.held_at(file.location)

    assert found is not None
    assert found.yanked == "worse"


def test_a_deleted_name_has_no_facts_after_a_rebuild(path: Path, facts: FactLog) -> None:
    file, _ = fill(path, facts)
    facts.append(Fact(What.DELETE, ACTOR, file.project, "1.0", file.filename))
    remove(path)

    with closing(open_catalogue(path, facts)) as catalogue:
        assert catalogue.fact(file.filename) is None


def test_each_contents_of_a_name_keeps_its_own_origin_after_a_rebuild(path: Path, facts: FactLog) -> None:
    mine, later = uploaded(wheel("foo")), uploaded(wheel("foo", contents="other"))
    facts.append(upload_fact(mine), replace(upload_fact(later), upload_time="2027-01-01T00:00:00.000000Z"))

    with closing(open_catalogue(path, facts)) as catalogue:
        catalogue.apply_scan(ScanBatch([wheel("foo")]))
        found = catalogue.held_at(mine.location)

    assert found is not None
    assert (found.origin, found.upload_time) == (DEPLOY, UPLOADED_AT)


def test_a_newer_catalogue_is_refused_with_a_sentence(path: Path, facts: FactLog) -> None:
    fill(path, facts)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()

    with pytest.raises(CatalogueTooNew, match="schema 99, made by a newer pypitool; this one knows"):
        open_catalogue(path, facts)

    assert path.read_bytes() == before


def test_it_is_told_beforehand_what_an_opening_would_do(path: Path, facts: FactLog) -> None:
    assert not is_behind(path)
    fill(path, facts)
    assert not is_behind(path)

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    assert is_behind(path)

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(CatalogueTooNew, match="schema 99") as refused:
        is_behind(path)
    assert f"move {path} and its -wal" in str(refused.value.hint)


NUMBER = schema.VERSION_ONE + len(schema.MIGRATIONS) + 1
NEXT = {**schema.MIGRATIONS, NUMBER: "CREATE TABLE novelty (id TEXT)"}


def test_an_older_catalogue_is_migrated_and_a_copy_kept(path: Path, facts: FactLog) -> None:
    file, _ = fill(path, facts)

    with closing(open_catalogue(path, facts, migrations=NEXT)) as catalogue:
        held = catalogue.held_at(file.location)
    open_catalogue(path, facts, migrations=NEXT).close()

    (copy,) = path.parent.glob("catalogue.sqlite.before-migration-*")
    assert held == file
    assert tables(path) - tables(copy) == {"novelty"}


def test_a_python_that_no_installer_bears_goes_with_the_migration(path: Path, facts: FactLog) -> None:
    file, _ = fill(path, facts)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE file SET requires_python = ? WHERE root = 0", (">=3." + "9" * 5000,))
        connection.commit()
        connection.executescript(f"PRAGMA user_version = {schema.VERSION_ONE + 4}{WITHOUT_LATER}")

    with closing(open_catalogue(path, facts)) as catalogue:
        held = catalogue.held_at(file.location)

    assert held is not None
    assert held.contents.requires_python is None


def test_a_migration_that_fails_leaves_the_catalogue_as_it_was(path: Path, facts: FactLog) -> None:
    file, _ = fill(path, facts)
    failing = {**NEXT, NUMBER: f"{NEXT[NUMBER]}; CREATE TABLE file (id TEXT)"}

    with pytest.raises(CatalogueError, match="table file already exists"):
        open_catalogue(path, facts, migrations=failing)

    with closing(open_catalogue(path, facts)) as catalogue:
        assert catalogue.held_at(file.location) == file
    assert "novelty" not in tables(path)


def test_a_reader_makes_nothing(path: Path, facts: FactLog) -> None:
    with pytest.raises(CatalogueMissing):
        open_catalogue(path, facts, reader_only=True)

    assert not path.exists()


def test_a_reader_migrates_nothing(path: Path, facts: FactLog) -> None:
    fill(path, facts)

    with pytest.raises(CatalogueOld, match="is not migrated yet"):
        open_catalogue(path, facts, reader_only=True, migrations=NEXT)

    assert "novelty" not in tables(path)


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

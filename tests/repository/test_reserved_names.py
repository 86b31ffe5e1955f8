"""With `reserve-deleted` the name of a file that was deleted is free for the same bytes alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pypitool.catalogue import schema
from pypitool.catalogue.errors import NameReserved, ReleaseFileExists
from pypitool.core.errors import http_status
from pypitool.core.fact import Actor
from pypitool.repository.publish import Outcome
from pypitool.repository.releases import delete_release
from pypitool.repository.repository import Repository
from tests.catalogue.held import WITHOUT_LATER
from tests.support.repositories import open_repository, paths, publish_wheel, scan
from tests.support.wheels import build_wheel

ROOT = Actor("local:root", means="local")
WHEEL = "acme-1.0-py3-none-any.whl"
RESERVED = "its name was used for other bytes and deleted: `reserve-deleted` keeps it for those"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with open_repository(tmp_path) as repository:
        yield replace(repository, reserve_deleted=True)


@pytest.fixture
def root(repository: Repository) -> Path:
    return repository.roots[0]


def deleted(repository: Repository) -> bytes:
    """Publish a wheel, delete it, and return its bytes."""
    publish_wheel(repository, "acme", "1.0")
    body = (repository.roots[0] / WHEEL).read_bytes()
    delete_release(repository, "acme", "1.0", ROOT)
    return body


def reasons(repository: Repository) -> list[str]:
    return [problem.reason for problem in repository.catalogue.problems()]


def test_other_bytes_are_refused(repository: Repository) -> None:
    deleted(repository)

    with pytest.raises(NameReserved) as caught:
        publish_wheel(repository, "acme", "1.0", salt=b"other")

    assert http_status(caught.value) == 400
    assert str(caught.value).startswith(f"`{WHEEL}` was used for other bytes and deleted")
    assert paths(repository) == []


def test_overwriting_is_no_way_around_it(repository: Repository) -> None:
    body = deleted(repository)
    with pytest.raises(NameReserved):
        publish_wheel(repository, "acme", "1.0", salt=b"other", overwrite=True)
    publish_wheel(repository, "acme", "1.0")

    with pytest.raises(NameReserved):
        publish_wheel(repository, "acme", "1.0", salt=b"other", overwrite=True)

    assert (repository.roots[0] / WHEEL).read_bytes() == body


def test_another_spelling_is_the_same_name(repository: Repository) -> None:
    deleted(repository)

    with pytest.raises(NameReserved):
        publish_wheel(repository, "acme", "1.0", salt=b"other", filename="Acme-1.0.0-py3-none-any.whl")


def test_the_same_bytes_and_other_files_of_the_release_are_taken(repository: Repository) -> None:
    deleted(repository)

    again = publish_wheel(repository, "acme", "1.0")
    other = publish_wheel(repository, "acme", "1.0", filename="acme-1.0-1-py3-none-any.whl")

    assert again.outcome is other.outcome is Outcome.CREATED


def test_a_file_that_was_never_deleted_keeps_saying_that_it_exists(repository: Repository) -> None:
    publish_wheel(repository, "acme", "1.0")

    with pytest.raises(ReleaseFileExists):
        publish_wheel(repository, "acme", "1.0", salt=b"other")


def test_other_bytes_that_are_copied_in_are_not_listed(repository: Repository, root: Path) -> None:
    body = deleted(repository)
    build_wheel(root, "acme", "1.0", requires=["other"])

    scan(repository)
    found = paths(repository), reasons(repository)
    (root / WHEEL).write_bytes(body)
    scan(repository)

    assert found == ([], [RESERVED])
    assert (paths(repository), reasons(repository)) == ([WHEEL], [])


def test_without_the_setting_they_are_listed_at_the_next_walk(repository: Repository, root: Path) -> None:
    deleted(repository)
    build_wheel(root, "acme", "1.0", requires=["other"])
    scan(repository)

    free = replace(repository, reserve_deleted=False)
    scan(free)

    assert (paths(free), reasons(free)) == ([WHEEL], [])


def test_what_came_under_the_name_while_it_was_free_stays(repository: Repository, root: Path) -> None:
    deleted(repository)
    publish_wheel(replace(repository, reserve_deleted=False), "acme", "1.0", salt=b"other")
    (root / WHEEL).chmod(0o600)
    scan(repository)
    body = (root / WHEEL).read_bytes()
    (root / WHEEL).unlink()
    scan(repository)
    (root / WHEEL).write_bytes(body)

    scan(repository)

    assert (paths(repository), reasons(repository)) == ([WHEEL], [])


def test_what_was_removed_by_hand_is_no_deletion(repository: Repository, root: Path) -> None:
    publish_wheel(repository, "acme", "1.0")
    (root / WHEEL).unlink()
    scan(repository)

    again = publish_wheel(repository, "acme", "1.0", salt=b"other")

    assert again.outcome is Outcome.CREATED


def lost(repository: Repository) -> None:
    repository.files.catalogue.unlink()


def older(repository: Repository) -> None:
    with closing(sqlite3.connect(repository.files.catalogue)) as connection:
        connection.executescript(
            f"DROP TABLE deleted; PRAGMA user_version = {schema.VERSION_ONE + 5}{WITHOUT_LATER}"
        )


@pytest.mark.parametrize("change", [lost, older])
def test_the_log_knows_it_when_the_catalogue_does_not(
    repository: Repository, tmp_path: Path, change: Callable[[Repository], None]
) -> None:
    deleted(repository)
    repository.close()
    change(repository)

    with open_repository(tmp_path) as anew, pytest.raises(NameReserved):
        publish_wheel(replace(anew, reserve_deleted=True), "acme", "1.0", salt=b"other")


def test_a_deletion_that_did_not_come_about_reserves_nothing(
    repository: Repository, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_wheel(repository, "acme", "1.0")

    def fail(location: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(repository.store, "remove", fail)
        with pytest.raises(OSError, match="Input"):
            delete_release(repository, "acme", "1.0", ROOT)
    (root / WHEEL).unlink()
    scan(repository)

    again = publish_wheel(repository, "acme", "1.0", salt=b"other")

    assert again.outcome is Outcome.CREATED

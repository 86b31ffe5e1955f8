"""A catalogue that says otherwise than the log of facts: it is noticed, and mended when somebody scans."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pypitool.catalogue.against_log import compare_with_log
from pypitool.core.fact import Actor
from pypitool.core.model import ProjectStatus
from pypitool.doctor.context import read_copy
from pypitool.repository.releases import delete, plan_delete, set_status, unyank, yank
from pypitool.repository.repository import Repository
from pypitool.repository.scan import rescan
from pypitool.repository.tokens import TokenRequest, create, find, revoke
from pypitool.repository.verify import verify
from tests.support.repositories import open_repository, publish_wheel

ROOT = Actor("local:root", means="local")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with open_repository(tmp_path) as repository:
        for version in ("1.0", "2.0", "3.0"):
            publish_wheel(repository, "acme", version)
        yank(repository, "acme", "1.0", "broken", ROOT)
        yank(repository, "acme", "2.0", "broken", ROOT)
        unyank(repository, "acme", "2.0", ROOT)
        set_status(repository, "acme", ProjectStatus.ARCHIVED, "old", ROOT)
        create(repository, TokenRequest("ci", ("*",), ("upload",)), ROOT)
        revoke(repository, find(repository, "ci"), ROOT)
        yield repository


FLIPS = {
    "an uploader": "UPDATE file SET origin_kind = 'copied', origin_detail = '' WHERE version = '3.0'",
    "another uploader": "UPDATE file SET origin_detail = 'user:deplox' WHERE version = '3.0'",
    "an upload time": "UPDATE file SET upload_time = '2020-01-01T00:00:00.000000Z' WHERE version = '3.0'",
    "a yank": "UPDATE file SET yanked = NULL WHERE version = '1.0'",
    "a reason": "UPDATE file SET yanked = 'brokem' WHERE version = '1.0'",
    "a status": "UPDATE project SET status = 'active'",
    "a revocation": "UPDATE token SET revoked = NULL",
}


def flip(repository: Repository, statement: str) -> None:
    with closing(sqlite3.connect(repository.files.catalogue)) as connection, connection:
        assert connection.execute(statement).rowcount == 1


def test_a_sound_catalogue_contradicts_nothing(repository: Repository) -> None:
    delete(repository, plan_delete(repository, "acme", "3.0"), ROOT)

    assert compare_with_log(repository.catalogue, repository.facts).found == []
    assert verify(repository).differences == ()
    assert read_copy(repository.files.catalogue).contradictions == ()


@pytest.mark.parametrize("what", FLIPS)
def test_a_flipped_value_is_noticed_and_mended_by_the_log(repository: Repository, what: str) -> None:
    before = list(repository.catalogue.files()), repository.catalogue.tokens()
    flip(repository, FLIPS[what])

    assert len(read_copy(repository.files.catalogue).contradictions) == 1
    assert len(verify(repository).differences) == (0 if what in ("a status", "a revocation") else 1)
    rescan(repository)

    assert (list(repository.catalogue.files()), repository.catalogue.tokens()) == before
    assert read_copy(repository.files.catalogue).contradictions == ()


def test_a_damaged_line_contradicts_no_sound_catalogue(repository: Repository) -> None:
    before = list(repository.catalogue.files())
    facts = repository.facts.path
    facts.write_bytes(facts.read_bytes().replace(b'"what":"upload"', b'"what":"uploae"'))

    assert compare_with_log(repository.catalogue, repository.facts).found == []
    rescan(repository)
    assert list(repository.catalogue.files()) == before

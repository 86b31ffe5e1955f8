"""A replay passes over what it cannot apply, says so, and applies everything else."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from pypitool.catalogue.catalogue import Decisions
from pypitool.catalogue.errors import Unstorable, translate
from pypitool.catalogue.facts import FactLog, FactNotText, Skipped
from pypitool.catalogue.rebuild import open_catalogue
from pypitool.catalogue.replay import apply_all
from pypitool.core.fact import Actor, Fact, What
from pypitool.core.model import ProjectStatus

ACTOR = Actor("local:root", means="local")
FOO, BAR = canonicalize_name("foo"), canonicalize_name("bar")
GOOD = Fact(What.STATUS, ACTOR, BAR, status="archived", reason="done")
HALF = "caf\udce9"


@pytest.fixture
def log(tmp_path: Path) -> FactLog:
    return FactLog(tmp_path / "facts.jsonl")


def write(log: FactLog, **document: Any) -> None:
    """Append a line as no pypitool of today would."""
    whole = {"v": 1, "at": "2026-01-01T00:00:00.000000Z", "who": "local:root", **document}
    with log.path.open("a") as file:
        file.write(json.dumps(whole) + "\n")


@pytest.mark.parametrize(
    "document",
    [
        {"what": "yank", "project": "foo", "version": "1.0", "file": "foo-1.0.tar.gz", "reason": HALF},
        {"what": "status", "project": "foo", "status": "archived", "reason": HALF},
        {"what": "status", "project": "foo", "status": "sleeping"},
        {"what": "status", "project": {"foo": 1}, "status": "archived"},
        {"what": "owner", "project": "foo", "owners": {"a": 1}},
        {"what": "owner", "project": "foo", "owners": [HALF]},
        {"what": "upload", "project": "foo", "file": ["x"], "sha256": "0" * 64},
        {"what": "upload", "project": "foo", "file": "foo-1.0.tar.gz", "sha256": {}},
        {"what": "token-revoke", "hash": 17},
        {"what": "token-create", "hash": "0" * 64},
        {"what": "token-create", "hash": "0", "name": "ci", "projects": [], "may": ["upload"], "expires": 5},
        {"what": ["yank"], "project": "foo"},
        {"what": "delete", "project": "foo"},
    ],
    ids=str,
)
def test_a_line_that_cannot_be_applied_is_passed_over_and_the_rest_counts(
    log: FactLog, tmp_path: Path, caplog: pytest.LogCaptureFixture, document: dict[str, Any]
) -> None:
    write(log, **document)
    log.append(GOOD)

    with closing(open_catalogue(tmp_path / "catalogue.sqlite", log)) as catalogue:
        status = catalogue.status(BAR)

    assert status == (ProjectStatus.ARCHIVED, "done")
    assert "the line at byte 0 is skipped" in caplog.text


def test_a_line_of_brackets_is_passed_over(log: FactLog) -> None:
    log.path.write_text("[" * 200_000 + "\n")
    log.append(GOOD)
    skipped: list[Skipped] = []

    assert len(list(log.replay(skipped=skipped.append))) == 1
    assert [one.is_damaged for one in skipped] == [True]


def test_a_running_catalogue_passes_over_what_it_cannot_apply(log: FactLog, tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    open_catalogue(path, log).close()
    write(log, what="yank", project="foo", file="foo-1.0.tar.gz", reason=HALF)
    log.append(GOOD)

    with closing(open_catalogue(path, log)) as catalogue:
        assert catalogue.status(BAR) == (ProjectStatus.ARCHIVED, "done")
        assert catalogue.facts_end() == log.size()


@pytest.mark.parametrize(
    ("what", "more", "takes_away"),
    [
        ("yank", {"file": "x"}, True),
        ("delete", {"file": "x"}, True),
        ("token-revoke", {}, True),
        ("owner", {"owners": []}, True),
        ("status", {"status": "quarantined"}, True),
        ("status", {"status": "active"}, False),
        ("unyank", {"file": "x"}, False),
        ("upload", {"file": "x"}, False),
        ("rules", {}, False),
    ],
)
def test_a_line_that_is_passed_over_says_whether_it_would_have_ended_something(
    log: FactLog, what: str, more: dict[str, Any], takes_away: bool
) -> None:
    write(log, what=what, project="foo", reason=HALF, **more)
    skipped: list[Skipped] = []

    assert not list(log.replay(skipped=skipped.append))

    assert [(one.what, one.takes_away, one.is_damaged) for one in skipped] == [(what, takes_away, False)]


def test_what_only_the_database_refuses_is_passed_over_alone(caplog: pytest.LogCaptureFixture) -> None:
    applied: list[str] = []

    def apply(outcome: Decisions) -> None:
        if FOO in outcome.statuses:
            raise sqlite3.IntegrityError("CHECK constraint failed")
        applied.extend(outcome.statuses)

    bad = Fact(What.STATUS, ACTOR, FOO, status="quarantined", at="2026-01-01T00:00:00.000000Z")
    apply_all(iter([bad, GOOD]), apply)

    assert applied == [BAR]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "the fact `status foo 2026-01-01T00:00:00.000000Z` is passed over" in caplog.text


def test_a_database_that_cannot_be_written_ends_the_replay(log: FactLog) -> None:
    def apply(_outcome: Decisions) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(sqlite3.OperationalError):
        apply_all(iter([GOOD]), apply)


def test_a_value_that_no_database_holds_is_no_fault_of_the_catalogue() -> None:
    error = translate(sqlite3.IntegrityError("CHECK constraint failed: size"), Path("catalogue.sqlite"))

    assert isinstance(error, Unstorable)


@pytest.mark.parametrize(
    "fact",
    [
        Fact(What.YANK, ACTOR, FOO, "1.0", "foo-1.0.tar.gz", reason=HALF),
        Fact(What.STATUS, Actor(HALF), FOO, status="archived"),
        Fact(What.OWNER, ACTOR, FOO, details={"owners": ["ann", "\ud800"]}),
        Fact("token-mint", ACTOR, details={"sub": {"\ud800": 1}}),
    ],
    ids=lambda fact: str(fact.what),
)
def test_what_is_no_text_is_refused_before_anything_is_written(log: FactLog, fact: Fact) -> None:
    log.append(GOOD)
    before = log.path.read_bytes()

    with pytest.raises(FactNotText, match="is no text"):
        log.append(GOOD, fact)

    assert log.path.read_bytes() == before

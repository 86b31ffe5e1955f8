"""Tokens in the catalogue, and what is left of them after it is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pypitool.catalogue import schema
from pypitool.catalogue.catalogue import Catalogue
from pypitool.catalogue.errors import CatalogueDamaged
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.rebuild import begin_new_history, open_catalogue, repair
from pypitool.core.fact import Actor, Fact, What, token_created, token_revoked
from pypitool.core.rights.right import Right
from pypitool.core.rights.tokens import Token, hash_of

CREATED, REVOKED = "2026-01-01T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z"
LATER = "2028-01-01T00:00:00.000000Z"
ACTOR = Actor("local:root", means="local")
CI = Token(hash_of("ci"), "ci", ("acme-*", "!acme-secret"), frozenset({Right.UPLOAD, Right.LIST}), CREATED)
LAPTOP = Token(
    hash_of("laptop"), "laptop", ("*",), frozenset({Right.YANK}), CREATED, "2027-01-01T00:00:00.000000Z",
    "user:deploy",
)  # fmt: skip

LASTING = Token(hash_of("lasting"), "lasting", ("*",), frozenset({Right.LIST}), CREATED)


def test_a_token_is_found_by_its_hash(catalogue: Catalogue) -> None:
    catalogue.add_token(CI)
    catalogue.add_token(LAPTOP)

    assert catalogue.token(CI.hash) == CI
    assert set(catalogue.tokens()) == {CI, LAPTOP}
    assert catalogue.token(hash_of("another")) is None


def test_a_known_token_stays_as_it_is(catalogue: Catalogue) -> None:
    catalogue.add_token(CI)
    catalogue.revoke_token(CI.hash, REVOKED)

    catalogue.add_token(CI)

    assert catalogue.tokens() == (replace(CI, revoked=REVOKED),)


def test_a_revoked_token_stays_revoked_since_the_first_time(catalogue: Catalogue) -> None:
    catalogue.add_token(CI)

    catalogue.revoke_token(CI.hash, REVOKED)
    catalogue.revoke_token(CI.hash, "2026-03-01T00:00:00.000000Z")

    assert catalogue.tokens() == (replace(CI, revoked=REVOKED),)


def test_only_a_revocation_makes_everybody_look_again(catalogue: Catalogue) -> None:
    catalogue.add_token(CI)
    before, changes = catalogue.rights_serial(), catalogue.serial()

    catalogue.add_token(LAPTOP)
    catalogue.revoke_token(hash_of("another"), REVOKED)
    assert catalogue.rights_serial() == before

    catalogue.revoke_token(CI.hash, REVOKED)
    assert catalogue.rights_serial() > before
    assert catalogue.changes_since(changes).projects == frozenset()


def test_what_ended_long_ago_is_not_forgotten(catalogue: Catalogue) -> None:
    minted = replace(LAPTOP, hash=hash_of("minted"), owner="publisher:github", expires=REVOKED)
    for token in (CI, LAPTOP, minted):
        catalogue.add_token(token)
    catalogue.revoke_token(CI.hash, REVOKED)

    catalogue.add_token(replace(LASTING, created="2090-01-01T00:00:00.000000Z"))

    assert len(catalogue.tokens()) == 4


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.sqlite"


@pytest.fixture
def facts(tmp_path: Path) -> FactLog:
    return FactLog(tmp_path / "facts.jsonl")


def test_a_rebuilt_catalogue_knows_every_token_and_every_revocation(path: Path, facts: FactLog) -> None:
    facts.append(token_created(CI, ACTOR), token_created(LAPTOP, ACTOR), token_revoked(CI, ACTOR, REVOKED))

    with closing(open_catalogue(path, facts)) as catalogue:
        assert set(catalogue.tokens()) == {replace(CI, revoked=REVOKED), LAPTOP}


def test_a_fact_without_its_row_is_caught_up(path: Path, facts: FactLog) -> None:
    facts.append(token_created(CI, ACTOR))
    open_catalogue(path, facts).close()
    facts.append(token_revoked(CI, ACTOR, REVOKED))

    with closing(open_catalogue(path, facts)) as catalogue:
        assert catalogue.tokens() == (replace(CI, revoked=REVOKED),)


@pytest.mark.parametrize(
    "details",
    [{}, {"hash": 7}, {"hash": "a", "name": "b", "projects": 7, "may": ["fly"]}, {"hash": None, "may": None}],
)
@pytest.mark.parametrize("what", [What.TOKEN_CREATE, What.TOKEN_REVOKE])
def test_an_edited_fact_is_passed_over(
    path: Path, facts: FactLog, what: What, details: dict[str, object]
) -> None:
    facts.append(Fact(what, ACTOR, details=details), token_created(CI, ACTOR))

    with closing(open_catalogue(path, facts)) as catalogue:
        assert catalogue.tokens() == (CI,)


def test_a_catalogue_from_before_there_were_tokens_is_migrated(path: Path, facts: FactLog) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema._SCHEMA)
        connection.execute("INSERT INTO head VALUES (7, 7, 1, 0, 1)")
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema.VERSION_ONE}")
        connection.commit()

    with closing(open_catalogue(path, facts)) as catalogue:
        catalogue.add_token(CI)

        assert catalogue.tokens() == (CI,)
        assert (catalogue.serial(), catalogue.rights_serial(), catalogue.is_complete()) == (7, 7, True)
    assert list(path.parent.glob("catalogue.sqlite.before-migration-*"))


def test_a_token_that_nobody_understands_is_damage_that_a_repair_mends(path: Path, facts: FactLog) -> None:
    facts.append(token_created(CI, ACTOR))
    open_catalogue(path, facts).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE token SET may = '[\"fly\"]'")
        connection.commit()

    with closing(open_catalogue(path, facts)) as catalogue:
        with pytest.raises(CatalogueDamaged):
            catalogue.token(CI.hash)
        assert repair(path, facts)
        assert catalogue.token(CI.hash) == CI


def test_another_history_is_never_taken_for_the_same(path: Path, facts: FactLog) -> None:
    with closing(open_catalogue(path, facts)) as catalogue:
        before = catalogue.rights_serial()
    begin_new_history(path, after=before)

    with closing(open_catalogue(path, facts)) as catalogue:
        assert catalogue.rights_serial() > before

"""Tokens are made, listed and revoked, on record and by their hash alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pypitool.core.errors import exit_code
from pypitool.core.fact import Actor, Fact
from pypitool.core.fact_line import from_line
from pypitool.core.rights.right import Right
from pypitool.core.rights.tokens import TokenRefused, hash_of, is_token
from pypitool.core.text import timestamp
from pypitool.repository.repository import Repository
from pypitool.repository.tokens import (
    MadeToken,
    TokenNameTaken,
    TokenRequest,
    UnknownToken,
    create,
    find,
    listed,
    revoke,
)
from tests.support.repositories import open_repository

ROOT = Actor("local:root", means="local")
DAY = 24 * 3600.0


class Clock:
    """A clock that goes when it is told to."""

    now = 1_800_000_000.0  # 2027-01-15T08:00:00Z

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with open_repository(tmp_path) as repository:
        yield repository


def make(repository: Repository, clock: Clock, name: str = "ci-acme", **more: Any) -> MadeToken:
    wanted = TokenRequest(**{"name": name, "projects": ("acme-*",), "may": ("upload",), **more})
    return create(repository, wanted, ROOT, clock=clock)


def lines(repository: Repository) -> list[dict[str, Any]]:
    return [from_line(line) for line in repository.facts.path.read_bytes().splitlines()]


def test_a_token_is_made_and_only_its_hash_kept(repository: Repository, clock: Clock) -> None:
    made = make(repository, clock)

    assert is_token(made.secret)
    assert repository.catalogue.token(hash_of(made.secret)) == made.token
    assert not [file for file in repository.state.iterdir() if made.secret.encode() in file.read_bytes()]


def test_making_and_revoking_are_facts(repository: Repository, clock: Clock) -> None:
    made = make(repository, clock)

    revoke(repository, find(repository, "ci-acme", clock=clock), ROOT, clock=clock)

    assert lines(repository) == [
        {
            "v": 1,
            "at": "2027-01-15T08:00:00.000000Z",
            "what": "token-create",
            "who": "local:root",
            "with": "local",
            "id": made.token.id,
            "name": "ci-acme",
            "hash": hash_of(made.secret),
            "projects": ["acme-*"],
            "may": ["upload"],
            "expires": "2027-04-15T08:00:00.000000Z",
        },
        {
            "v": 1,
            "at": "2027-01-15T08:00:00.000000Z",
            "what": "token-revoke",
            "who": "local:root",
            "with": "local",
            "id": made.token.id,
            "name": "ci-acme",
            "hash": hash_of(made.secret),
        },
    ]


def test_what_is_shown_has_no_hash(repository: Repository, clock: Clock) -> None:
    made = make(repository, clock, may=("yank", "upload"), owner="user:deploy", expires="never")
    repository.activity.note_uses({made.token.id: int(clock.now) // 60})

    shown = {
        "id": hash_of(made.secret)[:12],
        "name": "ci-acme",
        "owner": "user:deploy",
        "projects": ["acme-*"],
        "may": ["upload", "yank"],
        "created": "2027-01-15T08:00:00.000000Z",
        "expires": None,
        "last_used": None,
        "revoked": None,
    }
    assert made.document == {**shown, "token": made.secret}
    (one,) = listed(repository, clock=clock)
    assert one.document == {**shown, "last_used": "2027-01-15T08:00:00.000000Z"}


def test_a_name_has_one_live_token(repository: Repository, clock: Clock) -> None:
    first = make(repository, clock)

    with pytest.raises(
        TokenNameTaken, match=f"there is a token `ci-acme` already, {first.token.id}"
    ) as caught:
        make(repository, clock)

    assert exit_code(caught.value) == 6
    assert len(lines(repository)) == 1


def test_two_owners_and_the_machine_may_use_the_same_name(repository: Repository, clock: Clock) -> None:
    for owner in (None, "user:ann", "user:bob"):
        make(repository, clock, owner=owner)

    assert {one.token.shown for one in listed(repository, clock=clock)} == {
        "ci-acme", "ann/ci-acme", "bob/ci-acme",
    }  # fmt: skip


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_the_name_of_an_ended_token_is_free_again(repository: Repository, clock: Clock, how: str) -> None:
    old = make(repository, clock)
    if how == "revoked":
        revoke(repository, old.token, ROOT, clock=clock)
    clock.now += 0 if how == "revoked" else 90 * DAY

    new = make(repository, clock)

    assert find(repository, "ci-acme", clock=clock) == new.token
    assert find(repository, old.token.id, clock=clock).hash == old.token.hash


def test_only_one_of_many_that_ask_at_once_gets_a_name(repository: Repository, clock: Clock) -> None:
    outcomes: list[type] = []

    def ask() -> None:
        try:
            outcomes.append(type(make(repository, clock)))
        except TokenNameTaken as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count(MadeToken) == 1
    assert outcomes.count(TokenNameTaken) == 7
    assert len(lines(repository)) == 1


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "CI"},
        {"may": ("fly",)},
        {"may": ()},
        {"projects": ("!a",)},
        {"expires": "90"},
        {"expires": "0d"},
        {"expires": "99999999w"},
        {"expires": "soon"},
        {"expires": ""},
    ],
    ids=str,
)
def test_a_token_that_is_not_right_is_not_made(
    repository: Repository, clock: Clock, wanted: dict[str, Any]
) -> None:
    with pytest.raises(TokenRefused):
        make(repository, clock, **wanted)

    assert repository.facts.size() == 0


def test_an_ended_token_is_listed_for_a_month_of_facts(repository: Repository, clock: Clock) -> None:
    revoked = make(repository, clock, "a", expires="never")
    make(repository, clock, "b", expires="1d")
    revoke(repository, revoked.token, ROOT, clock=clock)

    def names_after(days: float) -> set[str]:
        clock.now += days * DAY
        repository.facts.append(Fact("anything", ROOT, at=timestamp(clock.now)))
        return {one.token.name for one in listed(repository, clock=clock)}

    assert names_after(29) == {"a", "b"}
    assert names_after(1.5) == {"b"}
    assert names_after(1) == set()


def test_a_clock_that_is_a_year_ahead_for_a_moment_ends_no_token(
    repository: Repository, clock: Clock
) -> None:
    made = make(repository, clock, "a", expires="90d")
    clock.now += 366 * DAY
    ahead = [one.token.name for one in listed(repository, clock=clock)]
    make(repository, clock, "b")
    clock.now -= 366 * DAY

    found = find(repository, "a", clock=clock)

    assert ahead == ["a"]
    assert found == made.token
    assert {one.token.name for one in listed(repository, clock=clock)} == {"a", "b"}


def test_revoking_again_changes_nothing(repository: Repository, clock: Clock) -> None:
    make(repository, clock)
    revoke(repository, find(repository, "ci-acme", clock=clock), ROOT, clock=clock)

    again = revoke(repository, find(repository, "ci-acme", clock=clock), ROOT, clock=clock)

    assert not again.changed
    assert again.document["revoked"] == "2027-01-15T08:00:00.000000Z"
    assert len(lines(repository)) == 2


def test_a_token_that_is_not_there_is_not_found(repository: Repository, clock: Clock) -> None:
    make(repository, clock, owner="user:ann")

    for word in ("ci-acme", "0123456789ab", ""):
        with pytest.raises(UnknownToken) as caught:
            find(repository, word, clock=clock)
        assert exit_code(caught.value) == 5
    assert find(repository, "ann/ci-acme", clock=clock).may == {Right.UPLOAD}


def test_of_ones_own_the_name_alone_will_do(repository: Repository, clock: Clock) -> None:
    service, mine = make(repository, clock), make(repository, clock, owner="user:ann")

    assert find(repository, "ci-acme", owner="user:ann", clock=clock) == mine.token
    assert find(repository, "ann/ci-acme", owner="user:ann", clock=clock) == mine.token
    assert find(repository, "ci-acme", owner="user:bob", clock=clock) == service.token


def test_a_rebuilt_catalogue_knows_the_tokens(repository: Repository, clock: Clock, tmp_path: Path) -> None:
    kept, gone = make(repository, clock, "kept"), make(repository, clock, "gone")
    revoke(repository, gone.token, ROOT, clock=clock)
    repository.close()
    for file in repository.state.glob("catalogue.sqlite*"):
        file.unlink()

    with open_repository(tmp_path) as again:
        assert again.catalogue.token(kept.token.hash) == kept.token
        found = again.catalogue.token(gone.token.hash)

    assert found is not None
    assert found.revoked == "2027-01-15T08:00:00.000000Z"

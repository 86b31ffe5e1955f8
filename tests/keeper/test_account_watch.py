"""Personal tokens end when their owner is gone from the password file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pypitool.core.fact import Actor
from pypitool.keeper.account_watch import AccountWatch
from pypitool.repository.repository import Repository
from pypitool.repository.tokens import TokenRequest, create
from tests.support.accounts import write_htpasswd
from tests.support.repositories import open_repository

ROOT = Actor("local:root", means="local")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """Tokens of ann and bob, and a service token that is called ann."""
    with open_repository(tmp_path) as repository:
        for name, owner in (("pc", "user:ann"), ("pc", "user:bob"), ("ann", None)):
            create(repository, TokenRequest(name, ("*",), ("list",), owner=owner), ROOT)
        yield repository


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    return write_htpasswd(tmp_path / "htpasswd", {"ann": "a", "bob": "b"})


def living(repository: Repository) -> list[str]:
    return [token.shown for token in repository.catalogue.tokens() if token.revoked is None]


def test_the_tokens_of_who_is_gone_end_at_the_second_look(repository: Repository, passwords: Path) -> None:
    watch = AccountWatch(repository, passwords)
    watch.look()
    watch.look()
    write_htpasswd(passwords, {"bob": "b"})

    watch.look()
    at_first = living(repository)
    watch.look()

    assert sorted(at_first) == ["ann", "ann/pc", "bob/pc"]
    assert sorted(living(repository)) == ["ann", "bob/pc"]
    (end,) = [fact for fact in repository.facts.replay() if fact.what == "token-revoke"]
    assert (end.details["owner"], end.reason) == ("user:ann", "its owner is gone")


def test_who_was_taken_out_while_nothing_ran_is_noticed_at_the_start(
    repository: Repository, passwords: Path
) -> None:
    write_htpasswd(passwords, {"ann": "a"})
    watch = AccountWatch(repository, passwords)

    watch.look()
    watch.look()

    assert sorted(living(repository)) == ["ann", "ann/pc"]


def test_a_file_that_is_being_written_ends_nothing(repository: Repository, passwords: Path) -> None:
    watch, whole = AccountWatch(repository, passwords), passwords.read_bytes()
    watch.look()
    watch.look()

    for body in (b"", whole[:20], whole):  # a program that writes in place, caught in the middle
        passwords.write_bytes(body)
        watch.look()
    watch.look()

    assert len(living(repository)) == 3


@pytest.mark.parametrize("body", [None, b"no line of an htpasswd file\n"], ids=["missing", "broken"])
def test_a_file_that_does_not_say_who_is_there_ends_nothing(
    repository: Repository, passwords: Path, body: bytes | None
) -> None:
    watch = AccountWatch(repository, passwords)
    passwords.unlink()
    if body is not None:
        passwords.write_bytes(body)

    for _ in range(3):
        watch.look()

    assert len(living(repository)) == 3

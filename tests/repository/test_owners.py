"""Owners of projects: who can be one, and what is on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pypitool.core.fact import Actor, What
from pypitool.core.model import ProjectStatus
from pypitool.core.names import normalize
from pypitool.repository.owners import (
    NameInUse,
    OwnerRefused,
    change_owners,
    claim_new_project,
    give_up_name,
    is_new,
    owner_named,
    set_owners,
)
from pypitool.repository.releases import NotHeld, delete, plan_delete, set_status
from pypitool.repository.repository import Repository
from tests.support.repositories import open_repository, publish_wheel, scan

ROOT = Actor("local:root", means="local")
CORE = normalize("acme-core")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with open_repository(tmp_path) as repository:
        yield repository


@pytest.mark.parametrize(
    ("word", "who"),
    [("ann", "user:ann"), ("user:ann", "user:ann"), ("token:ci", "token:ci"), ("publisher:x", "publisher:x")],
)
def test_an_owner_is_one_user_token_or_publisher(word: str, who: str) -> None:
    assert owner_named(word) == who


@pytest.mark.parametrize(
    "word", ["", " ", "@data", "token:ci-*", "us?r", "anonymous", "authenticated", "tokn:ci", "user:", "a\nb"]
)
def test_nobody_else_can_own_a_project(word: str) -> None:
    with pytest.raises(OwnerRefused):
        owner_named(word)


def test_owners_are_added_and_removed_and_only_changes_are_on_record(repository: Repository) -> None:
    first = change_owners(repository, CORE, add=["user:bob", "user:ann"], actor=ROOT)
    again = change_owners(repository, CORE, add=["user:ann"], remove=["user:eve"], actor=ROOT)
    last = change_owners(repository, CORE, remove=["user:bob"], actor=ROOT)

    assert (first.owners, first.changed) == (("user:ann", "user:bob"), True)
    assert (again.owners, again.changed) == (first.owners, False)
    assert (last.owners, last.changed) == (("user:ann",), True)
    facts = list(repository.facts.replay())
    assert [(fact.what, fact.details["owners"]) for fact in facts] == [
        (What.OWNER, ["user:ann", "user:bob"]),
        (What.OWNER, ["user:ann"]),
    ]


def test_a_project_is_new_without_a_file_and_without_an_owner(repository: Repository) -> None:
    assert is_new(repository, CORE)

    set_owners(repository, CORE, ["user:ann"], ROOT)
    assert not is_new(repository, CORE)

    set_owners(repository, CORE, [], ROOT)
    publish_wheel(repository, "acme-core", "1.0")
    assert not is_new(repository, CORE)


def test_what_fails_is_given_back_unless_somebody_else_has_it(repository: Repository) -> None:
    def fail(project: str, *, meanwhile: bool) -> None:
        with claim_new_project(repository, normalize(project), "user:ann", ROOT):
            if meanwhile:
                publish_wheel(repository, project, "1.0")
            raise ZeroDivisionError

    for project, meanwhile in (("acme-core", False), ("acme-web", True)):
        with pytest.raises(ZeroDivisionError):
            fail(project, meanwhile=meanwhile)

    assert repository.catalogue.owners(CORE) == ()
    assert repository.catalogue.owners(normalize("acme-web")) == ("user:ann",)


def test_nobody_begins_what_another_has_begun(repository: Repository) -> None:
    with (
        claim_new_project(repository, CORE, "user:ann", ROOT),
        claim_new_project(repository, CORE, "user:bob", ROOT),
    ):
        pass

    assert repository.catalogue.owners(CORE) == ("user:ann",)


def test_a_name_is_given_up_once_nothing_of_it_is_left(repository: Repository) -> None:
    scan(repository)
    publish_wheel(repository, "acme-core", "1.0")
    set_owners(repository, CORE, ["user:ann"], ROOT)
    set_status(repository, "acme-core", ProjectStatus.ARCHIVED, None, ROOT)

    with pytest.raises(NameInUse, match="there are files of it"):
        give_up_name(repository, "acme-core", ROOT)
    delete(repository, plan_delete(repository, "acme-core"), ROOT)
    with pytest.raises(NameInUse, match="it is owned by user:ann"):
        give_up_name(repository, "acme-core", ROOT)
    set_owners(repository, CORE, [], ROOT)
    with pytest.raises(NameInUse, match="it is archived"):
        give_up_name(repository, "acme-core", ROOT)
    set_status(repository, "acme-core", ProjectStatus.ACTIVE, None, ROOT)
    given_up = give_up_name(repository, "Acme.Core", ROOT)

    assert given_up == CORE
    assert not repository.catalogue.keeps(CORE)
    assert [fact.what for fact in repository.facts.replay()][-1] == What.GIVE_UP_NAME


def test_a_name_that_is_nobodys_cannot_be_given_up(repository: Repository) -> None:
    scan(repository)

    with pytest.raises(NotHeld):
        give_up_name(repository, "acme-core", ROOT)


def test_no_name_is_given_up_before_it_is_known_what_is_there(repository: Repository) -> None:
    publish_wheel(repository, "acme-core", "1.0")
    delete(repository, plan_delete(repository, "acme-core"), ROOT)

    with pytest.raises(NameInUse, match="still being read"):
        give_up_name(repository, "acme-core", ROOT)

"""Whose a name is, and who may hear of it: a line for each case in which the parts differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from packaging.utils import canonicalize_name

from pypitool.core.model import OriginKind, ProjectStatus
from pypitool.core.name_owner import (
    NameOwner,
    indexes_for,
    is_private,
    is_unprotected,
    may_be_looked_for,
    may_be_sent_on,
    owner_of,
)
from pypitool.core.names import normalize

MIRRORED, COPIED, UPLOADED = OriginKind.MIRRORED, OriginKind.COPIED, OriginKind.UPLOADED
ACTIVE = ProjectStatus.ACTIVE
OURS, THEIRS = "acme-core", "numpy"


def test_a_private_glob_covers_every_spelling() -> None:
    assert is_private(normalize("Acme.Core"), ["acme_*"])
    assert not is_private(normalize("requests"), ["acme_*"])


@pytest.mark.parametrize(
    ("kinds", "owner"),
    [
        ([MIRRORED], NameOwner.MIRRORED),
        ([COPIED], NameOwner.COPIED),
        ([COPIED, MIRRORED], NameOwner.MIRRORED),
        ([MIRRORED, COPIED, UPLOADED], NameOwner.UPLOADED),
        ([], NameOwner.NOBODY),
    ],
)
def test_where_its_files_came_from_decides(kinds: list[OriginKind], owner: NameOwner) -> None:
    assert owner_of(canonicalize_name("a"), kinds, ["acme-*"], is_kept=False) is owner


@pytest.mark.parametrize("kinds", [[MIRRORED], []], ids=["mirrored", "not held"])
def test_a_private_name_is_ours_whatever_is_here(kinds: list[OriginKind]) -> None:
    owner = owner_of(canonicalize_name("acme-core"), kinds, ["Acme_*"], is_kept=False)

    assert owner is NameOwner.PRIVATE
    assert owner.is_us


@dataclass(frozen=True)
class Case:
    """A project, and who may tell its name to others: to fetch it, to update it, to send a client on."""

    name: str
    held: Sequence[OriginKind]
    status: ProjectStatus
    fetch: bool
    update: bool
    update_with_copied_in: bool
    send_on: bool
    is_unprotected: bool = False
    is_kept: bool = False  # it has an owner, or was uploaded here once


CASES: Mapping[str, Case] = {
    "private and not held": Case(OURS, [], ACTIVE, False, False, False, False),
    "private and mirrored": Case(OURS, [MIRRORED], ACTIVE, False, False, False, False),
    "private and uploaded": Case(OURS, [UPLOADED], ACTIVE, False, False, False, False),
    "uploaded": Case(THEIRS, [UPLOADED], ACTIVE, False, False, False, False, is_unprotected=True),
    "one of its files uploaded": Case(
        THEIRS, [MIRRORED, UPLOADED], ACTIVE, False, False, False, False, is_unprotected=True
    ),
    "uploaded once, all files deleted": Case(THEIRS, [], ACTIVE, False, False, False, False, is_kept=True),
    "mirrored, and somebody owns the name": Case(
        THEIRS, [MIRRORED], ACTIVE, False, False, False, False, is_kept=True
    ),
    "mirrored": Case(THEIRS, [MIRRORED], ACTIVE, True, True, True, True),
    "copied in": Case(THEIRS, [COPIED], ACTIVE, True, False, True, True),
    "not held": Case(THEIRS, [], ACTIVE, True, True, True, True),
    # Its state is the server's own word: a run asks the upstream all the same.
    "archived here, files deleted": Case(THEIRS, [], ProjectStatus.ARCHIVED, True, True, True, False),
    "deprecated here, files deleted": Case(THEIRS, [], ProjectStatus.DEPRECATED, True, True, True, False),
    "quarantined here, files deleted": Case(THEIRS, [], ProjectStatus.QUARANTINED, True, True, True, False),
    "quarantined here and mirrored": Case(
        THEIRS, [MIRRORED], ProjectStatus.QUARANTINED, True, True, True, False
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_who_may_hear_of_a_name(case: Case) -> None:
    name, private = canonicalize_name(case.name), ["acme-*"]
    owner = owner_of(name, case.held, private, is_kept=case.is_kept)

    assert (not owner.is_us) is case.fetch
    assert may_be_looked_for(owner, copied_in=False) is case.update
    assert may_be_looked_for(owner, copied_in=True) is case.update_with_copied_in
    assert may_be_sent_on(owner, case.status) is case.send_on
    assert is_unprotected(owner, others=True) is case.is_unprotected
    assert not is_unprotected(owner, others=False)


@dataclass(frozen=True)
class Index:
    """An upstream, as far as it matters here."""

    name: str
    projects: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("project", "indexes", "asked"),
    [
        ("acme-core", [Index("public"), Index("acme", ("acme-*",))], ["acme"]),
        ("flask", [Index("public"), Index("acme", ("acme-*",))], ["public"]),
        ("flask", [Index("one"), Index("two")], ["one", "two"]),
        ("flask", [Index("acme", ("acme-*",))], []),
        ("acme-core", [Index("a", ("Acme.*",)), Index("b", ("*-core",)), Index("c")], ["a", "b"]),
    ],
    ids=["its own", "the general one", "in order", "nobody", "several of its own"],
)
def test_which_upstreams_hear_a_name(project: str, indexes: list[Index], asked: list[str]) -> None:
    assert [index.name for index in indexes_for(canonicalize_name(project), indexes)] == asked

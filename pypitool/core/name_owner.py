"""Whose the name of a project is, and who may hear of it: all that could tell a name to others ask here.

A name that is ours is sent to nobody: whoever registers it elsewhere with a higher version would be installed
in its place. The parts differ in what they take for ours, because they know different things:

- what a glob of `[policy] private` means is ours, whether we hold anything of it or not;
- one file that was uploaded makes the whole project ours;
- a name that has an owner, or under which something was ever uploaded here, is kept: it is ours without a
  file too, until `pypitool delete NAME --give-up-name`;
- `update` and `verify --upstream` may keep the names of copied-in files to themselves; `sync` does not, for
  whom somebody has written those names down;
- the server sends clients on for a name of which it lists nothing, so there is no file to look at. Besides
  what is ours it keeps what somebody archived, deprecated or quarantined here, also after its files are gone;
- the server's other addresses (legacy JSON, search, the pages for people) send nobody on;
- an upload goes to an index of ours: that one is asked about every name;
- an upstream with `projects` hears those names alone, and then no other upstream hears them. Only `doctor`,
  when it looks for strangers with a name of ours, asks each of them for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Protocol, TypeVar

from packaging.utils import NormalizedName

from pypitool.core.model import OriginKind, ProjectStatus
from pypitool.core.names import matches


class NameOwner(str, Enum):
    """Whose a name is, by the configuration and by what we hold of the project."""

    PRIVATE = "private"  # ours by a glob
    UPLOADED = "uploaded"  # ours by a file that somebody uploaded
    KEPT = "kept"  # ours by an owner, or by an upload of which no file is left
    MIRRORED = "mirrored"
    COPIED = "copied"  # nobody wrote down where its files came from
    NOBODY = "nobody"  # nothing of it is here

    @property
    def is_us(self) -> bool:
        """Whether no upstream may hear of it."""
        return self in (NameOwner.PRIVATE, NameOwner.UPLOADED, NameOwner.KEPT)


def is_private(name: NormalizedName, globs: Iterable[str]) -> bool:
    """Tell whether a project is never asked for anywhere else, whatever the fallback is."""
    return matches(name, globs)


def owner_of(
    name: NormalizedName, held: Iterable[OriginKind], private: Iterable[str], *, is_kept: bool
) -> NameOwner:
    """Tell whose a name is; `held` is where each file came from that we hold of the project.

    `is_kept` is what the catalogue keeps of it: that it has an owner, or was uploaded here once.
    """
    if is_private(name, private):
        return NameOwner.PRIVATE
    kinds = set(held)
    if OriginKind.UPLOADED in kinds:
        return NameOwner.UPLOADED
    if is_kept:
        return NameOwner.KEPT
    if OriginKind.MIRRORED in kinds:
        return NameOwner.MIRRORED
    return NameOwner.COPIED if kinds else NameOwner.NOBODY


def may_be_looked_for(owner: NameOwner, *, copied_in: bool) -> bool:
    """Tell whether upstreams may be asked what is new of a project that is here."""
    return not owner.is_us and (copied_in or owner is not NameOwner.COPIED)


def may_be_sent_on(owner: NameOwner, status: ProjectStatus) -> bool:
    """Tell whether a client that asks for what is not here may be sent to the fallback."""
    # What was archived or quarantined was ours, also when its files are deleted.
    return not owner.is_us and status is ProjectStatus.ACTIVE


def is_unprotected(owner: NameOwner, *, others: bool) -> bool:
    """Tell whether installers may take a stranger's project for ours; `others`: somebody looks elsewhere."""
    return others and owner is NameOwner.UPLOADED


class _Index(Protocol):
    @property
    def projects(self) -> Sequence[str]: ...


IndexT = TypeVar("IndexT", bound=_Index)


def indexes_for(name: NormalizedName, indexes: Sequence[IndexT]) -> tuple[IndexT, ...]:
    """Return the upstreams that may be asked for a project: those of its name, else the general ones."""
    named = tuple(each for each in indexes if each.projects and matches(name, each.projects))
    return named or tuple(each for each in indexes if not each.projects)

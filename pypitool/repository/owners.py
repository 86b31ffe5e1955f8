"""Who owns which project: the fact is on the disk before its row, and two claims never both succeed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from packaging.utils import NormalizedName

from pypitool.catalogue.catalogue import Catalogue
from pypitool.catalogue.facts import already_recorded
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import Actor, Fact, What
from pypitool.core.model import HeldFile, OriginKind, ProjectStatus
from pypitool.core.names import normalize
from pypitool.core.rights.right import ANONYMOUS, AUTHENTICATED, WHO_KINDS
from pypitool.core.text import printable
from pypitool.repository.releases import NotHeld
from pypitool.repository.repository import Repository


class OwnerRefused(PypitoolError):
    """A word that names nobody who could own something."""

    kind = Kind.INVALID
    hint = "an owner is `NAME` or `user:NAME`, `token:NAME` or `publisher:NAME`: one, and no glob or group"
    word: str

    def __str__(self) -> str:
        return f"`{printable(self.word)}` cannot own a project"


class NameInUse(PypitoolError):
    """A name that cannot be given up yet."""

    kind = Kind.CONFLICT
    sentence = "the name `{project}` is not given up: {reason}"
    hint = "delete its files, take its owners away and make it active first"
    project: NormalizedName
    reason: str


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns a project now, and whether that has changed."""

    project: NormalizedName
    owners: tuple[str, ...]
    changed: bool


def owner_named(word: str) -> str:
    """Return an owner as facts write it; a name alone is a user's."""
    kind, colon, name = word.strip().partition(":")
    who = f"{kind}:{name}" if colon else f"user:{kind}"
    words = (ANONYMOUS, AUTHENTICATED)
    is_one = bool(name or not colon) and (not colon or kind in WHO_KINDS) and word.isprintable()
    if not is_one or not word.strip() or word.startswith("@") or word in words or set("*?") & set(word):
        raise OwnerRefused(word)
    return who


def is_new(repository: Repository, project: NormalizedName) -> bool:
    """Tell whether a project has neither a file nor an owner."""
    catalogue = repository.catalogue
    return not catalogue.owners(project) and not catalogue.holds(project)


def set_owners(
    repository: Repository, project: NormalizedName, owners: Sequence[str], actor: Actor
) -> Ownership:
    """Let exactly these own a project."""
    return _change(repository, project, lambda before: owners, actor)


def change_owners(
    repository: Repository,
    project: NormalizedName,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    actor: Actor,
) -> Ownership:
    """Let some own a project besides, and others no longer."""

    def changed(before: tuple[str, ...]) -> Sequence[str]:
        return [who for who in (*before, *add) if who not in remove]

    return _change(repository, project, changed, actor)


def give_up_name(repository: Repository, name: str, actor: Actor) -> NormalizedName:
    """Let a name that was uploaded here be anybody's again; raise `NameInUse` while it is somebody's."""
    project, catalogue = normalize(name), repository.catalogue
    # No other fact meanwhile: an upload that begins now keeps the name.
    with repository.facts.alone() as append:
        reason = _still_in_use(catalogue, project)
        if reason is not None:
            raise NameInUse(project, reason)
        if not catalogue.keeps(project):
            raise NotHeld(name)
        append(Fact(What.GIVE_UP_NAME, actor, project))
        with already_recorded():
            catalogue.give_up_name(project)
    return project


def _still_in_use(catalogue: Catalogue, project: NormalizedName) -> str | None:
    if not catalogue.is_complete():
        return "the directories are still being read"
    # What was mirrored is somebody else's anyhow.
    if any(file.origin.kind is not OriginKind.MIRRORED for file in _files_of(catalogue, project)):
        return "there are files of it"
    owners, (status, _) = catalogue.owners(project), catalogue.status(project)
    if owners:
        return f"it is owned by {', '.join(owners)}"
    return None if status is ProjectStatus.ACTIVE else f"it is {status.value}"


def _files_of(catalogue: Catalogue, project: NormalizedName) -> Iterator[HeldFile]:
    yield from catalogue.held(project)
    yield from (pending.file for pending in catalogue.pending() if pending.file.project == project)


@contextmanager
def claim_new_project(
    repository: Repository, project: NormalizedName, who: str, actor: Actor
) -> Iterator[None]:
    """Let somebody own a project that is new, unless what is done meanwhile fails."""
    is_claimed = _claim(repository, project, who, actor)
    try:
        yield
    except BaseException:
        if is_claimed:
            _give_back(repository, project, who, actor)
        raise


def _claim(repository: Repository, project: NormalizedName, who: str, actor: Actor) -> bool:
    if not is_new(repository, project):
        return False
    claimed = _change(
        repository, project, lambda before: (who,) if is_new(repository, project) else before, actor
    )
    return claimed.changed


def _give_back(repository: Repository, project: NormalizedName, who: str, actor: Actor) -> None:
    def without(before: tuple[str, ...]) -> Sequence[str]:
        # Another upload of theirs may have succeeded meanwhile.
        return before if repository.catalogue.holds(project) else [one for one in before if one != who]

    _change(repository, project, without, actor)


def _change(
    repository: Repository,
    project: NormalizedName,
    choose: Callable[[tuple[str, ...]], Sequence[str]],
    actor: Actor,
) -> Ownership:
    # No other fact meanwhile: the row that we decide by is the one that ours replaces.
    with repository.facts.alone() as append:
        before = repository.catalogue.owners(project)
        owners = tuple(sorted(set(choose(before))))
        if owners != before:
            append(Fact(What.OWNER, actor, project, details={"owners": list(owners)}))
            with already_recorded():
                repository.catalogue.set_owners(project, owners)
    return Ownership(project, owners, owners != before)

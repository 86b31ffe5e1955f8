"""A fact: one thing that somebody decided or did, and the JSON document that it is written as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from packaging.utils import NormalizedName

from pypitool.core.model import Origin, OriginKind

VERSION = 1


class What(str, Enum):
    """The kinds of facts that a catalogue replays; other kinds are kept and passed over."""

    UPLOAD = "upload"
    OVERWRITE = "overwrite"
    DELETE = "delete"
    YANK = "yank"
    UNYANK = "unyank"
    STATUS = "status"
    OWNER = "owner"  # all owners that a project has then
    RULES = "rules"  # a digest of those that count from then on
    TOKEN_CREATE = "token-create"  # noqa: S105 - a kind of fact
    TOKEN_REVOKE = "token-revoke"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: `user:deploy`, `local:root` or `anonymous`, from which address, by what means."""

    who: str
    address: str | None = None
    means: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: one thing that somebody did to one file, or to one project."""

    what: str
    actor: Actor
    project: NormalizedName | None = None
    version: str | None = None
    filename: str | None = None
    sha256: str | None = None
    reason: str | None = None
    upload_time: str | None = None
    origin: Origin | None = None
    yanked: str | None = None  # what the upstream of a mirrored file says; a decision here is a `yank`
    status: str | None = None
    at: str | None = None  # set when it is appended
    details: Mapping[str, Any] = field(default_factory=dict)  # what only other kinds of facts have


def to_document(fact: Fact) -> dict[str, Any]:
    """Return a fact as the object of its line; what is absent is absent."""
    origin = fact.origin and {"kind": fact.origin.kind.value, "detail": fact.origin.detail}
    document = {
        "v": VERSION,
        "at": fact.at,
        "what": str(fact.what.value if isinstance(fact.what, Enum) else fact.what),
        "who": fact.actor.who,
        "from": fact.actor.address,
        "with": fact.actor.means,
        "project": fact.project,
        "version": fact.version,
        "file": fact.filename,
        "sha256": fact.sha256,
        "reason": fact.reason,
        "upload_time": fact.upload_time,
        "origin": origin,
        "yanked": fact.yanked,
        "status": fact.status,
        **fact.details,
    }
    return {key: value for key, value in document.items() if value is not None}


_FIELDS = {
    "project": "project",
    "version": "version",
    "file": "filename",
    "sha256": "sha256",
    "reason": "reason",
    "upload_time": "upload_time",
    "yanked": "yanked",
    "status": "status",
    "at": "at",
}
_OTHER_KEYS = frozenset({"v", "what", "who", "from", "with", "origin"})


def from_document(document: dict[str, Any]) -> Fact:
    """Undo `to_document`; raise KeyError, TypeError, ValueError or AttributeError for anything else."""
    origin = document.get("origin")
    return Fact(
        what=document["what"],
        actor=Actor(document["who"], document.get("from"), document.get("with")),
        origin=Origin(OriginKind(origin["kind"]), origin["detail"]) if origin else None,
        details={key: document[key] for key in document.keys() - _OTHER_KEYS - _FIELDS.keys()},
        **{name: document.get(key) for key, name in _FIELDS.items()},
    )

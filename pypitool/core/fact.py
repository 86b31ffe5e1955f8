"""A fact: one thing that somebody decided or did, and the JSON document that it is written as.

Of a token its hash is written, so that a catalogue can be rebuilt; no command prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from packaging.utils import NormalizedName

from pypitool.core.model import Origin, OriginKind, ProjectStatus
from pypitool.core.rights.right import Right
from pypitool.core.rights.tokens import Token, in_order
from pypitool.core.text import is_text

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
    GIVE_UP_NAME = "give-up-name"  # from then on it is nobody's again
    RULES = "rules"  # a digest of those that count from then on
    TOKEN_CREATE = "token-create"  # noqa: S105 - a kind of fact
    TOKEN_REVOKE = "token-revoke"  # noqa: S105
    UNDONE = "undone"  # the line with the sum `of` did not come about


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
    undone: str | None = None  # when a later line said that it did not come about; never written


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
    fact = Fact(
        what=document["what"],
        actor=Actor(document["who"], document.get("from"), document.get("with")),
        origin=Origin(OriginKind(origin["kind"]), origin["detail"]) if origin else None,
        details={key: document[key] for key in document.keys() - _OTHER_KEYS - _FIELDS.keys()},
        **{name: document.get(key) for key, name in _FIELDS.items()},
    )
    _check_texts(document)
    _check_details(fact)
    return fact


def takes_away(what: str, status: str | None = None) -> bool:
    """Tell whether a fact of this kind ends something: where it is passed over, that goes on unnoticed."""
    return what in _TAKES_AWAY or (what == What.STATUS and status != ProjectStatus.ACTIVE.value)


_TAKES_AWAY = frozenset((What.DELETE, What.YANK, What.OWNER, What.TOKEN_REVOKE))
_NEEDED: dict[str, tuple[str, ...]] = {
    What.DELETE: ("project", "filename"),
    What.YANK: ("project", "filename"),
    What.UNYANK: ("project", "filename"),
    What.STATUS: ("project",),
    What.OWNER: ("project",),
}
_TEXTS = ("what", "who", "from", "with", *_FIELDS)


def not_texts(value: object) -> Iterator[str]:
    """Find the strings in a JSON value that are no text, its keys too."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if not is_text(one):
                yield one
        elif isinstance(one, dict):
            waiting.extend((*one, *one.values()))
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)


def _check_texts(document: dict[str, Any]) -> None:
    for key in _TEXTS:
        if not isinstance(document.get(key), (str, type(None))):
            raise TypeError(f"`{key}` is no text")
    if not isinstance(document["what"], str) or not isinstance(document["who"], str):
        raise TypeError("it says neither what nor who")
    for _ in not_texts(document):
        raise ValueError("it holds half of a character")


def _check_details(fact: Fact) -> None:
    if any(getattr(fact, name) is None for name in _NEEDED.get(fact.what, ())):
        raise ValueError("it does not tell of what")
    if fact.what == What.STATUS:
        ProjectStatus(fact.status)
    elif fact.what == What.OWNER:
        owners = fact.details.get("owners", ())
        if not isinstance(owners, (list, tuple)) or not all(isinstance(one, str) for one in owners):
            raise TypeError("its owners are no texts")
    elif fact.what == What.TOKEN_CREATE:
        token = created_token(fact)
        if token is None or any(
            not isinstance(one, (str, type(None))) for one in (token.expires, token.owner)
        ):
            raise ValueError("it tells of no token")
    elif fact.what == What.TOKEN_REVOKE and revoked_token(fact) is None:
        raise ValueError("it does not tell of which token")


# What may turn out not to have come about: the fact is on the disk before the deed.
UNDOABLE = frozenset((What.UPLOAD, What.OVERWRITE, What.DELETE))


def did_not_come_about(line_sum: str, actor: Actor) -> Fact:
    """Return the fact that what the line with this sum says did not come about."""
    return Fact(What.UNDONE, actor, details={"of": line_sum})


TOKEN_MINT = "token-mint"  # noqa: S105 - a kind of fact


def token_created(token: Token, actor: Actor) -> Fact:
    """Return the fact that somebody made a token."""
    details = {
        **_called(token),
        "projects": list(token.projects),
        "may": in_order(token.may),
        "expires": token.expires,
    }
    return Fact(What.TOKEN_CREATE, actor, at=token.created, details=details)


def token_revoked(token: Token, actor: Actor, at: str, reason: str | None = None) -> Fact:
    """Return the fact that somebody revoked a token."""
    return Fact(What.TOKEN_REVOKE, actor, at=at, reason=reason, details=_called(token))


def token_minted(token: Token, claims: Mapping[str, Any], actor: Actor) -> Fact:
    """Return the fact that a publisher was given a token; no hash, for it does not outlive a catalogue."""
    said = {name: claims[name] for name in ("iss", "sub", "jti") if isinstance(claims.get(name), str)}
    details = {"id": token.id, "expires": token.expires, **said}
    return Fact(TOKEN_MINT, actor, at=token.created, details=details)


def created_token(fact: Fact) -> Token | None:
    """Return the token that a fact is the making of; None: of none, or nobody can tell of which."""
    if fact.what != What.TOKEN_CREATE or fact.at is None:
        return None
    about = fact.details
    try:
        return Token(
            str(about["hash"]),
            str(about["name"]),
            tuple(map(str, about["projects"])),
            frozenset(map(Right, about["may"])),
            fact.at,
            about.get("expires"),
            about.get("owner"),
        )
    except (KeyError, TypeError, ValueError):  # somebody edited the log
        return None


def revoked_token(fact: Fact) -> tuple[str, str] | None:
    """Return the hash of the token that a fact revokes, and the moment."""
    token_hash = fact.details.get("hash")
    if fact.what != What.TOKEN_REVOKE or fact.at is None or not isinstance(token_hash, str):
        return None
    return token_hash, fact.at


def _called(token: Token) -> dict[str, str | None]:
    return {"id": token.id, "name": token.name, "owner": token.owner, "hash": token.hash}

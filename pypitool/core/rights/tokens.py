"""Tokens: what they look like, what is kept of them, and what they allow."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import Caller, ProjectGlobs, Scope, has_right
from pypitool.core.text import BadQuantity, did_you_mean, parse_duration, printable, to_the_second

# Scanners of leaked secrets look for it, and a password that begins so is never tried as a password.
PREFIX = "pypitool_"
ENTROPY_BYTES = 32
LONGEST = 128
LONGEST_NAME = 64
ID_DIGITS = 12
NEVER = "never"
LONGEST_LIFE = 3660 * 24 * 3600.0

_SHAPE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)
# Project names without the exclamation mark of `!GLOB`: as the rules have them.
_GLOB = re.compile(r"!?[A-Za-z0-9._*?-]+", re.ASCII)


class TokenRefused(PypitoolError):
    """A token that cannot be made as it was asked for."""

    kind = Kind.USAGE
    sentence = "{reason}"
    reason: str


def token_of(entropy: bytes) -> str:
    """Write random bytes as a token."""
    return PREFIX + base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()


def is_token(text: str) -> bool:
    """Tell whether a text has the shape of a token; nothing else is worth a hash."""
    return len(text) <= LONGEST and _SHAPE.fullmatch(text) is not None


def hash_of(token: str) -> str:
    """Return what is kept of a token."""
    # One round of SHA-256 is enough: 256 random bits cannot be guessed, however fast one tries.
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token, which is not the token itself."""

    hash: str
    name: str
    projects: tuple[str, ...]
    may: frozenset[Right]
    created: str
    expires: str | None = None
    owner: str | None = None  # `user:deploy` of a personal token, `publisher:github` of a minted one
    revoked: str | None = None

    @property
    def id(self) -> str:
        """What people call it where its name says too little."""
        return self.hash[:ID_DIGITS]

    @property
    def publisher(self) -> str | None:
        """The name of the publisher that it was minted for."""
        kind, _, name = (self.owner or "").partition(":")
        return name if kind == "publisher" else None

    @property
    def user(self) -> str | None:
        """The name of the user whose personal token it is."""
        kind, _, name = (self.owner or "").partition(":")
        return name if kind == "user" else None

    @property
    def shown(self) -> str:
        """Its name, behind that of its owner if it has one: `deploy/laptop`."""
        if self.owner is None or self.publisher is not None:
            return self.name
        return f"{self.owner.partition(':')[2]}/{self.name}"

    @property
    def who(self) -> str:
        """Who acts with it, as rules and facts write it."""
        return f"publisher:{self.publisher}" if self.publisher is not None else f"token:{self.shown}"

    @property
    def scope(self) -> Scope:
        """What it allows at most."""
        return Scope(self.may, ProjectGlobs.of(self.projects))

    def why_dead(self, now: str, is_user: Callable[[str], bool]) -> str | None:
        """Say since when and why nobody acts with it; None: it is alive. The server judges by this too."""
        if self.revoked is not None:
            return f"revoked {to_the_second(self.revoked)}"
        if self.expires is not None and self.expires <= now:
            return f"expired {to_the_second(self.expires)}"
        return None if self.user is None or is_user(self.user) else f"its owner {self.user} is gone"

    def has_ended(self, now: str) -> bool:
        """Tell whether it is revoked, or has expired at a moment."""
        return self.revoked is not None or (self.expires is not None and self.expires <= now)

    def ended_before(self, moment: str) -> bool:
        """Tell whether it ended earlier than a moment."""
        return any(end is not None and end < moment for end in (self.revoked, self.expires))

    def caller(self) -> Caller:
        """Return who acts with it, as the rules see it."""
        on_behalf_of = None if self.user is None else f"user:{self.user}"
        return Caller(self.who, scope=self.scope, on_behalf_of=on_behalf_of)


def checked_name(name: str) -> str:
    """Return a name that a token may have."""
    if len(name) > LONGEST_NAME or _NAME.fullmatch(name) is None:
        expected = f"lower case letters, digits and `-`, up to {LONGEST_NAME}, a letter or digit first"
        raise TokenRefused(f"`{printable(name)}` is no name of a token: expected {expected}")
    return name


def checked_projects(globs: Iterable[str]) -> tuple[str, ...]:
    """Return globs that say which projects a token is about."""
    words = tuple(globs)
    for word in words:
        if _GLOB.fullmatch(word) is None:
            raise TokenRefused(f"`{printable(word)}` is no project name, nor a glob with `*` and `?`")
    if all(word.startswith("!") for word in words):
        raise TokenRefused('a token is for at least one project: give a name or a glob, or "*"')
    return words


def checked_rights(words: Iterable[str]) -> frozenset[Right]:
    """Return the rights that words name, at least one."""
    known = {right.value: right for right in Right}
    named = [word.strip().lower() for word in words]
    for word in named:
        if word not in known:
            meant = did_you_mean(word, known) or f"; there is {', '.join(known)}"
            raise TokenRefused(f"there is no right `{printable(word)}`{meant}")
    if not named:
        raise TokenRefused(f"a token allows something: name some of {', '.join(known)}")
    return frozenset(known[word] for word in named)


def checked_life(text: str) -> float | None:
    """Return for how many seconds a token is good; None: for ever."""
    word = text.strip().lower()
    if word == NEVER:
        return None
    try:
        seconds = parse_duration(word)
    except BadQuantity:
        seconds = 0.0
    # A bare 90 was meant to be days, perhaps.
    if not 0 < seconds <= LONGEST_LIFE or not word[-1].isalpha():
        raise TokenRefused(f"expected a time such as `90d` or `12h`, or `{NEVER}`, got `{printable(text)}`")
    return seconds


def token_document(token: Token, last_used: str | None) -> dict[str, Any]:
    """Return what may be shown of a token, as plain JSON values; its fields are promises."""
    return {
        "id": token.id,
        "name": token.name,
        "owner": token.owner,
        "projects": list(token.projects),
        "may": in_order(token.may),
        "created": token.created,
        "expires": token.expires,
        "last_used": last_used,
        "revoked": token.revoked,
    }


def in_order(may: frozenset[Right]) -> list[str]:
    """Return rights as words, always in the same order."""
    return [right.value for right in Right if right in may]


def narrowed(scope: Scope, by: Scope) -> Scope:
    """Return what lies within both scopes."""
    may = frozenset(right for right in Right if has_right(scope.may, right) and has_right(by.may, right))
    if scope.projects == by.projects:
        return Scope(may, scope.projects)
    return Scope(may, ProjectGlobs(scope.projects.taken, scope.projects.left_out, by.projects))

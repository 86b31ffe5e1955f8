"""Tokens of a repository: made, minted, listed, revoked. The fact is on the disk before the row.

Minted are those for who proves to be a publisher: one for each proof, for minutes, on record.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pypitool.catalogue.facts import already_recorded
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import Actor, token_created, token_minted, token_revoked
from pypitool.core.rights.publishers import Publisher
from pypitool.core.rights.tokens import (
    ENTROPY_BYTES,
    Token,
    checked_life,
    checked_name,
    checked_projects,
    checked_rights,
    hash_of,
    token_document,
    token_of,
)
from pypitool.core.text import parse_timestamp, printable, timestamp
from pypitool.repository.activity import MINUTE
from pypitool.repository.repository import Repository

if TYPE_CHECKING:
    from pypitool.access.oidc import Proven

LISTED_SECONDS = 30 * 24 * 3600.0  # for so long an ended token is still shown
OIDC = "oidc"


class TokenNameTaken(PypitoolError):
    """A live token has this name."""

    kind = Kind.CONFLICT
    sentence = "there is a token `{token.shown}` already, {token.id}"
    hint = "choose another name, or end that one with `pypitool token revoke {token.shown}`"
    token: Token


class UnknownToken(PypitoolError):
    """No token has this name or id."""

    kind = Kind.NOT_FOUND
    hint = "`pypitool token list` shows those that there are"
    word: str

    def __str__(self) -> str:
        return f"there is no token `{printable(self.word)}`"


class ProofUsed(PypitoolError):
    """What an issuer has said was good for one token, and somebody has it."""

    kind = Kind.CONFLICT
    sentence = "the token has been used already: a new one is needed for each time"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a token is to be; the words are as people gave them, and checked when it is made."""

    name: str
    projects: tuple[str, ...]
    may: tuple[str, ...]
    expires: str = "90d"
    owner: str | None = None  # `user:deploy`, of a personal one


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token, which nobody can be shown again."""

    secret: str
    token: Token

    @property
    def document(self) -> dict[str, Any]:
        """It as plain JSON values, for once with the token itself."""
        return {**token_document(self.token, None), "token": self.secret}


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token, and when it was used last."""

    token: Token
    last_used: str | None

    @property
    def document(self) -> dict[str, Any]:
        """It as plain JSON values."""
        return token_document(self.token, self.last_used)


@dataclass(frozen=True, slots=True)
class RevokedToken:
    """A token that has ended; `changed` tells whether it had not before."""

    listed: ListedToken
    changed: bool

    @property
    def document(self) -> dict[str, Any]:
        """It as plain JSON values."""
        return self.listed.document


def create(
    repository: Repository, wanted: TokenRequest, actor: Actor, *, clock: Callable[[], float] = time.time
) -> MadeToken:
    """Make a token; raise `TokenNameTaken` when a live one of the same owner has its name."""
    now = clock()
    life = checked_life(wanted.expires)
    secret = token_of(secrets.token_bytes(ENTROPY_BYTES))
    token = Token(
        hash_of(secret),
        checked_name(wanted.name),
        checked_projects(wanted.projects),
        checked_rights(wanted.may),
        timestamp(now),
        None if life is None else timestamp(now + life),
        wanted.owner,
    )
    # No other fact meanwhile: two who ask at once must not find the same name free.
    with repository.facts.alone() as append:
        for other in repository.catalogue.tokens():
            if other.shown == token.shown and other.publisher is None and not other.has_ended(token.created):
                raise TokenNameTaken(other)
        append(token_created(token, actor))
        repository.catalogue.add_token(token)
    return MadeToken(secret, token)


def mint(
    repository: Repository,
    publisher: Publisher,
    proven: Proven,
    address: str | None,
    *,
    clock: Callable[[], float] = time.time,
) -> MadeToken:
    """Make a token for a publisher; raise `ProofUsed` when the same proof has made one."""
    # First: of two who come with the same proof only one may go on.
    if not repository.activity.take(f"{OIDC}\0{proven.identity}", proven.ends):
        raise ProofUsed
    now = clock()
    secret = token_of(secrets.token_bytes(ENTROPY_BYTES))
    token = Token(
        hash_of(secret),
        publisher.name,
        publisher.projects,
        publisher.scope.may,
        timestamp(now),
        timestamp(now + publisher.life),
        f"publisher:{publisher.name}",
    )
    repository.facts.append(token_minted(token, proven.claims, Actor(token.who, address, OIDC)))
    repository.catalogue.add_token(token)
    return MadeToken(secret, token)


def listed(repository: Repository, *, clock: Callable[[], float] = time.time) -> tuple[ListedToken, ...]:
    """Return the tokens that are alive, and those that ended lately.

    No row is ever deleted for its age, and lately is at most up to the newest fact: a clock that is a year
    ahead for a moment must end nothing, and hide nothing.
    """
    now, uses = timestamp(clock()), repository.activity.last_uses()
    newest = min(now, repository.facts.newest() or now)
    since = timestamp(parse_timestamp(newest) - LISTED_SECONDS)
    return tuple(
        _listed(token, uses)
        for token in repository.catalogue.tokens()
        if not token.ended_before(since)
        # There are too many of these to be kept in sight once they have expired.
        and (token.publisher is None or token.expires is None or token.expires > now)
    )


def find(
    repository: Repository, word: str, *, owner: str | None = None, clock: Callable[[], float] = time.time
) -> Token:
    """Return the token with an id or a name: the one that is alive, if there is one.

    Of the tokens of an `owner` the name alone will do: `laptop` for `deploy/laptop`.
    """
    tokens = repository.catalogue.tokens()
    found = [token for token in tokens if token.id == word]
    if owner is not None:
        found = found or [token for token in tokens if (token.owner, token.name) == (owner, word)]
    found = found or [token for token in tokens if token.shown == word and token.publisher is None]
    if not found:
        raise UnknownToken(word)
    now = timestamp(clock())
    return next((token for token in found if not token.has_ended(now)), found[-1])


def revoke(
    repository: Repository, token: Token, actor: Actor, *, clock: Callable[[], float] = time.time
) -> RevokedToken:
    """End a token; one that has ended stays as it is."""
    now = timestamp(clock())
    changed = not token.has_ended(now)
    if changed:
        repository.facts.append(token_revoked(token, actor, now))
        with already_recorded():
            repository.catalogue.revoke_token(token.hash, now)
        token = replace(token, revoked=now)
    return RevokedToken(_listed(token, repository.activity.last_uses()), changed)


def end_personal(
    repository: Repository,
    actor: Actor,
    chosen: Callable[[Token], bool],
    reason: str | None = None,
    *,
    clock: Callable[[], float] = time.time,
) -> tuple[RevokedToken, ...]:
    """End every personal token that is chosen and alive, and return them."""
    # No other fact meanwhile: one that is made now is made before or after.
    with repository.facts.alone() as append:
        now = timestamp(clock())
        ending = [token for token in _personal(repository, now) if chosen(token)]
        if ending:
            append(*(token_revoked(token, actor, now, reason) for token in ending))
        for token in ending:
            with already_recorded():
                repository.catalogue.revoke_token(token.hash, now)
    uses = repository.activity.last_uses() if ending else {}
    return tuple(RevokedToken(_listed(replace(token, revoked=now), uses), True) for token in ending)


def count_personal(repository: Repository, user: str, *, clock: Callable[[], float] = time.time) -> int:
    """Return how many personal tokens of a user are alive."""
    return sum(token.user == user for token in _personal(repository, timestamp(clock())))


def _personal(repository: Repository, now: str) -> Iterator[Token]:
    return (
        token
        for token in repository.catalogue.tokens()
        if token.user is not None and not token.has_ended(now)
    )


def _listed(token: Token, uses: Mapping[str, int]) -> ListedToken:
    return ListedToken(token, timestamp(uses[token.id] * MINUTE) if token.id in uses else None)

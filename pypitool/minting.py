"""Tokens for who proves to be a publisher: one for each proof, for minutes, on record."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from pypitool.catalogue.facts import timestamp
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import Actor, minting
from pypitool.core.rights.publishers import Publisher
from pypitool.core.rights.tokens import ENTROPY_BYTES, Token, hash_of, token_of
from pypitool.repository import Repository
from pypitool.tokens import Made, forget_old

if TYPE_CHECKING:
    from pypitool.access.oidc import Proven

OIDC = "oidc"


class ProofUsed(PypitoolError):
    """What an issuer has said was good for one token, and somebody has it."""

    kind: ClassVar[Kind] = Kind.CONFLICT

    def __str__(self) -> str:
        return "the token has been used already: a new one is needed for each time"


def mint(
    repository: Repository,
    publisher: Publisher,
    proven: Proven,
    address: str | None,
    *,
    clock: Callable[[], float] = time.time,
) -> Made:
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
    repository.facts.append(minting(token, proven.claims, Actor(token.who, address, OIDC)))
    repository.catalogue.add_token(token)
    forget_old(repository, now)
    return Made(secret, token)

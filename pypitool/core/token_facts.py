"""Tokens in the log of facts: what is written when one is made or revoked, and what that is when it is read.

The hash is in it, so that a catalogue can be rebuilt; no command prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypitool.core.fact import Actor, Fact, What
from pypitool.core.rights import Right
from pypitool.core.tokens import Token, in_order

TOKEN_MINT = "token-mint"  # noqa: S105 - a kind of fact


def creation(token: Token, actor: Actor) -> Fact:
    """Return the fact that somebody made a token."""
    details = {
        **_called(token),
        "projects": list(token.projects),
        "may": in_order(token.may),
        "expires": token.expires,
    }
    return Fact(What.TOKEN_CREATE, actor, at=token.created, details=details)


def revocation(token: Token, actor: Actor, at: str) -> Fact:
    """Return the fact that somebody revoked a token."""
    return Fact(What.TOKEN_REVOKE, actor, at=at, details=_called(token))


def minting(token: Token, claims: Mapping[str, Any], actor: Actor) -> Fact:
    """Return the fact that a publisher was given a token; no hash, for it does not outlive a catalogue."""
    said = {name: claims[name] for name in ("iss", "sub", "jti") if isinstance(claims.get(name), str)}
    details = {"id": token.id, "expires": token.expires, **said}
    return Fact(TOKEN_MINT, actor, at=token.created, details=details)


def created_by(fact: Fact) -> Token | None:
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


def revoked_by(fact: Fact) -> tuple[str, str] | None:
    """Return the hash of the token that a fact revokes, and the moment."""
    token_hash = fact.details.get("hash")
    if fact.what != What.TOKEN_REVOKE or fact.at is None or not isinstance(token_hash, str):
        return None
    return token_hash, fact.at


def _called(token: Token) -> dict[str, str | None]:
    return {"id": token.id, "name": token.name, "owner": token.owner, "hash": token.hash}

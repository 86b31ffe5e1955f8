"""Tokens instead of passwords: found in the header, looked up by their hash, good until they end."""

from __future__ import annotations

import binascii
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.rights.rulebook import Caller, Scope
from pypitool.core.rights.tokens import PREFIX, Token, hash_of, is_token, narrowed
from pypitool.core.text import parse_timestamp, timestamp
from pypitool_server.access.refusals import CHALLENGE

MOST_REMEMBERED = 4096
_PREFIX = PREFIX.encode()


class WrongToken(PypitoolError):
    """A token that is unknown, expired or revoked: the same words for all of them."""

    kind = Kind.UNAUTHORIZED
    headers: ClassVar[Mapping[str, str]] = CHALLENGE
    sentence = "wrong token"


class TokensHeld(Protocol):
    """Where tokens are kept."""

    def token(self, hash: str) -> Token | None:
        """Return a token by its hash, one that has ended too."""


class Uses(Protocol):
    """Where it is noted that tokens are used."""

    def note(self, token_id: str) -> None:
        """Note that a token is used now."""

    def close(self) -> None:
        """Write the rest."""


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """Who acts with a token, and until when."""

    caller: Caller
    token_id: str
    ends: float
    user: str | None = None  # whose personal token it is

    @property
    def means(self) -> str:
        """How facts tell what somebody was recognised by."""
        return f"token:{self.token_id}"


class TokenLogin:
    """Recognises tokens; each is read from the catalogue once, until some token is revoked."""

    def __init__(
        self,
        held: TokensHeld,
        uses: Uses,
        *,
        is_user: Callable[[str], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._held = held
        self._uses = uses
        self.is_user = is_user
        self._clock = clock
        self._publishers: Mapping[str, Scope] = {}
        self._known: dict[str, TokenHolder] = {}

    def adopt(self, publishers: Mapping[str, Scope]) -> None:
        """Let these publishers count from now on, each with what its minted tokens may at most."""
        self._publishers = publishers
        self.forget()

    def forget(self) -> None:
        """Look every token up again."""
        # Another dictionary: what is being read at this moment is put into the one that is given up.
        self._known = {}

    def recall(self, presented: str) -> TokenHolder | None:
        """Return who presents a token, if that is known without looking it up."""
        if not is_token(presented):
            return None
        holder = self._known.get(hash_of(presented))
        return None if holder is None else self._alive(holder)

    def recognise(self, presented: str) -> TokenHolder:
        """Return who presents a token; refuse what is none."""
        if not is_token(presented):
            raise WrongToken
        known, token_hash = self._known, hash_of(presented)
        holder = known.get(token_hash) or self._look_up(known, token_hash)
        alive = None if holder is None else self._alive(holder)
        if alive is None:
            raise WrongToken
        return alive

    def close(self) -> None:
        """Write when the tokens were used last."""
        self._uses.close()

    def _alive(self, holder: TokenHolder) -> TokenHolder | None:
        if holder.ends <= self._clock() or (holder.user is not None and not self.is_user(holder.user)):
            return None
        self._uses.note(holder.token_id)
        return holder

    def _look_up(self, known: dict[str, TokenHolder], token_hash: str) -> TokenHolder | None:
        token = self._held.token(token_hash)
        if token is None or token.why_dead(timestamp(self._clock()), self.is_user) is not None:
            return None
        holder = self._holder_of(token)
        if holder is not None:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            known[token_hash] = holder
        return holder

    def _holder_of(self, token: Token) -> TokenHolder | None:
        caller = token.caller()
        if token.publisher is not None:
            allowed = self._publishers.get(token.publisher)
            if allowed is None:
                return None
            caller = replace(caller, scope=narrowed(token.scope, allowed))
        ends = math.inf if token.expires is None else parse_timestamp(token.expires)
        return TokenHolder(caller, token.id, ends, token.user)


def presented(header: str) -> str | None:
    """Return what an Authorization header presents as a token; None: it is about something else.

    Of a password only that it begins as tokens do counts: it is then never tried as a password.
    """
    scheme, _, rest = header.strip().partition(" ")
    scheme = scheme.lower()
    if scheme == "bearer":
        return rest.strip()
    if scheme != "basic":
        return None
    try:
        decoded = binascii.a2b_base64(rest)
    except ValueError:  # binascii.Error is one; so is a text that is not ASCII
        return None
    _, _, password = decoded.partition(b":")
    # Latin-1 for what no token holds: the text is then refused by its shape.
    return password.decode("latin-1") if password.startswith(_PREFIX) else None

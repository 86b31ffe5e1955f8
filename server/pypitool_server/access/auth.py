"""Who is asking: Basic credentials, a token, or the name that a trusted proxy gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Protocol

from flask import request
from flask_httpauth import HTTPBasicAuth

from pypitool.access.accounts import BasicLogin, RememberedVerdict
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.proxy_headers import is_unfilled
from pypitool.core.rights.rulebook import Caller, Scope
from pypitool.core.rights.tokens import PREFIX
from pypitool_server.access.refusals import CHALLENGE, REALM
from pypitool_server.access.rights_cache import NOBODY, shown_name
from pypitool_server.access.token_login import TokenLogin, presented
from pypitool_server.http.proxies import TrustedProxies, variable_of
from pypitool_server.http.thread_budget import Pool
from pypitool_server.http.wsgi_types import Environ
from pypitool_server.replay.front import USER

LONGEST_NAME = 255
MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was recognised, and how: by `password`, `header`, `verify` or `token:ID`."""

    caller: Caller
    means: str

    @property
    def who(self) -> str:
        """The principal as rules and facts write it."""
        assert self.caller.who is not None
        return self.caller.who

    @property
    def name(self) -> str:
        """The principal as logs and messages call it."""
        return shown_name(self.caller) or ""


class WrongCredentials(PypitoolError):
    """An unknown user or a wrong password: the same words for both."""

    kind = Kind.UNAUTHORIZED
    headers: ClassVar[Mapping[str, str]] = CHALLENGE
    sentence = "wrong user name or password"


class TooManyFailures(PypitoolError):
    """Somebody guesses: the next try from this address has to wait."""

    kind = Kind.UNAVAILABLE
    status = 429
    sentence = "too many wrong passwords from this address: wait for {seconds} s"
    seconds: float

    def __post_init__(self) -> None:
        self.seconds = math.ceil(self.seconds)
        super().__post_init__()

    @property
    def headers(self) -> Mapping[str, str]:
        """When to come back, for programs."""
        return {"Retry-After": str(self.seconds)}


class KnownAccounts(Protocol):
    """Where passwords are verified: an htpasswd file, or a callable of the house's own."""

    def recall(self, header: str) -> RememberedVerdict | None:
        """Return what is known of an Authorization header without any effort."""

    def admit(self, credentials: BasicLogin, begin: Callable[[], None]) -> bool:
        """Verify credentials, and remember the verdict; `begin` is called before, when they are not known."""

    def knows(self, user: str) -> bool:
        """Tell whether there is such a user, as far as one can tell."""


class Failures(Protocol):
    """How often somebody was wrong, counted across all workers."""

    def delay(self, address: str, user: str) -> float:
        """Return for how many seconds the next try has to wait."""

    def begin_guess(self, address: str, user: str) -> float:
        """Count a password that is about to be verified, or return for how many seconds that has to wait."""

    def drop_guess(self, address: str, user: str) -> None:
        """Forget a guess that was not verified after all."""

    def note_failure(self, address: str, user: str) -> None:
        """Count a wrong password."""

    def note_success(self, address: str, user: str) -> None:
        """Forget the wrong ones."""

    def close(self) -> None:
        """Release what the counting takes."""


class Guess:
    """One password that somebody tries: it counts from before it is verified until it is found to be right.

    Counted afterwards, as many as there are threads would be free.
    """

    def __init__(self, failures: Failures, address: str, user: str) -> None:
        self._failures = failures
        self._asker = address, user
        self._begun = False

    def refuse_early(self) -> None:
        """Raise `TooManyFailures` if it has to wait, before it takes anybody's place."""
        self._refuse(self._failures.delay(*self._asker))

    def begin(self) -> None:
        """Count it, or raise `TooManyFailures`."""
        self._refuse(self._failures.begin_guess(*self._asker))
        self._begun = True

    def end(self, right: bool | None) -> None:
        """Say what it came to: right, wrong, or not verified."""
        if self._begun:
            failures = self._failures
            ends = {True: failures.note_success, False: failures.note_failure, None: failures.drop_guess}
            ends[right](*self._asker)

    def _refuse(self, seconds: float) -> None:
        if seconds > 0:
            raise TooManyFailures(seconds)


class Authentication:
    """Recognise who sent a request."""

    def __init__(
        self,
        accounts: KnownAccounts | None,
        failures: Failures,
        proxies: TrustedProxies,
        *,
        waiting: Pool,
        tokens: TokenLogin | None = None,
        header: str | None = None,
        means: str = "password",
    ) -> None:
        self._accounts = accounts
        self._failures = failures
        self._proxies = proxies
        self._waiting = waiting
        self.client = proxies.client  # the address that a request comes from
        self.tokens = tokens
        self._variable = None if header is None else variable_of(header)
        self._means = means
        self._basic = HTTPBasicAuth(realm=REALM)
        self._basic.verify_password(self._verified)

    @property
    def recognises(self) -> bool:
        """Whether anybody at all can be recognised here."""
        return self._accounts is not None or self._variable is not None

    def knows(self, user: str) -> bool:
        """Tell whether there is such a user now, as far as one can tell."""
        return self.tokens is None or self.tokens.is_user(user)

    def close(self) -> None:
        """Release what is held open."""
        if self.tokens is not None:
            self.tokens.close()
        self._failures.close()

    def adopt(self, publishers: Mapping[str, Scope]) -> None:
        """Let minted tokens act for these publishers, each within what that one may."""
        if self.tokens is not None:
            self.tokens.adopt(publishers)

    def forget_tokens(self) -> None:
        """Look every token up again."""
        if self.tokens is not None:
            self.tokens.forget()

    def remembered(self, environ: Environ) -> Caller | None:
        """Return who is known to have sent this; None: nobody can tell before verifying it."""
        header = environ.get("HTTP_AUTHORIZATION")
        if self._variable is not None:
            name = self._named_by_proxy(environ)
            if name is not None:
                return _user(name)
        if not header:
            return NOBODY
        token = presented(header)
        if token is not None:
            holder = None if self.tokens is None else self.tokens.recall(token)
            return None if holder is None else holder.caller
        if self._accounts is None:
            return None
        known = self._accounts.recall(header)
        return None if known is None or known.user is None else _user(known.user)

    def identify(self) -> Principal | None:
        """Return who sent the current request, None for nobody in particular; refuse wrong credentials."""
        environ = request.environ
        name = self._named_by_proxy(environ)
        if name is not None:
            return self._recognised(Principal(_user(name), "header"))
        header = environ.get("HTTP_AUTHORIZATION", "").strip()
        if not header:
            return None
        token = presented(header)
        if token is not None and self.tokens is not None:
            holder = self.tokens.recognise(token)
            return self._recognised(Principal(holder.caller, holder.means))
        # Flask-HTTPAuth (4.8) takes the credentials of any scheme for Basic ones.
        credentials = self._basic.get_auth() if header.lower().startswith("basic ") else None
        user = None if credentials is None else self._basic.authenticate(credentials, None)
        if not user:
            raise WrongCredentials
        return self._recognised(Principal(_user(user), self._means))

    def _verified(self, user: str, password: str) -> str | None:
        """Verify the credentials of the current request; Flask-HTTPAuth asks this."""
        credentials = BasicLogin(request.environ["HTTP_AUTHORIZATION"], user, password)
        # Never tried as a password, however the header was spelled.
        if self._accounts is None or password.startswith(PREFIX):
            return None
        known = self._accounts.recall(credentials.header)
        if known is not None:
            return known.user
        return self._verified_anew(self._accounts, credentials)

    def _verified_anew(self, accounts: KnownAccounts, credentials: BasicLogin) -> str | None:
        address = self.client(request.environ)
        guess = Guess(self._failures, address, credentials.user[:LONGEST_NAME])
        guess.refuse_early()
        right: bool | None = None
        try:
            with self._waiting.take(address):
                right = accounts.admit(credentials, guess.begin)
        finally:
            guess.end(right)
        return credentials.user if right else None

    def _named_by_proxy(self, environ: Environ) -> str | None:
        if self._variable is None or not self._proxies.trusts(environ.get("REMOTE_ADDR") or ""):
            return None
        name: str = environ.get(self._variable, "").strip()
        # Two such headers arrive as one value with a comma: one of them is not the proxy's.
        if not name or "," in name or len(name) > LONGEST_NAME or is_unfilled(name):
            return None
        return name

    def _recognised(self, principal: Principal) -> Principal:
        request.environ[USER] = principal.name  # for the access log
        return principal


@lru_cache(MOST_REMEMBERED)
def _user(name: str) -> Caller:
    return Caller(f"user:{name}", has_password=True)

"""Who may: the one place that decides, before anything else is done with a request."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from packaging.utils import NormalizedName

from pypitool.accounts import Accounts, OwnAccounts
from pypitool.config.settings import Settings
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.rights import Right, Rules, short_form
from pypitool_server.auth import CHALLENGE, Authentication, KnownAccounts, Principal, WrongCredentials
from pypitool_server.gateway import Environ
from pypitool_server.proxies import TrustedProxies

if TYPE_CHECKING:
    from pypitool.repository import Repository

ANONYMOUS = "anonymous"
# What the pages show: an answer to a GET depends on these rights only.
READING = (Right.LIST, Right.DOWNLOAD)
MOST_REMEMBERED = 4096


class CredentialsNeeded(PypitoolError):
    """Nobody may do this without saying who they are."""

    kind = Kind.UNAUTHORIZED
    headers: ClassVar[Mapping[str, str]] = CHALLENGE

    def __init__(self, right: Right, *, possible: bool) -> None:
        super().__init__(right, possible)
        self.right = right
        self.possible = possible

    def __str__(self) -> str:
        if self.possible:
            return f"the right `{self.right.value}` takes a user name and a password here"
        return f"nobody has the right `{self.right.value}` here: the server has no password file"


class RightMissing(PypitoolError):
    """Somebody who is known asked for more than they may."""

    kind = Kind.FORBIDDEN

    def __init__(self, principal: Principal, right: Right) -> None:
        super().__init__(principal, right)
        self.principal = principal
        self.right = right

    def __str__(self) -> str:
        return f"{self.principal.name!r} does not have the right `{self.right.value}` here"


@dataclass(frozen=True, slots=True)
class Verdict:
    """That the current request may do what was asked, and in whose name."""

    principal: Principal | None = None  # None: anybody may, so nobody looked who it is

    @property
    def public(self) -> bool:
        """Whether anybody may: only then may caches that people share keep the answer."""
        return self.principal is None

    @property
    def who(self) -> str:
        """The name under which it is recorded."""
        return ANONYMOUS if self.principal is None else self.principal.who

    @property
    def means(self) -> str | None:
        """How the name was proved: `password`, `header` or `verify`."""
        return None if self.principal is None else self.principal.means


PUBLIC = Verdict()


def access_of(
    settings: Settings,
    repository: Repository,
    proxies: TrustedProxies,
    verify: Callable[[str, str], bool] | None = None,
) -> Access:
    """Build what `[auth]` says; `verify(user, password)` takes the place of the password file."""
    auth = settings.auth
    accounts: KnownAccounts | None = None
    if verify is not None:
        accounts = OwnAccounts(verify)
    elif auth.passwords is not None:
        accounts = Accounts(auth.passwords)
    means = "password" if verify is None else "verify"
    authentication = Authentication(accounts, repository.activity, proxies, header=auth.header, means=means)
    rules = short_form(auth.authenticate, authentication.recognises, open_=not auth.authenticate)
    return Access(rules, authentication)


class Access:
    """Apply the rules to requests."""

    def __init__(self, rules: Rules, authentication: Authentication) -> None:
        self._rules = rules
        self._authentication = authentication
        self._classes: dict[str, str] = {}
        self._anonymous = self._judge(None)
        is_open = all(rules.allows(None, right) for right in READING)
        self._everybody = (self._anonymous, None) if is_open else None

    def require(self, right: Right, project: NormalizedName | None = None) -> Verdict:
        """Return a verdict on the current request, or raise what kind of refusal it is."""
        # A stale password must not break what anybody may: credentials are not looked at here.
        if self._rules.allows(None, right):
            return PUBLIC
        principal = self._authentication.identify()
        if principal is None:
            raise CredentialsNeeded(right, possible=self._authentication.recognises)
        if not self._rules.allows(principal.who, right):
            raise RightMissing(principal, right)
        return Verdict(principal)

    def may(self, right: Right, project: NormalizedName | None = None) -> bool:
        """Tell whether `require` would return a verdict."""
        try:
            self.require(right, project)
        except (CredentialsNeeded, RightMissing, WrongCredentials):
            return False
        return True

    def close(self) -> None:
        """Release what is held open."""
        self._authentication.close()

    def client(self, environ: Environ) -> str:
        """Return the address that a request comes from."""
        return self._authentication.client(environ)

    def classify(self, environ: Environ) -> tuple[Hashable, str | None]:
        """Return what the caller may see, as one value, and who it is; None: only the views can tell."""
        if self._everybody is not None:
            return self._everybody
        name = self._authentication.remembered(environ)
        if name is None:
            return None, None
        if not name:
            return self._anonymous, None
        return self._classes.get(name) or self._class_of(name), name

    def _class_of(self, name: str) -> str:
        if len(self._classes) >= MOST_REMEMBERED:
            self._classes.clear()
        return self._classes.setdefault(name, self._judge(f"user:{name}"))

    def _judge(self, who: str | None) -> str:
        # The same text for all who may the same: their answers are shared.
        allowed = [right.value for right in READING if self._rules.allows(who, right)]
        return sys.intern(" ".join(["may", *allowed]))

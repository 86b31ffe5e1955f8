"""Access: the one place that decides who may, before anything else is done with a request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flask import request
from packaging.utils import NormalizedName

from pypitool.access.accounts import Accounts, CallableAccounts
from pypitool.access.rules import Rules, Upload, rules_of
from pypitool.config.settings import Settings
from pypitool.core.errors import PypitoolError
from pypitool.core.fact import Actor
from pypitool.core.rights.effective import EffectiveRights, RightsBasis
from pypitool.core.rights.right import ANONYMOUS, Right
from pypitool.core.rights.rulebook import Caller
from pypitool.repository.activity import LastUses
from pypitool_server.access.auth import Authentication, KnownAccounts, Principal
from pypitool_server.access.refusals import CredentialsNeeded, ProjectIsNew, ProjectNotHeld, RightMissing
from pypitool_server.access.rights_cache import NOBODY, CallerRights, Owned, RightsClass, RightsClasses
from pypitool_server.access.token_login import TokenLogin
from pypitool_server.http.proxies import TrustedProxies
from pypitool_server.http.thread_budget import Pool
from pypitool_server.http.wsgi_types import Environ
from pypitool_server.replay.freshness import RIGHTS

if TYPE_CHECKING:
    from pypitool.repository.repository import Repository

# What the pages show: where anybody may do this with everything, no answer to a GET depends on who asks.
READING = (Right.LIST, Right.DOWNLOAD)


def _nothing(_who: str) -> frozenset[NormalizedName]:
    return frozenset()


def authentication_of(
    settings: Settings,
    repository: Repository,
    proxies: TrustedProxies,
    waiting: Pool,
    verify: Callable[[str, str], bool] | None = None,
) -> Authentication:
    """Build what recognises people: `verify(user, password)` takes the place of the password file.

    Who waits for a verdict has a place of `waiting`.
    """
    auth = settings.auth
    accounts: KnownAccounts | None = None
    if verify is not None:
        accounts = CallableAccounts(verify)
    elif auth.passwords is not None:
        accounts = Accounts(auth.passwords)
    means = "password" if verify is None else "verify"
    tokens = TokenLogin(
        repository.catalogue,
        LastUses(repository.activity),
        # Without accounts a name comes from a proxy, and nobody here knows who is still there.
        is_user=(lambda name: auth.header is not None) if accounts is None else accounts.knows,
    )
    return Authentication(
        accounts,
        repository.activity,
        proxies,
        waiting=waiting,
        tokens=tokens,
        header=auth.header,
        means=means,
    )


class Access:
    """Apply the rules to requests."""

    def __init__(
        self,
        rules: Rules,
        authentication: Authentication,
        *,
        owned: Owned = _nothing,
        refresh: Callable[[], object] = lambda: None,
    ) -> None:
        self._authentication = authentication
        self.client = authentication.client  # the address that a request comes from
        self.knows = authentication.knows  # whether there is such a user now
        self._owned = owned
        self._refresh = refresh
        self.adopt(rules)

    def adopt(self, rules: Rules) -> None:
        """Let other rules count from now on; answers that were kept under the old ones are not found."""
        self._authentication.adopt({one.name: one.scope for one in rules.publishers})
        self._classes = RightsClasses(rules, self._owned)
        everywhere = self._classes.anonymous.always
        is_open = everywhere is not None and all(everywhere[0].may(right, None) for right in READING)
        self._everybody = everywhere if is_open else None

    def follow(self, settings: Settings) -> None:
        """Let the rules of these settings count, if they are other ones."""
        rules = rules_of(settings, recognises=self._authentication.recognises)
        if rules.digest != self.rules.digest:
            self.adopt(rules)

    @property
    def rules(self) -> Rules:
        """The rules that count."""
        return self._classes.rules

    def require(
        self, right: Right, project: NormalizedName, *, absent: PypitoolError | None = None
    ) -> RequestRights:
        """Return the rights of the current request, or raise what kind of refusal it is.

        To who may not even list the project it is not there: the refusal is then `absent`.
        """

        def refusal(rights: RequestRights) -> PypitoolError | None:
            if rights.may(right, project):
                return None
            if not rights.may(Right.LIST, project):
                return absent or ProjectNotHeld(project)
            return RightMissing(rights.name, right)

        return self._allowed(right, refusal)

    def require_everywhere(self, right: Right) -> RequestRights:
        """Return rights on what is about every project, or about the server itself."""
        return self._allowed(
            right, lambda rights: None if rights.may(right, None) else RightMissing(rights.name, right)
        )

    def require_some(self, *rights: Right) -> RequestRights:
        """Return the rights of whoever may do one of these somewhere; all that can be asked before a name.

        It is in nobody's name where anybody may, though perhaps not with the project to come.
        """
        rules = self.rules

        def refusal(found: RequestRights) -> PypitoolError | None:
            begins = Right.UPLOAD in rights and rules.may_begin(found.basis)
            may = begins or any(map(found.effective.may_some, rights))
            return None if may else RightMissing(found.name, rights[0])

        return self._allowed(rights[0], refusal)

    def require_upload(self, project: NormalizedName, is_new: Callable[[], bool]) -> RequestRights:
        """Return the rights of an upload to a project; who may not is not told whether it is there."""
        rules = self.rules

        def refusal(rights: RequestRights) -> PypitoolError | None:
            outcome = rules.judge_upload(rights.basis, rights.effective, project, is_new)
            if outcome is Upload.PROJECT_IS_NEW and rules.new_projects is not None:
                return ProjectIsNew(rules.new_projects)
            return RightMissing(rights.name, Right.UPLOAD) if outcome is Upload.RIGHT_MISSING else None

        return self._allowed(Right.UPLOAD, refusal)

    def anybody(self) -> EffectiveRights:
        """Return what the current request may in nobody's name."""
        return self._effective(self._classes.anonymous)

    def listing(self) -> VisibleProjects:
        """Return what the current request sees of lists; wrong credentials are never a shorter list."""
        rights = self._nobodys()
        if not rights.may(Right.LIST, None):
            rights = self._own() or replace(rights, public=False)
        if rights.principal is None and not rights.effective.may_some(Right.LIST):
            raise self._credentials_needed(Right.LIST)
        return VisibleProjects(rights)

    def visible(self, names: Iterable[NormalizedName]) -> tuple[NormalizedName, ...]:
        """Return which of these projects the current request may list."""
        return self.listing().visible(names)

    def principal(self) -> Principal | None:
        """Return who sent the current request, None for nobody in particular; refuse wrong credentials."""
        # Who uploads or deletes comes by no front that has looked: the token may be revoked by now.
        self._refresh()
        return self._authentication.identify()

    def caller(self) -> Caller:
        """Return who sent the current request, as rules see it."""
        principal = self.principal()
        return NOBODY if principal is None else principal.caller

    def actor(self, rights: RequestRights) -> Actor:
        """Return who sends the current request with these rights, as the facts tell it."""
        # A socket that no proxy speaks for has no address.
        return Actor(rights.who, self.client(request.environ) or None, rights.means)

    def close(self) -> None:
        """Release what is held open."""
        self._authentication.close()

    def classify(self, environ: Environ) -> RightsClass | tuple[None, None]:
        """Return the rights class of the caller, and who it is; None: only the views can tell."""
        if self._everybody is not None:
            return self._everybody
        caller = self._authentication.remembered(environ)
        if caller is None:
            return None, None
        rights = self._classes.of(caller)
        return rights.always or rights.at(self.client(environ))

    def drop(self, names: Collection[str]) -> None:
        """Ask again who owns what and which tokens are good, where that changed."""
        if RIGHTS in names:
            self.clear()

    def clear(self) -> None:
        """Ask again who owns what and which tokens are good."""
        self._authentication.forget_tokens()
        self._classes.forget_owners()

    def _allowed(
        self, right: Right, refusal: Callable[[RequestRights], PypitoolError | None]
    ) -> RequestRights:
        """Return the rights with which nothing refuses the current request: nobody's, where these are enough.

        A stale password must not break what anybody may: credentials are not looked at then.
        """
        rights = self._nobodys()
        if refusal(rights) is None:
            return rights
        own = self._own()
        if own is None:
            raise self._credentials_needed(right)
        error = refusal(own)
        if error is not None:
            raise error
        return own

    def _nobodys(self) -> RequestRights:
        anybody = self._classes.anonymous
        return RequestRights(self._effective(anybody), anybody.basis, public=anybody.always is not None)

    def _own(self) -> RequestRights | None:
        classes = self._classes
        principal = self.principal()
        if principal is None:
            return None
        # Who uploads or deletes comes by no front that has looked.
        self._refresh()
        caller = classes.of(principal.caller)
        return RequestRights(self._effective(caller), caller.basis, principal)

    def _effective(self, caller: CallerRights) -> EffectiveRights:
        return (caller.always or caller.at(self.client(request.environ)))[0]

    def _credentials_needed(self, right: Right) -> CredentialsNeeded:
        return CredentialsNeeded(right, possible=self._authentication.recognises)


@dataclass(frozen=True, slots=True)
class RequestRights:
    """In whose name the current request is judged, and what that one may."""

    effective: EffectiveRights
    basis: RightsBasis
    principal: Principal | None = None  # None: anybody may, so nobody looked who it is
    public: bool = False  # anybody may, from everywhere: only then may caches that people share keep it

    def may(self, right: Right, project: NormalizedName | None) -> bool:
        """Tell whether something is allowed in this name; None is every project, those to come included."""
        return self.effective.may(right, project)

    @property
    def name(self) -> str:
        """What messages call that one."""
        return ANONYMOUS if self.principal is None else self.principal.name

    @property
    def who(self) -> str:
        """The name under which it is recorded."""
        return ANONYMOUS if self.principal is None else self.principal.who

    @property
    def means(self) -> str | None:
        """How the name was proved: `password`, `header`, `verify` or `token:ID`."""
        return None if self.principal is None else self.principal.means


@dataclass(frozen=True, slots=True)
class VisibleProjects:
    """What the current request sees of lists."""

    rights: RequestRights

    @property
    def public(self) -> bool:
        """Whether everybody sees the same."""
        return self.rights.public

    @property
    def of(self) -> Hashable:
        """What is another value for who sees something else; None for who sees everything."""
        return None if self.sees_all else self.rights.effective

    @property
    def sees_all(self) -> bool:
        """Whether there is nothing that is hidden."""
        return self.rights.may(Right.LIST, None)

    def sees(self, project: NormalizedName) -> bool:
        """Tell whether a project is in the lists."""
        return self.rights.may(Right.LIST, project)

    def visible(self, names: Iterable[NormalizedName]) -> tuple[NormalizedName, ...]:
        """Return the projects among these that are in the lists."""
        return tuple(names) if self.sees_all else tuple(filter(self.sees, names))

"""What was decided about a request: in whose name, and what that one sees."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from packaging.utils import NormalizedName

from pypitool.core.rights.effective import Claim, Standing
from pypitool.core.rights.rulebook import ANONYMOUS, Right
from pypitool_server.auth import Principal


@dataclass(frozen=True, slots=True)
class Verdict:
    """In whose name the current request is judged, and what that one may."""

    standing: Standing
    claim: Claim
    principal: Principal | None = None  # None: anybody may, so nobody looked who it is
    public: bool = False  # anybody may, from everywhere: only then may caches that people share keep it

    def may(self, right: Right, project: NormalizedName) -> bool:
        """Tell whether something else would be allowed in the same name."""
        return self.standing.may(right, project)

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
class Listing:
    """What the current request sees of lists."""

    verdict: Verdict

    @property
    def public(self) -> bool:
        """Whether everybody sees the same."""
        return self.verdict.public

    @property
    def of(self) -> Hashable:
        """What is another value for who sees something else; None for who sees everything."""
        return None if self.sees_all else self.verdict.standing

    @property
    def sees_all(self) -> bool:
        """Whether there is nothing that is hidden."""
        return self.verdict.standing.may(Right.LIST, None)

    def sees(self, project: NormalizedName) -> bool:
        """Tell whether a project is in the lists."""
        return self.verdict.standing.may(Right.LIST, project)

    def visible(self, names: Iterable[NormalizedName]) -> tuple[NormalizedName, ...]:
        """Return the projects among these that are in the lists."""
        return tuple(names) if self.sees_all else tuple(filter(self.sees, names))

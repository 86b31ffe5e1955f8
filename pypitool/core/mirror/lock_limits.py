"""What a lock file says it is for (PEP 751: `requires-python`, `environments`), against a target."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.markers import Marker

from pypitool.core.mirror.targets import Target


@dataclass(frozen=True, slots=True)
class Misfit:
    """What a lock asks of a target that the target is not."""

    requirement: str  # `Python >=3.11`
    source: str  # the lock's name
    remark: str  # what the target has instead


@dataclass(frozen=True, slots=True)
class LockLimits:
    """The targets that a lock was made for."""

    source: str
    requires_python: str | None = None
    environments: tuple[Marker, ...] | None = None

    def misfit(self, target: Target) -> Misfit | None:
        """Say what keeps an installer from using the lock on a target; None: nothing does."""
        # "check that the environment being installed for meets the requirement; an error MUST be raised if
        # it is not met", and "that at least one of the environment marker expressions is satisfied".
        if not target.runs(self.requires_python):
            return Misfit(f"Python {self.requires_python}", self.source, f"the target has {target.python}")
        if self.environments is None or any(target.applies(one) for one in self.environments):
            return None
        known = " or ".join(map(str, self.environments)) or "no environment"
        return Misfit(known, self.source, "the lock is for other environments")

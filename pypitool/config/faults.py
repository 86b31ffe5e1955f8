"""What is wrong with a configuration: every fault at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pypitool.core.errors import Kind, PypitoolError


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """One thing that is wrong, and where: a file, a variable or a flag, and the key."""

    source: str
    path: str
    message: str
    by_flag: bool = False

    def __str__(self) -> str:
        return ": ".join(part for part in (self.source, self.path, self.message) if part)


class BadConfiguration(PypitoolError):
    """One or more faults of files or variables."""

    kind = Kind.CONFIG
    faults: Sequence[ConfigFault]

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return str(self.faults[0])
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        return f"the configuration has {len(self.faults)} faults{lines}"


class BadCombination(BadConfiguration):
    """Flags that contradict each other or the configuration."""

    kind = Kind.USAGE


class WantsConfiguration(PypitoolError):
    """Something that a configuration would have; where there is none at all, that is said instead."""


def refusal(faults: Iterable[ConfigFault]) -> BadConfiguration:
    """Make the error that reports these faults: wrong usage when flags alone are to blame."""
    listed = tuple(faults)
    return BadCombination(listed) if all(fault.by_flag for fault in listed) else BadConfiguration(listed)

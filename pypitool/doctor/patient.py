"""What is examined: the settings as far as they can be read, and what they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pypitool.access.rules import rules_of
from pypitool.config.faults import Fault
from pypitool.config.settings import Settings
from pypitool.core.rights.rulebook import Right, has
from pypitool.repository.state import choose_state

if TYPE_CHECKING:
    from pypitool.doctor.copied import Copied


@dataclass(slots=True)
class Patient:
    """One server, looked at from its own machine."""

    settings: Settings
    faults: tuple[Fault, ...]
    environ: Mapping[str, str]
    now: datetime
    asks_upstream: bool = False  # for names of ours
    copied: list[Copied] = field(default_factory=list)  # the catalogue, once it was read

    @property
    def roots(self) -> tuple[Path, ...]:
        """The package directories."""
        return tuple(root.absolute() for root in self.settings.server.packages)

    @property
    def state(self) -> Path:
        """Where the state is, or would be."""
        return choose_state(self.roots, self.settings.server.state, self.environ)

    @property
    def is_written(self) -> bool:
        """Whether files come into the first directory through us: uploads, or what the mirror brings."""
        settings = self.settings
        if settings.sets:
            return True
        if settings.server.read_only or self.faults:
            return False
        rules = rules_of(settings)
        uploads = any(has(rule.may, Right.UPLOAD) for rule in rules.book.rules)
        return uploads or (rules.owners and rules.new_projects is not None)

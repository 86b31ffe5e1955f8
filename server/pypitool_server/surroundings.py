"""What a supervisor of workers needs of the server around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pypitool_server.crew import Make
from pypitool_server.orders import Ready


@dataclass(frozen=True, slots=True)
class Generation:
    """The workers of one configuration."""

    count: int
    stop_timeout: float
    make: Make


class Surroundings(Protocol):
    """What there is around the workers."""

    @property
    def due(self) -> float:
        """When `tend` wants to be called, on the monotonic clock."""

    @property
    def readable(self) -> Sequence[int]:
        """What `tend` wants to read, when there is something."""

    def tend(self) -> None:
        """Look after what else runs."""

    def opened(self, ready: Ready) -> None:
        """Hear that the first worker serves."""

    def settled(self) -> None:
        """Hear that all of them do."""

    def reread(self) -> Generation:
        """Read the configuration again, or raise what is wrong with it."""

    def adopt(self) -> None:
        """Hear that what was reread is the configuration from now on."""

    def closing(self) -> None:
        """Hear that only who is being served will be served to the end."""

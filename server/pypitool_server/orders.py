"""What the parent gives to a worker: values and descriptors that cross by fork and by pickle alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Protocol

from pypitool.config.live import Source
from pypitool.config.settings import Settings
from pypitool.core.errors import Kind, PypitoolError
from pypitool_server.logs.counts import SharedFile


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has its application, and knows this much."""

    projects: int
    files: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A worker cannot serve with these settings."""

    kind: Kind
    message: str
    hint: str | None


class WorkerRefused(PypitoolError):
    """The settings are well-formed, and yet no worker can serve with them."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused)
        self.refused = refused
        self.hint = refused.hint
        # The exit code is that of the fault in the worker.
        self.__dict__["kind"] = refused.kind

    def __str__(self) -> str:
        return self.refused.message


class Closable(Protocol):
    """Something of the parent's that is open."""

    def close(self) -> None:
        """Close it."""


class Inherited:
    """What a forked worker has of its parent's and must not keep open; a spawned one has nothing of it."""

    def __init__(self, those: Iterable[Closable] = ()) -> None:
        self._those = tuple(those)

    def __reduce__(self) -> tuple[Any, ...]:
        return Inherited, ()

    def close(self) -> None:
        """Close them."""
        for one in self._those:
            one.close()


@dataclass(frozen=True, slots=True)
class Orders:
    """Everything that a worker needs to begin."""

    settings: Settings  # with the state directory in its place
    parent: int
    report: Connection
    counts: SharedFile
    inherited: Inherited = field(default_factory=Inherited)
    source: Source | None = None  # where the settings are read from again

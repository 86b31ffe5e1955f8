"""The steps of a plan: each says what it does, and does it by way of a machine that is handed to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pypitool.core.units.template import USER


class Machine(Protocol):
    """What steps do to a machine. The tests have one that only remembers."""

    def run(self, words: Sequence[str]) -> None:
        """Run a command, and raise what is wrong if it fails."""

    def make_directory(self, path: Path, owner: str, group: str, mode: int) -> None:
        """Make a directory, with those around it."""

    def write(self, path: Path, text: str, group: str, mode: int) -> None:
        """Write a file of root's in one step, for this group to read."""

    def give(self, path: Path, group: str, mode: int) -> None:
        """Let a group have a file or directory."""

    def rename(self, path: Path, to: Path) -> None:
        """Give a file another name."""

    def remove(self, path: Path) -> None:
        """Remove a file."""


class SetupStep(Protocol):
    """One thing that is done; `str()` says what, in words that are right before and after."""

    def carry_out(self, machine: Machine) -> None:
        """Do it."""


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run a command."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"run {' '.join(self.words)}"

    def carry_out(self, machine: Machine) -> None:
        """Do it."""
        machine.run(self.words)


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """Make a directory, with those around it."""

    path: Path
    owner: str
    mode: int

    def __str__(self) -> str:
        return f"make {self.path}, of {self.owner}:{USER}, mode {self.mode:04o}"

    def carry_out(self, machine: Machine) -> None:
        """Do it."""
        machine.make_directory(self.path, self.owner, USER, self.mode)


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write a file; `is_new`: nothing is replaced."""

    path: Path
    text: str = field(repr=False)
    group: str = "root"
    mode: int = 0o644
    is_new: bool = True

    def __str__(self) -> str:
        return f"{'write' if self.is_new else 'rewrite'} {self.path}"

    def carry_out(self, machine: Machine) -> None:
        """Do it."""
        machine.write(self.path, self.text, self.group, self.mode)


@dataclass(frozen=True, slots=True)
class GiveToGroup:
    """Let the service's group read what root alone may."""

    path: Path
    mode: int

    def __str__(self) -> str:
        return f"let the group {USER} read {self.path}"

    def carry_out(self, machine: Machine) -> None:
        """Do it."""
        machine.give(self.path, USER, self.mode)


@dataclass(frozen=True, slots=True)
class KeepBefore:
    """Keep a unit that somebody has written, under another name, before ours takes its place."""

    path: Path

    @property
    def kept(self) -> Path:
        """Its other name, which systemd does not read."""
        return self.path.with_name(f"{self.path.name}.before-setup")

    def __str__(self) -> str:
        return f"keep {self.path} as {self.kept.name}"

    def carry_out(self, machine: Machine) -> None:
        """Do it."""
        machine.rename(self.path, self.kept)


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Remove a file."""

    path: Path

    def __str__(self) -> str:
        return f"remove {self.path}"

    def carry_out(self, machine: Machine) -> None:
        """Do it."""
        machine.remove(self.path)

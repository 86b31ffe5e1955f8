"""Looking at the processes of a running server from outside, as `ps` does."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import wait_until

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One process."""

    pid: int
    parent: int
    command: str

    @property
    def is_keeper(self) -> bool:
        """Whether it is the keeper of a server."""
        return "pypitool.keeper" in self.command


def children_of(pid: int) -> list[Process]:
    """List the living children of a process."""
    return [process for process in map(_read, _pids()) if process is not None and process.parent == pid]


def workers_of(pid: int) -> list[int]:
    """List the workers of a server, which are its children but for the keeper and Python's own."""
    return [
        child.pid
        for child in children_of(pid)
        if not child.is_keeper and "resource_tracker" not in child.command
    ]


def keeper_of(pid: int) -> int | None:
    """Return the keeper of a server."""
    return next((child.pid for child in children_of(pid) if child.is_keeper), None)


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that ended and was not asked for its exit code does not."""
    return _read(pid) is not None


def freeze(pid: int) -> None:
    """Stop a process, and return when none of its threads runs any more."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(
        lambda: all(_state(task) == "T" for task in (PROC / str(pid) / "task").iterdir()), what="it stopped"
    )


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with."""
    pairs = (PROC / str(pid) / "environ").read_bytes().decode(errors="replace").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit()]


def _state(task: Path) -> str:
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


def _read(pid: int) -> Process | None:
    with contextlib.suppress(OSError):
        # proc(5): the second field is the name in parentheses, which may contain anything.
        state, parent = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[:2]
        command = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        if state not in "ZX":
            return Process(pid, int(parent), command)
    return None

"""What a server's processes have used: CPU seconds and memory, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Stat:
    """One line of /proc/PID/stat, as far as it is needed."""

    pid: int
    parent: int
    session: int
    cpu_ticks: int


def parse_stat(text: str) -> Stat:
    """Read /proc/PID/stat; the command's name stands in brackets and may contain anything."""
    pid, rest = text.split(" (", 1)
    fields = rest.rpartition(")")[2].split()
    # proc(5): (4) ppid, (6) session, (14) utime, (15) stime, (16) cutime, (17) cstime; fields[0] is (3).
    # The children's share counts only children that ended and were waited for.
    return Stat(int(pid), int(fields[1]), int(fields[3]), sum(int(ticks) for ticks in fields[11:15]))


def tree(root: int) -> list[Stat]:
    """The process `root`, its descendants, and whoever else is in its session: it was started as a leader."""
    stats = list(_all_stats())
    members = {root}
    grown = True
    while grown:
        found = {stat.pid for stat in stats if stat.parent in members or stat.session == root}
        grown = not found <= members
        members |= found
    return [stat for stat in stats if stat.pid in members]


def cpu_seconds(root: int) -> float:
    """CPU seconds (user and system) that a process tree has used, ended children included."""
    return sum(stat.cpu_ticks for stat in tree(root)) / os.sysconf("SC_CLK_TCK")


def pss_bytes(root: int) -> int:
    """Memory of a process tree: shared pages are divided among those that share them."""
    return sum(_pss(stat.pid) for stat in tree(root))


def read_bytes(root: int) -> int:
    """Bytes that the processes of a tree have read, from wherever."""
    return sum(_field(PROC / str(stat.pid) / "io", "rchar:") for stat in tree(root))


def _pss(pid: int) -> int:
    return _field(PROC / str(pid) / "smaps_rollup", "Pss:") * 1024


def _field(path: Path, name: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended since the tree was looked at
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def _all_stats() -> Iterator[Stat]:
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                yield parse_stat((entry / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue

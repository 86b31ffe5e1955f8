"""What no other tool does: a plan for many targets, the proof, and memory while gigabytes arrive."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.sync.large import PROJECTS
from bench.sync.loopback import Loopback
from bench.sync.offerings import GRID_PLATFORMS, GRID_PYTHONS, VERSION, grid, synthetic
from bench.sync.tools import Measured, Pins, Pypitool, fresh, measure

MEGABYTE = 1_000_000
_PROGRAM = [sys.executable, "-m", "pypitool"]
_OPTIONS = ["--quiet", "--config", "config.toml"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of ours, and what it may be at most."""

    name: str
    title: str
    unit: str
    at_most: float
    measure: Callable[[Loopback, Path], Measured]
    figure: Callable[[Measured], float]
    offer: str  # what the upstream has to offer


def plan(upstream: Loopback, ground: Path) -> Measured:
    """Plan a set for every platform and Python, knowing nothing."""
    targets = {
        f"t{number}-{python.replace('.', '')}": (python, platform)
        for number, platform in enumerate(GRID_PLATFORMS)
        for python in GRID_PYTHONS
    }
    pins = Pins("grid", [offered.pin for offered in grid()], targets=targets)
    Pypitool().prepare(fresh(ground), pins, upstream)
    return measure([*_PROGRAM, "sync", "--dry-run", *_OPTIONS], ground, upstream)


def check(upstream: Loopback, ground: Path) -> Measured:
    """Prove a set of 500 wheels for six targets, on a directory that is known."""
    offered = synthetic()
    platforms = (*GRID_PLATFORMS, "win32")
    targets = {f"t{number}": ("3.12", platform) for number, platform in enumerate(platforms)}
    Pypitool().prepare(
        fresh(ground), Pins("synthetic", [one.pin for one in offered], targets=targets), upstream
    )
    packages = ground / "packages"
    packages.mkdir()
    for one in offered:
        for name, body in one.bodies.items():
            if name.endswith(".whl"):
                (packages / name).write_bytes(body)
    measure([*_PROGRAM, "check", *_OPTIONS], ground)  # reads the directory for the first time
    return measure([*_PROGRAM, "check", *_OPTIONS], ground)


def memory(upstream: Loopback, ground: Path) -> Measured:
    """Fetch two gigabytes."""
    lines = [f"large-{number}=={VERSION}" for number in range(PROJECTS)]
    Pypitool().prepare(fresh(ground), Pins("large", lines), upstream)
    try:
        return measure([*_PROGRAM, "sync", *_OPTIONS], ground, upstream)
    finally:
        fresh(ground)


ROWS = (
    Row("plan", "300 packages x 5 platforms x 5 Pythons: plan", "s", 10.0, plan,
        lambda done: done.seconds, "grid"),
    Row("check", "check of 500 wheels, 6 targets", "s", 0.5, check, lambda done: done.seconds, ""),
    Row("memory", "memory while fetching 2 GB", "MB", 150.0, memory,
        lambda done: done.peak_bytes / MEGABYTE, "large"),
)  # fmt: skip


def figures(row: Row, upstream: Loopback, work: Path, rounds: int) -> tuple[float, int]:
    """Measure a row some times: the median, and how many requests it made."""
    done = [row.measure(upstream, work / row.name) for _ in range(rounds)]
    return median(row.figure(one) for one in done), done[-1].requests

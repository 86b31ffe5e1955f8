"""The tools take turns: an empty directory, and then nothing to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.sync.loopback import Loopback
from bench.sync.offerings import Offered, real_sized, synthetic
from bench.sync.tools import (
    AGAIN,
    BANDERSNATCH,
    EMPTY,
    LOCKED,
    PHASES,
    PIP,
    PYPITOOL,
    Measured,
    Pins,
    Tool,
    fresh,
    measure,
)


@dataclass(frozen=True, slots=True)
class Case:
    """Pins to compare the tools on, and how many times faster than others we promise to be.

    Than pip by dialect and phase, and than bandersnatch in an empty directory.
    """

    name: str
    title: str
    offered: Callable[[], Iterable[Offered]]
    workers: int
    promised: Mapping[tuple[str, str], float]
    before_bandersnatch: float | None = None


JSON, HTML = "json", "html"
CASES = (
    Case("real", "40 pins", real_sized, 8,
         {(JSON, EMPTY): 4.5, (JSON, AGAIN): 5.0, (JSON, LOCKED): 18.0, (HTML, EMPTY): 4.0}),
    Case("synthetic", "500 pins", synthetic, 16,
         {(JSON, EMPTY): 8.0, (JSON, AGAIN): 10.0, (JSON, LOCKED): 18.0, (HTML, EMPTY): 6.0}, 1.5),
)  # fmt: skip


@dataclass(slots=True)
class Comparison:
    """The samples of one case in one dialect, by phase and tool."""

    case: Case
    dialect: str
    samples: dict[tuple[str, str], list[Measured]] = field(default_factory=dict)

    def seconds(self, phase: str, tool: str) -> float | None:
        """The median of a tool's runs."""
        found = self.samples.get((phase, tool))
        return median(one.seconds for one in found) if found else None

    def requests(self, phase: str, tool: str) -> int | None:
        """How many requests the last run made."""
        found = self.samples.get((phase, tool))
        return found[-1].requests if found else None

    def ratio(self, phase: str) -> float | None:
        """How many times faster than pip we were; pip has no lock, and does its usual nothing."""
        theirs = self.seconds(phase, PIP) or self.seconds(AGAIN, PIP)
        return self._times(phase, theirs)

    def promises(self, phase: str) -> list[tuple[str, bool]]:
        """What we promise of a phase, and whether it came out so."""
        made = []
        factor = self.case.promised.get((self.dialect, phase))
        if factor is not None:
            made.append((f"≥ {factor:g}", (self.ratio(phase) or 0) >= factor))
        ahead, theirs = self.case.before_bandersnatch, self.seconds(phase, BANDERSNATCH)
        if ahead is not None and theirs is not None and phase == EMPTY:
            made.append((f"≥ {ahead:g} times bandersnatch", (self._times(phase, theirs) or 0) >= ahead))
        return made

    def _times(self, phase: str, theirs: float | None) -> float | None:
        ours = self.seconds(phase, PYPITOOL)
        return theirs / ours if ours and theirs else None


def compare(
    case: Case, dialect: str, tools: Sequence[Tool], upstream: Loopback, work: Path, rounds: int
) -> Comparison:
    """Run every tool in every round; a first run of each, which compiles modules, does not count."""
    pins = Pins(case.name, [offered.pin for offered in case.offered()], dialect, case.workers)
    done = Comparison(case, dialect)
    for number in range(rounds):
        for tool in tools:
            _run(tool, pins, upstream, fresh(work / tool.name), done)
        print(f"{case.title}, {dialect}, round {number + 1}: {_summary(done)}", file=sys.stderr, flush=True)
    return done


def warm_up(tools: Sequence[Tool], upstream: Loopback, work: Path) -> None:
    """Let every tool compile its modules."""
    pins = Pins("real", [offered.pin for offered in real_sized()[:2]])
    for tool in tools:
        _run(tool, pins, upstream, fresh(work / tool.name), Comparison(CASES[0], JSON))


def _run(tool: Tool, pins: Pins, upstream: Loopback, ground: Path, done: Comparison) -> None:
    tool.prepare(ground, pins, upstream)
    for phase in PHASES:
        command = tool.command(ground, phase)
        if command is not None:
            done.samples.setdefault((phase, tool.name), []).append(measure(command, ground, upstream))


def _summary(done: Comparison) -> str:
    figures = (f"{tool} {phase} {found[-1].seconds:.2f} s" for (phase, tool), found in done.samples.items())
    return ", ".join(figures)

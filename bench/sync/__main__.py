"""`python -m bench.sync`: measure the mirror against pip and bandersnatch, and print the tables."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.report import number, table
from bench.servers import Unavailable, install
from bench.sync import alone
from bench.sync.comparing import CASES, Comparison, compare, warm_up
from bench.sync.loopback import DELAY, Loopback
from bench.sync.tools import BANDERSNATCH, PHASES, PIP, PYPITOOL, Bandersnatch, Pip, Pypitool, Tool

COMPARED = ("pins", "upstream", "", PYPITOOL, PIP, BANDERSNATCH, "times pip", "promised", "kept", "requests")
ALONE = ("", "", PYPITOOL, "at most", "kept", "requests")
DIALECTS = {"json": "JSON with ETags", "html": "HTML without"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 when it ran, whatever came out."""
    options = parser().parse_args(arguments)
    work = options.work.absolute() / "sync"
    wanted = options.rows or [*(case.name for case in CASES), *(row.name for row in alone.ROWS)]
    print(f"{described()}, {DELAY * 1000:g} ms before each answer of the upstream\n")
    if compared := _compared(wanted, options, work):
        print(table(COMPARED, compared))
    if measured := _alone(wanted, options, work):
        print("\n" + table(ALONE, measured))
    return 0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    names = [*(case.name for case in CASES), *(row.name for row in alone.ROWS)]
    made = argparse.ArgumentParser(prog="python -m bench.sync", description=__doc__)
    made.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"what to measure, default all: {', '.join(names)}"
    )
    made.add_argument("--dialects", type=lambda text: text.split(","), default=list(DIALECTS))
    made.add_argument("--rounds", type=int, default=3, help="rounds in which the tools take turns")
    made.add_argument("--work", type=Path, default=Path("bench") / ".work", help="scratch directory")
    return made


def described() -> str:
    """Name what was measured on."""
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, text=True, check=True
    )
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, pip {pip.stdout.split()[1]}, {os.cpu_count()} cores"


def _compared(wanted: Sequence[str], options: argparse.Namespace, work: Path) -> list[list[str]]:
    cases = [case for case in CASES if case.name in wanted]
    lines: list[list[str]] = []
    if not cases:
        return lines
    ours: list[Tool] = [Pypitool(), Pip()]
    others = _bandersnatch(work)
    with Loopback([case.name for case in CASES]) as upstream:
        warm_up([*ours, *others], upstream, work)
        for case in cases:
            for dialect in options.dialects:
                # bandersnatch reads neither dialect but the JSON of the public index.
                tools = [*ours, *(others if dialect == "json" else [])]
                done = compare(case, dialect, tools, upstream, work, options.rounds)
                lines += [line(done, phase) for phase in PHASES]
    return lines


def line(done: Comparison, phase: str) -> list[str]:
    """Write one line of the comparison."""
    promises = done.promises(phase)
    requests = [done.requests(phase, tool) for tool in (PYPITOOL, PIP, BANDERSNATCH)]
    return [
        done.case.title,
        DIALECTS[done.dialect],
        phase,
        *(_seconds(done.seconds(phase, tool)) for tool in (PYPITOOL, PIP, BANDERSNATCH)),
        number(done.ratio(phase)),
        ", ".join(text for text, _ in promises),
        ", ".join(_kept(is_kept) for _, is_kept in promises),
        " / ".join(str(one) for one in requests if one is not None),
    ]


def _alone(wanted: Sequence[str], options: argparse.Namespace, work: Path) -> list[list[str]]:
    lines = []
    for row in alone.ROWS:
        if row.name in wanted:
            with _upstream_for(row, work) as upstream:
                value, requests = alone.figures(
                    row, upstream, work, 1 if row.offer == "large" else options.rounds
                )
            kept = _kept(value <= row.at_most)
            lines.append([row.title, row.unit, number(value), number(row.at_most), kept, str(requests)])
    return lines


@contextmanager
def _upstream_for(row: alone.Row, work: Path) -> Iterator[Loopback]:
    offers = [row.offer] if row.offer in ("grid",) else []
    large = work / "large-wheels" if row.offer == "large" else None
    with Loopback(offers, large=large) as upstream:
        yield upstream


def _bandersnatch(work: Path) -> list[Tool]:
    """Install bandersnatch into an environment of its own, where it can be had."""
    environment = work / "bandersnatch-venv"
    program = environment / "bin" / "bandersnatch"
    try:
        if not program.exists():
            install(environment, ["bandersnatch"])
    except Unavailable as error:
        print(f"without bandersnatch: {error}", file=sys.stderr)
        return []
    return [Bandersnatch(program)]


def _seconds(value: float | None) -> str:
    return f"{value:.2f} s" if value is not None else "–"


def _kept(is_kept: bool) -> str:
    return "yes" if is_kept else "NO"


if __name__ == "__main__":
    sys.exit(main())

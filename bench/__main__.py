"""`python -m bench`: measure the rows that were asked for, and print the table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench import report, rows_crowd, rows_files, rows_pages, rows_starts, rows_uploads, wrk
from bench.corpora import CORPORA
from bench.fleet import Fleet
from bench.model import Case, Results, Row, Run
from bench.rows_uploads import DISK
from bench.servers import PYPITOOL

ROWS: tuple[Row, ...] = (
    *rows_pages.ROWS,
    *rows_files.ROWS,
    *rows_uploads.ROWS,
    *rows_starts.ROWS,
    *rows_crowd.ROWS,
)
QUICK_CORPORA = ("S", "H")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 when it ran, whatever came out."""
    options = parser().parse_args(arguments)
    if options.list:
        print("\n".join(f"{row.name:12} {' '.join(row.corpora):10} {row.title}, {row.unit}" for row in ROWS))
        return 0
    if not wrk.is_installed():
        print("the benchmark needs wrk: sudo apt install wrk nginx-light", file=sys.stderr)
        return 1
    results = Results()
    rows = [row for row in ROWS if not options.rows or row.name in options.rows]
    with Fleet(options.work) as fleet:
        run = Run(fleet, options.seconds or (1.0 if options.quick else 4.0))
        measured = [done for row in rows for done in measure(row, run, options, results)]
        missing = fleet.missing
    print_tables(rows, measured, results, missing)
    save(options.work / "results", results)
    return 0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    names = [row.name for row in ROWS]
    made = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    made.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"rows to measure, default all: {', '.join(names)}"
    )
    made.add_argument("--corpora", type=_words, help="only these corpora, as S,M,L; a row may have fewer")
    made.add_argument("--servers", type=_words, help="only these servers; pypitool is always there")
    made.add_argument("--rounds", type=int, default=3, help="rounds in which the servers take turns")
    made.add_argument("--seconds", type=float, help="length of one measurement, default 4")
    made.add_argument("--quick", action="store_true", help="one round of one second on the small corpora")
    made.add_argument("--list", action="store_true", help="list the rows and end")
    made.add_argument("--work", type=Path, default=Path(__file__).parent / ".work", help="scratch directory")
    return made


def measure(row: Row, run: Run, options: argparse.Namespace, results: Results) -> list[tuple[Row, str]]:
    """Measure one row, servers and corpora taking turns; name what was measured."""
    rounds = 1 if options.quick else min(options.rounds, row.rounds or options.rounds)
    corpora = chosen_corpora(row, options)
    wanted = {PYPITOOL, DISK, *(options.servers or row.servers)}
    servers = [name for name in row.servers if name in wanted]
    cases = [Case(server, CORPORA[corpus]) for corpus in corpora for server in servers]
    for case in cases * rounds:
        if (sample := row.sample(run, case)) is not None:
            results.add(row, case, sample)
    for corpus in corpora:
        print(f"{row.name} {corpus}: {summary(row, corpus, results)}", file=sys.stderr, flush=True)
    return [(row, corpus) for corpus in corpora]


def chosen_corpora(row: Row, options: argparse.Namespace) -> list[str]:
    """Say which corpora of a row are asked for; quick runs take a small one for every row."""
    if options.corpora:
        return [name for name in options.corpora if name in row.corpora or options.quick]
    if options.quick:
        return [name for name in row.corpora if name in QUICK_CORPORA] or ["S"]
    return list(row.corpora)


def summary(row: Row, corpus: str, results: Results) -> str:
    """Say in one line what a row gave."""
    values = results.values(row.name, corpus)
    figures = ", ".join(f"{server} {report.number(value)}" for server, value in values.items())
    return f"{figures} {row.unit} ({results.notes(row.name, corpus)})"


def print_tables(
    rows: Sequence[Row], measured: Sequence[tuple[Row, str]], results: Results, missing: dict[str, str]
) -> None:
    """Print the table, the comparison of the corpora, and what could not be measured."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"\n{python}, {os.cpu_count()} cores, one worker\n")
    print(report.table(report.HEADINGS, [report.line(row, corpus, results) for row, corpus in measured]))
    # The row without a promise asks for more pages than a worker keeps ready, on the large corpus.
    pages = [row for row in rows if row in rows_pages.ROWS and row.targets]
    if flat := report.flat_lines(pages, results):
        print("\n" + report.table(("row", "corpora", "ratio", "promised", "kept"), flat))
    for server, reason in missing.items():
        print(f"\nwithout {server}: {reason}")


def save(directory: Path, results: Results) -> None:
    """Keep every sample of the run as JSON."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = [
        {"row": row, "corpus": corpus, "server": server, "samples": [asdict(sample) for sample in samples]}
        for (row, corpus, server), samples in results.samples.items()
    ]
    name = time.strftime("%Y%m%dT%H%M%SZ.json", time.gmtime())
    (directory / name).write_text(json.dumps(rows, indent=1))


def _words(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    sys.exit(main())

"""What needs a terminal: tables and progress. The only module that imports rich."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Protocol

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text


class Step(Protocol):
    """What moves a bar: how much is done, of how much (None when that is not known yet)."""

    def __call__(self, done: int, total: int | None) -> None: ...


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, colored: bool) -> str:
    """Return rows under headings, as wide as the terminal."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        # Text and not str: brackets in a reason are no markup.
        drawn.add_row(*(Text(cell) for cell in row))
    return _rendered(drawn, colored=colored)


def _rendered(drawn: Table, *, colored: bool) -> str:
    console = Console(file=StringIO(), force_terminal=colored, no_color=not colored, width=_width())
    with console.capture() as capture:
        console.print(drawn)
    lines = (line.rstrip() for line in capture.get().splitlines())
    return "\n".join(lines).rstrip("\n")


def _width() -> int:
    return Console(file=sys.stdout).width


@contextmanager
def progress(what: str) -> Iterator[Step]:
    """Show a bar on stderr while the block runs."""
    console = Console(file=sys.stderr)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(what, total=None)

        def step(done: int, total: int | None) -> None:
            shown.update(task, completed=done, total=total)

        yield step

"""What needs a terminal: tables and progress. The only module that imports rich."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from pypitool.core.progress import TransferProgress


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
    width = Console(file=sys.stdout).width
    console = Console(file=StringIO(), force_terminal=colored, no_color=not colored, width=width)
    with console.capture() as capture:
        console.print(drawn)
    lines = (line.rstrip() for line in capture.get().splitlines())
    return "\n".join(lines).rstrip("\n")


class Bar:
    """A bar on stderr that appears when there is something to do, and leaves nothing behind."""

    def __init__(self, what: str) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._shown = Progress(*columns, console=Console(file=sys.stderr), transient=True)
        self._task = self._shown.add_task(what, total=None)
        self._shown.start()

    def step(self, done: int, total: int) -> None:
        """Show how far it is."""
        self._shown.update(self._task, completed=done, total=total)

    def stop(self) -> None:
        """Take the bar away."""
        self._shown.stop()


class TransferBars(TransferProgress):
    """Files on their way, on stderr: overall, each one, rate and time left; nothing stays behind."""

    is_live = True

    def __init__(self) -> None:
        self._shown = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            transient=True,
        )
        self._whole = self._shown.add_task("[bold]all files[/bold]", total=0)
        self._tasks: dict[str, TaskID] = {}
        self._moved: dict[str, int] = {}

    def __enter__(self) -> TransferBars:
        return self

    def __exit__(self, *exception: object) -> None:
        self._shown.stop()

    def is_shown(self) -> bool:
        """Tell whether the bars are on the screen."""
        return self._shown.live.is_started

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bars away while something is printed: click writes past rich, into the middle of them."""
        if not self.is_shown():
            yield
            return
        self._shown.stop()
        try:
            yield
        finally:
            self._shown.start()

    def announced(self, size: int) -> None:
        """Show the bar of all files."""
        self._shown.update(self._whole, total=size or None)
        self._shown.start()

    def started(self, name: str, size: int | None) -> None:
        """Add a line for a file, or begin its line anew."""
        self._shown.advance(self._whole, -self._moved.pop(name, 0))
        self.ended(name)
        self._tasks[name] = self._shown.add_task(escape(name), total=size)

    def moved(self, name: str, count: int) -> None:
        """Move its bar and the one of all."""
        self._moved[name] = self._moved.get(name, 0) + count
        self._shown.advance(self._tasks[name], count)
        self._shown.advance(self._whole, count)

    def ended(self, name: str) -> None:
        """Take its line away."""
        if name in self._tasks:
            self._shown.remove_task(self._tasks.pop(name))

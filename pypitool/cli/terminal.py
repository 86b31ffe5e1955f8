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

from pypitool.core.mirror.run_events import FileEvent
from pypitool.mirror.fetch import FetchItem, Watcher
from pypitool.upload.named_files import Package
from pypitool.upload.send import UploadWatcher


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


class _Files:
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

    def _begin(self, size: int) -> None:
        self._shown.update(self._whole, total=size or None)
        self._shown.start()

    def _add(self, name: str, size: int | None) -> None:
        self._tasks[name] = self._shown.add_task(escape(name), total=size)

    def _move(self, name: str, count: int) -> None:
        self._shown.advance(self._tasks[name], count)
        self._shown.advance(self._whole, count)

    def _remove(self, name: str) -> None:
        if name in self._tasks:
            self._shown.remove_task(self._tasks.pop(name))


class Transfers(_Files, Watcher):
    """Files that arrive."""

    def __enter__(self) -> Transfers:
        return self

    def announced(self, items: Sequence[FetchItem]) -> None:
        """Take the sizes of everything that is to come."""
        self._begin(sum(item.wanted.candidate.size or 0 for item in items))

    def started(self, item: FetchItem) -> None:
        """Add a line for a file."""
        self._add(item.filename, item.wanted.candidate.size)

    def received(self, item: FetchItem, count: int) -> None:
        """Move its bar and the one of all."""
        self._move(item.filename, count)

    def ended(self, item: FetchItem, event: FileEvent) -> None:
        """Take its line away."""
        self._remove(item.filename)


class Uploads(_Files, UploadWatcher):
    """Files that leave."""

    def __init__(self) -> None:
        super().__init__()
        self._sent: dict[str, int] = {}

    def __enter__(self) -> Uploads:
        return self

    def announced(self, packages: Sequence[Package]) -> None:
        """Take the sizes of everything that is to be sent."""
        self._begin(sum(package.file.size for package in packages))

    def started(self, package: Package) -> None:
        """Add a line for a file; at another try, what was sent before does not count."""
        if sent := self._sent.pop(package.name, 0):
            self._move(package.name, -sent)
        self._remove(package.name)
        self._add(package.name, package.file.size)

    def sent(self, package: Package, count: int) -> None:
        """Move its bar and the one of all."""
        self._sent[package.name] = self._sent.get(package.name, 0) + count
        self._move(package.name, count)

    def ended(self, package: Package) -> None:
        """Take its line away."""
        self._remove(package.name)

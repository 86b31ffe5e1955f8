"""What needs a terminal: tables and progress. The only module that imports rich."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO

from rich import box
from rich.console import Console, RenderableType
from rich.progress import Progress, Task, TaskID
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pypitool.core.progress import Phase, TransferProgress
from pypitool.core.text import clock, printable, short_size, shortened, sizes_text


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


# What ends sooner than that needs no line: it would only flash.
PATIENCE = 0.3
SIZES, RATE, LEFT = 17, 12, 7  # `1023.9/1023.9 MiB`, `1023.9 KiB/s`, `0:12:34`


@dataclass(frozen=True, slots=True)
class Widths:
    """How wide each part of a line of progress is, so that a line is never wider than the terminal."""

    name: int
    bar: int
    left: int = 0  # the time that is left; 0: there is no room for it

    @classmethod
    def of(cls, columns: int) -> Widths:
        """Divide a terminal: the name gets what the others leave."""
        left = LEFT if columns >= 100 else 0
        bar = 24 if columns >= 100 else 12 if columns >= 70 else 8
        # One column stays free: a terminal begins a new line when its last one is written.
        others = bar + SIZES + RATE + left + (4 if left else 3)
        return cls(max(columns - 1 - others, 6), bar, left)


class _Shown(Progress):
    """Lines of a name, a bar, sizes and a rate, in columns that fit the terminal whatever the names are."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(
            get_time=now,
            console=Console(file=sys.stderr),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield one table of all lines that are due."""
        due = [task for task in self.tasks if (task.elapsed or 0) >= task.fields["patience"]]
        if not due:
            return
        # More than the screen holds cannot be taken away again.
        yield self._table(due[: max(self.console.height - 2, 1)])

    def _table(self, tasks: Sequence[Task]) -> Table:
        widths = Widths.of(self.console.width)
        columns = (widths.name, widths.bar, SIZES, RATE, *([widths.left] if widths.left else []))
        drawn = Table.grid(padding=(0, 1), pad_edge=False)
        for number, width in enumerate(columns):
            drawn.add_column(width=width, no_wrap=True, justify="left" if number < 2 else "right")
        for task in tasks:
            cells = (self._name(task, widths.name), _bar(task, widths.bar), *_amounts(task))
            drawn.add_row(*cells[: len(columns)])
        return drawn

    def _name(self, task: Task, width: int) -> Text:
        # Text and not str: brackets in a name are no markup.
        dots = "..." if self.console.options.ascii_only else "\N{HORIZONTAL ELLIPSIS}"
        return Text(shortened(task.description, width, dots), style=task.fields["style"])


def _bar(task: Task, width: int) -> ProgressBar:
    return ProgressBar(
        total=task.total,
        completed=task.completed,
        width=width,
        pulse=not task.total,
        animation_time=time.monotonic(),
    )


def _amounts(task: Task) -> tuple[Text, Text, Text]:
    """Return how much is done, how fast, and how long the rest takes; of steps how many, and since when."""
    if task.fields["counts"]:
        count = f"{task.completed:g}/{task.total:g}" if task.total else ""
        return Text(count), Text(clock(task.elapsed or 0)), Text("")
    rate = f"{short_size(int(task.speed))}/s" if task.speed else ""
    left = clock(task.time_remaining) if task.time_remaining is not None else ""
    total = int(task.total) if task.total else None
    return Text(sizes_text(int(task.completed), total)), Text(rate), Text(left)


class Bar:
    """A bar on stderr that appears when there is something to do, and leaves nothing behind."""

    def __init__(self, what: str) -> None:
        self.shown = _Shown()
        self._task = self.shown.add_task(what, total=None, patience=0, counts=True, style="")
        self.shown.start()

    def step(self, done: int, total: int) -> None:
        """Show how far it is."""
        self.shown.update(self._task, completed=done, total=total)

    def stop(self) -> None:
        """Take the bar away."""
        self.shown.stop()


class _ShownPhase(Phase):
    def __init__(self, shown: Progress, task: TaskID) -> None:
        self.shown, self._task = shown, task

    def step(self) -> None:
        """Move its bar by one."""
        self.shown.advance(self._task)

    def at(self, done: int, total: int) -> None:
        """Move its bar there."""
        self.shown.update(self._task, completed=done, total=total)


class TransferBars(TransferProgress):
    """A run and its files, on stderr: what is under way, all files, each one; nothing stays behind."""

    is_live = True

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.shown = _Shown(now)
        self._whole: TaskID | None = None
        self._tasks: dict[str, TaskID] = {}
        self._moved: dict[str, int] = {}

    def __enter__(self) -> TransferBars:
        return self

    def __exit__(self, *exception: object) -> None:
        self.shown.stop()

    def is_shown(self) -> bool:
        """Tell whether the bars are on the screen."""
        return self.shown.live.is_started

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bars away while something is printed: click writes past rich, into the middle of them."""
        if not self.is_shown():
            yield
            return
        self.shown.stop()
        try:
            yield
        finally:
            self.shown.start()

    @contextmanager
    def during(self, what: str, total: int | None = None) -> Iterator[Phase]:
        """Show a line for it, unless it is over at once."""
        task = self.shown.add_task(what, total=total, patience=PATIENCE, counts=True, style="")
        self.shown.start()
        try:
            yield _ShownPhase(self.shown, task)
        finally:
            self.shown.remove_task(task)
            if not self.shown.tasks:
                self.shown.stop()  # what is printed next needs no room made for it

    def delayed(self, text: str) -> None:
        """Print a line above the bars, where it stays."""
        self.shown.console.print(Text(printable(text, 500)), soft_wrap=True)

    def announced(self, size: int) -> None:
        """Show the bar of all files."""
        if self._whole is None:
            self._whole = self.shown.add_task("all files", total=None, patience=0, counts=False, style="bold")
        self.shown.update(self._whole, total=size or None, completed=0)
        self.shown.start()

    def started(self, name: str, size: int | None) -> None:
        """Add a line for a file, or begin its line anew."""
        self._advance_whole(-self._moved.pop(name, 0))
        self.ended(name)
        self._tasks[name] = self.shown.add_task(name, total=size, patience=0, counts=False, style="")

    def moved(self, name: str, count: int) -> None:
        """Move its bar and the one of all."""
        self._moved[name] = self._moved.get(name, 0) + count
        self.shown.advance(self._tasks[name], count)
        self._advance_whole(count)

    def ended(self, name: str) -> None:
        """Take its line away."""
        if name in self._tasks:
            self.shown.remove_task(self._tasks.pop(name))

    def _advance_whole(self, count: int) -> None:
        if self._whole is not None:
            self.shown.advance(self._whole, count)

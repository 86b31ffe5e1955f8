"""What a command prints: data on stdout, talk on stderr, and nothing that a terminal would obey."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from pypitool.cli.invocation import Invocation

if TYPE_CHECKING:
    from pypitool.config.loader import Loaded


@dataclass(frozen=True, slots=True)
class Output:
    """The two streams of one invocation."""

    invocation: Invocation

    def document(self, value: Any) -> None:
        """Print one JSON document; a person at a terminal gets it indented."""
        click.echo(json.dumps(value, indent=2 if sys.stdout.isatty() else None))

    def line(self, text: str) -> None:
        """Print a line of data."""
        click.echo(visible(text))

    def text(self, text: str) -> None:
        """Print several lines of data, colours and all."""
        click.echo(text, color=self.invocation.colored(sys.stdout))

    def table(
        self, headings: Sequence[str], rows: Iterable[Sequence[str]], *, nothing: str | None = None
    ) -> None:
        """Print rows under headings for a person, one line with tabs for each in a pipe; or say `nothing`."""
        shown = [[visible(cell) for cell in row] for row in rows]
        if not shown and nothing is not None:
            self.done(nothing)
        if not sys.stdout.isatty():
            for row in shown:
                click.echo("\t".join(row))
        elif shown:
            from pypitool.cli.terminal import table

            self.text(table(headings, shown, colored=self.invocation.colored(sys.stdout)))

    def paragraphs(self, rows: Iterable[Sequence[str]], form: str) -> None:
        """Print rows of sentences in a form for a person, one line with tabs for each in a pipe."""
        if not sys.stdout.isatty():
            self.table((), rows)
        elif shown := [form.format(*map(visible, row)) for row in rows]:
            self.text("\n\n".join(shown))

    def done(self, text: str) -> None:
        """Say what was changed, unless that is not wanted."""
        if not self.invocation.quiet:
            click.echo(visible(text), err=True)

    def detail(self, text: str) -> None:
        """Say what is only interesting with `-v`."""
        if self.invocation.verbose and not self.invocation.quiet:
            click.echo(visible(text), err=True)

    def warning(self, text: str) -> None:
        """Warn about something that does not stop the command."""
        if not self.invocation.quiet:
            self.log("warning", text)

    def hint(self, text: str | None) -> None:
        """Say what to do about something that has been told, if there is anything."""
        if text is not None and not self.invocation.quiet:
            self.log("hint", text)

    def log(self, level: str, text: str) -> None:
        """Write a line with its weight, which the caller has found to be enough."""
        if self.invocation.json:
            click.echo(json.dumps({"type": level, "message": text}), err=True)
        else:
            click.echo(f"{level}: {visible(text)}", err=True)

    def notices(self, texts: Iterable[str]) -> None:
        """Warn about old forms and odd settings."""
        for text in texts:
            self.warning(text)


def load_and_warn(invocation: Invocation) -> Loaded:
    """Read the configuration; warn about old forms and odd settings."""
    loaded = invocation.load()
    Output(invocation).notices((*invocation.notices, *loaded.notices))
    return loaded


@contextmanager
def log_to_stderr(invocation: Invocation) -> Iterator[None]:
    """Let the library's log be read on stderr while the block runs."""
    import logging  # a start that prints the version does without

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            output.log(record.levelname.lower(), record.getMessage())

    output, logger, handler = Output(invocation), logging.getLogger("pypitool"), Handler()
    before = logger.level
    wanted = (logging.WARNING, logging.INFO, logging.DEBUG)[min(invocation.verbose, 2)]
    logger.setLevel(logging.ERROR if invocation.quiet else wanted)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


# Cc: ESC begins a terminal's commands. Cf: some turn the direction of the text. Cs: cannot be encoded.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(text: str, *, lines: bool = False) -> str:
    """Show characters that a terminal would obey instead of print; `lines` keeps line ends."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if (lines and character == "\n") or unicodedata.category(character) not in _HIDDEN
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )

"""Command lines that stand in a file: judged when they are read, not first at night."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.exceptions import Exit

from pypitool.cli.invocation import Invocation
from pypitool.cli.root import root
from pypitool.config.values import BadValue


def operands(words: Sequence[str]) -> tuple[str, ...]:
    """Return what stands in a command line besides its options, or raise `BadValue`; nothing is run."""
    try:
        context = _parsed(words)
    except click.UsageError as fault:
        raise BadValue(_sentence(fault)) from None
    except Exit:
        raise BadValue("asks for help, and does nothing else") from None
    arguments = [each for each in context.command.params if isinstance(each, click.Argument)]
    return tuple(word for each in arguments for word in _words(context.params.get(each.name or "")))


def _parsed(words: Sequence[str]) -> click.Context:
    # What the line sets is its own: it must not count in the run that reads the configuration.
    context = click.Context(root, info_name="pypitool", obj=Invocation(environ={}))
    command, rest = root.get_command(context, words[0]), list(words[1:])
    if isinstance(command, click.Group):
        context = click.Context(command, context, words[0])
        command, rest = command.get_command(context, "".join(rest[:1])), rest[1:]
    if command is None:
        raise click.UsageError(f"no such command `{' '.join(words)}`")
    if {"-h", "--help"} & set(rest):
        raise Exit
    return command.make_context(command.name, rest, context)


def _words(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)


def _sentence(fault: click.UsageError) -> str:
    text = fault.format_message().rstrip(".")
    return text[:1].lower() + text[1:]

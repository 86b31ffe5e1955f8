"""What every command has: global options, examples, options under headings, and an exit status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from pypitool.cli.invocation import Invocation
from pypitool.core.errors import EXIT_INTERRUPTED, EXIT_PARTIAL, EXIT_UPDATE_OFFERED

GLOBAL = "Global options"
# The heading of the options that say which server elsewhere a command works on.
ANOTHER_SERVER = "Another server"


class Option(click.Option):
    """An option that knows under which heading of the help it stands."""

    def __init__(self, declarations: Sequence[str], *, topic: str = "Options", **attributes: Any) -> None:
        super().__init__(list(declarations), **attributes)
        self.topic = topic


def option(*declarations: str, **attributes: Any) -> Callable[[Any], Any]:
    """Declare an option of a command; `topic` is its heading."""
    return click.option(*declarations, cls=Option, **attributes)


class WithGlobals(click.Command):
    """A command that takes the global options and prints its help in our order."""

    def __init__(
        self,
        name: str | None,
        *,
        examples: Sequence[str] = (),
        exits: dict[int, str] | None = None,
        help: str | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(name, help=_headed(help), **attributes)
        self.examples = tuple(examples)
        reaches = any(getattr(parameter, "topic", "") == ANOTHER_SERVER for parameter in self.params)
        self.exits = (_OF_SERVERS if reaches else {}) | (exits or {})
        self.context_settings.setdefault("help_option_names", ["-h", "--help"])
        self.context_settings.setdefault("max_content_width", 100)
        self.params.extend(global_options())

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write usage, description, examples, options and exit status."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self._format_examples(formatter)
        self.format_options(ctx, formatter)
        with formatter.section("Exit status"):
            formatter.write_dl(exit_table(self.exits))

    def _format_examples(self, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings, the global ones last."""
        topics: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                topics.setdefault(getattr(parameter, "topic", GLOBAL), []).append(record)
        common = topics.pop(GLOBAL)
        for topic, records in [*topics.items(), (GLOBAL, common)]:
            with formatter.section(topic):
                formatter.write_dl(records)


class Command(WithGlobals):
    """A command that does something."""


class Group(WithGlobals, click.Group):
    """A command that has commands."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help to who names no command at all."""
        if not args and not self.invoke_without_command and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)


def command(
    name: str, *, examples: Sequence[str], exits: dict[int, str] | None = None
) -> Callable[[Callable[..., int | None]], Command]:
    """Make a command of a function; its docstring is the help, what it returns the exit code."""
    return click.command(name, cls=Command, examples=examples, exits=exits)


def _headed(text: str | None) -> str | None:
    """Take the full stop off the first line: it is a heading in lists of commands."""
    first, line_end, rest = (text or "").strip().partition("\n")
    return first.rstrip(".") + line_end + rest


def global_options() -> list[click.Parameter]:
    """Return the options that are taken before and after the command."""
    return [
        _global(["--config"], type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                help="Read this configuration file.  [env var: PYPITOOL_CONFIG]"),
        _global(["--json"], is_flag=True, help="Print JSON: data on stdout, errors on stderr."),
        _global(["-q", "--quiet"], is_flag=True, help="Print errors only."),
        _global(["-v", "--verbose"], count=True, help="Say more; twice says most."),
        _global(["--debug"], is_flag=True, help="Show the traceback of a failure."),
        _global(["--color"], type=click.Choice(["auto", "always", "never"]), metavar="WHEN",
                help="auto, always or never; auto heeds NO_COLOR.  [default: auto]"),
    ]  # fmt: skip


def _global(declarations: list[str], **attributes: Any) -> click.Parameter:
    return Option(declarations, topic=GLOBAL, expose_value=False, callback=_remember, **attributes)


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep a global option, whichever command of the line it followed; `-v` adds up."""
    invocation = ctx.ensure_object(Invocation)
    if not value:
        return
    assert parameter.name is not None
    setattr(invocation, parameter.name, invocation.verbose + value if parameter.name == "verbose" else value)
    if parameter.name == "color":
        ctx.color = {"always": True, "never": False}.get(value)


MEANINGS: dict[int, str] = {
    0: "done, also when there was nothing to do",
    1: "failed",
    2: "wrong usage",
    EXIT_PARTIAL: "partial: some items failed, the rest are done",
    4: "not authenticated, or not allowed",
    5: "no such project, release, file or user",
    6: "exists with different content, or is locked",
    7: "a server could not be reached; trying again may help",
    8: "the configuration is wrong",
    EXIT_UPDATE_OFFERED: "an update is offered, and `--exit-code` was given",
    EXIT_INTERRUPTED: "interrupted",
}
# What a command can end with as well that may work on a server elsewhere.
_OF_SERVERS = {code: MEANINGS[code] for code in (4, 7)}
# What any command can end with.
ALWAYS = (0, 1, 2, 8, EXIT_INTERRUPTED)


def exit_table(special: dict[int, str]) -> list[tuple[str, str]]:
    """Return the codes of one command with their meanings; `special` adds some, or words them better."""
    meanings = {code: MEANINGS[code] for code in ALWAYS} | {
        code: text or MEANINGS[code] for code, text in special.items()
    }
    return [(str(code), meanings[code]) for code in sorted(meanings)]

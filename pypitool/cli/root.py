"""The root command: every other one is imported when it is asked for, and read where a job names it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import import_module

import click
from click.exceptions import Exit

from pypitool import __version__
from pypitool.cli.command import Group, option
from pypitool.cli.invocation import Invocation
from pypitool.config.values import BadValue
from pypitool.core.text import suggested

# Under their headings, in the order of the help. The module is named as the command is, with `_` for `-`.
COMMANDS: dict[str, tuple[str, ...]] = {
    "Server": ("serve",),
    "Packages": ("upload", "list", "show", "yank", "unyank", "delete", "status"),
    "Mirror": (
        "download",
        "sync",
        "check",
        "update",
        "prune",
        "lock",
        "bundle",
        "schedule",
        "daemon",
        "runs",
    ),
    "Upkeep": ("doctor", "rescan", "verify", "audit", "backup", "restore", "state"),
    "Rights": ("user", "token", "owner", "may"),
    "Set-up": ("setup", "migrate", "config", "client-config", "completion"),
}
# Commands that lie beside the one that they undo or resemble.
TOGETHER = {"restore": "backup", "unyank": "yank", "status": "yank"}
ALIASES = {"run": "serve"}  # pypiserver's name for it


def command_names() -> tuple[str, ...]:
    """Return the name of every command."""
    return tuple(name for names in COMMANDS.values() for name in names)


class LazyGroup(Group):
    """A group whose commands lie in modules that are imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the name of every command, in the order of the help."""
        return list(command_names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command by its name or its alias."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in command_names():
            return None
        word = name.replace("-", "_")
        module = import_module(f"pypitool.cli.commands.{TOGETHER.get(word, word)}")
        command: click.Command = getattr(module, f"{word}_command")
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options before the command; one of `serve`, which needs no command, may be misspelt."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as fault:
            serve = self.get_command(ctx, "serve")
            flags = (flag for one in (serve.params if serve else ()) for flag in one.opts)
            meant = None if fault.possibilities else suggested(fault.option_name, flags)
            if meant is None:
                raise
            raise click.NoSuchOption(fault.option_name, possibilities=[meant], ctx=ctx) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the line, or say which one was probably meant."""
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            meant = None if args[0].startswith("-") else suggested(args[0], command_names())
            ctx.fail(f"no such command `{args[0]}`" + (f", did you mean `{meant}`?" if meant else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings."""
        for heading, names in COMMANDS.items():
            found = ((name, self.get_command(ctx, name)) for name in names)
            with formatter.section(heading):
                formatter.write_dl(
                    [(name, found.get_short_help_str(70)) for name, found in found if found is not None]
                )


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        python = f"{platform.python_implementation()} {platform.python_version()}"
        click.echo(f"pypitool {__version__} ({python}, {platform.system()} {platform.machine()})")
        ctx.exit()


@click.group(
    "pypitool",
    cls=LazyGroup,
    examples=(
        "pypitool serve -p 8080 -P /etc/pypitool/htpasswd /srv/packages",
        "pypitool list --packages /srv/packages",
    ),
)
@option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version, Python's and the platform.",
)
def root() -> None:
    """Serve Python packages to your network, and look after them.

    `pypitool COMMAND --help` tells what a command does.
    """


def operands(words: Sequence[str]) -> tuple[str, ...]:
    """Return what stands in a command line besides its options, or raise `BadValue`; nothing is run."""
    try:
        context = parsed_line(words)
    except click.UsageError as fault:
        raise BadValue(usage_sentence(fault)) from None
    except Exit:
        raise BadValue("asks for help, and does nothing else") from None
    arguments = [each for each in context.command.params if isinstance(each, click.Argument)]
    return tuple(word for each in arguments for word in _words(context.params.get(each.name or "")))


def parsed_line(words: Sequence[str]) -> click.Context:
    """Read a command line without running it; what it sets is in the context and its `Invocation`."""
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


def usage_sentence(fault: click.ClickException) -> str:
    """Return what click says of a command line, as our own sentences are: no capital, no full stop."""
    # The choices of an argument stand on lines of their own, behind tabs.
    text = " ".join(fault.format_message().split()).rstrip(".").replace(". Choose from:", ": choose from")
    return text[:1].lower() + text[1:]

"""`docs/reference.md` as it must be: made from the commands and the keys themselves.

`python -m tests.support.reference` writes it, `config.example.toml`, and the units of `systemd/`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from pypitool.cli.command import GLOBAL, MEANINGS, WithGlobals, exit_table
from pypitool.cli.root import command_names, root
from pypitool.config.display import example_file, literal
from pypitool.config.keys import Key, Shape
from pypitool.config.settings import tables
from pypitool.core.units.units import shipped

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference.md"
EXAMPLE = ROOT / "config.example.toml"

# What counts besides the keys: the name and what it does.
VARIABLES = {
    "PYPITOOL_CONFIG": "the configuration file, where `--config` does not name one",
    "PYPITOOL_CA": "the authorities to trust at a server elsewhere, PEM, where `--ca` does not say it",
    "PYPITOOL_URL": "where `upload` sends files, and whose `client-config` is meant, without `--url`",
    "PYPITOOL_REPOSITORY": "the same by a name",
    "PYPITOOL_USERNAME": "as whom to log in at a server elsewhere, where `--username` does not say it",
    "PYPITOOL_PASSWORD": "the password there",
    "PYPITOOL_TOKEN": "a token to log in with there, before user and password",
    "PYPITOOL_NO_PROGRESS": "set to anything: no progress bars",
    "TWINE_REPOSITORY_URL": "`upload` heeds what twine does: this, `TWINE_REPOSITORY`, `TWINE_USERNAME`, "
    "`TWINE_PASSWORD` and `TWINE_CERT`, each where no option and no variable of ours says it",
    "REQUESTS_CA_BUNDLE": "the authorities to trust where nothing else names them",
    "NO_COLOR": "set to anything: no colours, unless `--color always` asks for them",
    "STATE_DIRECTORY": "where the state lives when `state` does not say it; systemd sets it for a unit with "
    "`StateDirectory=`",
    "PYPITOOL_CONTAINER": "set in the image: what is mounted read-only is served so, and `stop-timeout` is "
    "8 s, where nothing says otherwise",
    "XDG_CONFIG_HOME": "where `pypitool/config.toml` of the user lies; `~/.config` without it",
}

_HEAD = """\
# Reference

Made from the program itself by `python -m tests.support.reference`; a test keeps it so.

- [Commands](#commands)
- [Configuration](#configuration)
- [Environment](#environment)
- [Exit codes](#exit-codes)
"""

_CONFIGURATION = """\
## Configuration

A value counts from the first of these that has it:

1. a flag,
2. its environment variable,
3. the file that `--config` or `PYPITOOL_CONFIG` names,
4. the user's file, `~/.config/pypitool/config.toml`,
5. the system's file, `/etc/pypitool/config.toml`,
6. its default.

No file of the working directory is read unasked. Relative paths in a file are relative to it, those of
flags and variables to the working directory. An exported but empty variable is absent. A key that is
unknown, or a value of the wrong type, is an error: all of them are reported at once, with exit code 8.

Durations are seconds, or texts such as `90s`, `15m`, `12h`, `7d`; sizes are bytes, or texts such as `512K`,
`64M`, `2G`. In a variable, directories are separated by colons and other lists by commas; a switch is
`true` or `false`. `config.example.toml` has every key with its default.

Tables that you name yourself, such as `[set.NAME]`, have neither flags nor variables; their durations, and
that of `cooldown`, are texts with a unit. A name has letters, digits, `-` and `_`. Where several files have
such tables they count together, those of the stronger file first. Tables in double brackets, such as
`[[rule]]`, come from the strongest file that has any: those of two files are never put together.
"""


def render() -> str:
    """Return the whole page."""
    parts = [
        _HEAD,
        "## Commands\n",
        *_command_list(),
        *_global_options(),
        *(part for path, command in every_command() for part in _command(path, command)),
        _CONFIGURATION,
        *_sections(),
        *_environment(),
        *_exit_codes(),
    ]
    return "\n".join(parts)


def every_command() -> Iterator[tuple[str, WithGlobals]]:
    """Yield each command with its words: `user add`."""
    context = click.Context(root)
    for name in command_names():
        command = root.get_command(context, name)
        assert isinstance(command, WithGlobals)
        yield name, command
        if isinstance(command, click.Group):
            for inner, nested in command.commands.items():
                assert isinstance(nested, WithGlobals)
                yield f"{name} {inner}", nested


def options(command: click.Command) -> Iterator[tuple[str, str, str]]:
    """Yield topic, flags and meaning of each option of a command, its own help left out."""
    context = click.Context(command, info_name="pypitool")
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            yield getattr(parameter, "topic", GLOBAL), *record


def _command_list() -> Iterator[str]:
    """Link each command, in the order of its help: by eye nobody finds one of thirty in a long page."""
    yield from _table(
        ("Command", "Does"),
        [
            [f"[{path}](#pypitool-{path.replace(' ', '-')})", (command.help or "").partition("\n")[0]]
            for path, command in every_command()
        ],
    )


def _global_options() -> Iterator[str]:
    yield "Every command takes these, before or after its name:\n"
    yield from _table(("Option", ""), [record for topic, *record in options(root) if topic == GLOBAL])
    yield "And `pypitool` alone takes `--version` and, as every command, `-h` or `--help`.\n"


def _command(path: str, command: WithGlobals) -> Iterator[str]:
    yield f"### pypitool {path}\n"
    usage = command.collect_usage_pieces(click.Context(command))
    yield f"```\npypitool {path} {' '.join(usage)}\n```\n"
    first, line_end, rest = inspect.cleandoc(command.help or "").partition("\n")
    yield f"{first}.{line_end}{rest}\n"
    if isinstance(command, click.Group) and not command.invoke_without_command:
        return
    yield "```console\n" + "".join(f"$ {one}\n" for one in command.examples) + "```\n"
    own = [record for topic, *record in options(command) if topic != GLOBAL]
    if own:
        yield from _table(("Option", ""), own)
    yield f"Exit status: {'; '.join(f'{code} {text}' for code, text in exit_table(command.exits))}.\n"


def _sections() -> Iterator[str]:
    for table in sorted(tables(), key=lambda one: one.shape):
        yield f"### [{table.keys[0].section}]\n"
        if table.shape is Shape.ONCE:
            rows = [_key_row(key) for key in table.keys]
            yield from _table(("Key", "Default", "Flag", "Variable", ""), rows)
        elif table.shape is Shape.OPEN:
            yield "The names of its keys are yours.\n"
            yield from _table(("Key", ""), [[f"`{key.name}`", key.why] for key in table.keys])
        else:
            yield f"{table.why[:1].upper()}{table.why[1:]}.\n"
            rows = [[f"`{key.name}`", _default(key), key.why] for key in table.keys]
            yield from _table(("Key", "Default", ""), rows)


def _key_row(key: Key) -> list[str]:
    flags = ", ".join(f"`{flag}`" for flag in key.flags)
    return [f"`{key.name}`", _default(key), flags, f"`{key.variable}`", key.why]


def _default(key: Key) -> str:
    if key.demanded:
        return "must be given"
    return "" if key.default is None else f"`{literal(key, key.default)}`"


def _environment() -> Iterator[str]:
    yield "## Environment\n"
    yield "Besides the variables of the keys:\n"
    yield from _table(("Variable", ""), [[f"`{name}`", what] for name, what in VARIABLES.items()])


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n"
    yield "A code that is not in this table means failure; none is ever given another meaning.\n"
    yield from _table(("Code", ""), [[str(code), text] for code, text in MEANINGS.items()])


def _table(headings: tuple[str, ...], rows: list[list[str]]) -> Iterator[str]:
    lines = [headings, tuple("---" for _ in headings), *rows]
    yield "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    if text.startswith("-") and set(text) != {"-"}:
        text = f"`{text}`"
    return text.replace("  [", " [").replace("|", "\\|")


def write() -> None:
    """Write the page, the example file and the units."""
    REFERENCE.parent.mkdir(exist_ok=True)
    REFERENCE.write_text(render())
    EXAMPLE.write_text(example_file())
    for name, text in shipped().items():
        (ROOT / "systemd" / name).write_text(text)


if __name__ == "__main__":
    write()

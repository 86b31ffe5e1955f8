"""`pypitool client-config`: what clients have to be told about a server."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.cli.prompt import agree
from pypitool.core.errors import Kind, PypitoolError

if TYPE_CHECKING:
    from pypitool.cli.client_files.edit import ClientFile
    from pypitool.config.loader import Loaded
    from pypitool.core.client_config import ClientIndex

# What a section, a table, a key and a word of a command line can all be called.
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_TOOLS = ("pip", "uv", "poetry", "pdm", "pypirc", "docker", "ansible")


class NoServerKnown(PypitoolError):
    """Nothing says which server clients should use."""

    kind = Kind.USAGE
    sentence = "it is not said which server clients should use"
    hint = "give `--url URL`, or `--remote NAME` of the configuration"


class WouldReplace(PypitoolError):
    """A file says something else, and nobody is there to be asked."""

    kind = Kind.USAGE
    sentence = "{file} says something else"
    hint = "with `--yes` it is replaced"
    file: str


class NotReplaced(PypitoolError):
    """Somebody was asked, and did not want it."""

    kind = Kind.INVALID
    sentence = "{file} was left as it is"
    file: str


@command(
    "client-config",
    examples=(
        "pypitool client-config pip --url https://pypi.acme.example/",
        "pypitool client-config uv --remote acme --write",
        "pypitool client-config pypirc --url https://pypi.acme.example/ --username ann",
    ),
)
@click.argument("tool", required=False, type=click.Choice(_TOOLS), metavar=f"[{'|'.join(_TOOLS)}]")
@option(
    "--url", topic="Which server", metavar="URL", help="The server at this address.  [env var: PYPITOOL_URL]"
)
@option("--remote", topic="Which server", metavar="NAME", help="The server of `[remote.NAME]`.")
@option(
    "--name",
    topic="What",
    metavar="NAME",
    help="What clients call it; default: the name of the remote, else private.",
)
@option(
    "--username",
    default="__token__",
    show_default=True,
    topic="What",
    metavar="NAME",
    help="Who uploads, for pypirc: a user of the password file, or `__token__` for a token.",
)
@option(
    "--write",
    is_flag=True,
    topic="What",
    help="Put it into your own file, for pip, uv and pypirc; whatever else stands there stays.",
)
@option("--yes", is_flag=True, topic="What", help="Replace what says something else, without asking.")
@click.pass_obj
def client_config_command(
    invocation: Invocation,
    tool: str | None,
    url: str | None,
    remote: str | None,
    name: str | None,
    username: str,
    write: bool,
    yes: bool,
) -> None:
    """Print the configuration of clients for a server, or put it in place.

    For one tool, or for all. Without `--url` and `--remote` it is the server that this machine's own
    configuration describes. No password and no token is printed or written.
    """
    if url and remote:
        raise click.UsageError("`--url` and `--remote` exclude each other")
    if username != "__token__" and tool not in (None, "pypirc"):
        raise click.UsageError("`--username` goes with pypirc: the others are told who somebody is elsewhere")
    if not username.isprintable() or username != username.strip() or not username:
        raise click.UsageError("a user name has no control characters, and no blanks at its ends")
    index = replace(_index(invocation, url, remote, name), username=username)
    if write:
        _write(invocation, _writable(tool), index, yes=yes)
    else:
        _print(invocation, tool, index)


def _index(invocation: Invocation, url: str | None, remote: str | None, name: str | None) -> ClientIndex:
    from pypitool.core.client_config import ClientIndex

    loaded = invocation.load()
    address = url or (_of_remote(loaded, remote) if remote is not None else None)
    address = address or invocation.environ.get("PYPITOOL_URL")
    called = name or remote or "private"
    if _NAME.fullmatch(called) is None:
        raise click.UsageError(
            "a name has letters, digits, `.`, `_` and `-`, with a letter or digit at both ends"
        )
    return ClientIndex(_own(loaded), called) if not address else ClientIndex.at(_checked(address), called)


def _of_remote(loaded: Loaded, name: str) -> str:
    from pypitool.core.text import did_you_mean

    addresses = {one.name: one.url for one in loaded.settings.remotes}
    if name not in addresses:
        raise click.UsageError(f"there is no [remote.{name}]{did_you_mean(name, addresses)}")
    return addresses[name]


def _own(loaded: Loaded) -> str:
    from pypitool.config.own_address import name_of_this_machine, own_address

    origins = (origin for path, origin in loaded.origins.items() if path.startswith("server."))
    if all(origin.is_default for origin in origins):
        raise NoServerKnown
    return own_address(loaded.settings.server, name_of_this_machine())


def _checked(address: str) -> str:
    from pypitool.config.kinds import url
    from pypitool.config.values import BadValue

    try:
        return url(address)
    except BadValue as fault:
        raise click.UsageError(str(fault)) from None


def _print(invocation: Invocation, tool: str | None, index: ClientIndex) -> None:
    from pypitool.core.client_config import TOOLS, every_tool, tool_named

    output = Output(invocation)
    if invocation.json:
        tools = TOOLS if tool is None else (tool_named(tool),)
        documents = [{"tool": one.name, "file": one.file, "lines": list(one.lines(index))} for one in tools]
        output.document({"url": index.url, "name": index.name, "tools": documents})
        return
    for line in every_tool(index) if tool is None else tool_named(tool).lines(index):
        output.line(line)


def _writable(tool: str | None) -> str:
    from pypitool.cli.client_files.edit import WRITABLE

    if tool not in WRITABLE:
        raise click.UsageError(f"`--write` goes with one of {', '.join(WRITABLE)}")
    return tool


def _write(invocation: Invocation, tool: str, index: ClientIndex, *, yes: bool) -> None:
    from pypitool.cli.client_files.edit import client_file

    file = client_file(tool, index, invocation.environ)
    if file.differences and not yes:
        _ask(invocation, file)
    if file.is_changed:
        file.write()
    _tell(invocation, tool, file)


def _ask(invocation: Invocation, file: ClientFile) -> None:
    from pypitool.core.masking import masked_urls

    output = Output(invocation)
    for one in file.differences:
        output.done(f"{file.path}: {one.key} is {masked_urls(one.before)}, and would be {one.after}")
    path = str(file.path)
    agree("Replace it?", nobody=WouldReplace(path), no=NotReplaced(path))


def _tell(invocation: Invocation, tool: str, file: ClientFile) -> None:
    from pypitool.core.masking import masked_urls

    output = Output(invocation)
    if invocation.json:
        replaced = [
            {"key": one.key, "before": masked_urls(one.before), "after": one.after}
            for one in file.differences
        ]
        output.document(
            {"tool": tool, "file": str(file.path), "changed": file.is_changed, "replaced": replaced}
        )
    elif file.is_changed:
        output.done(f"wrote {file.path}")
    else:
        output.done(f"{file.path} says it already")

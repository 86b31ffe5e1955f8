"""The same commands on the machine itself and from afar: `--url`, `--remote`, and as whom."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pypitool.cli.command import option
from pypitool.cli.invocation import Invocation
from pypitool.cli.opening import heard, opened, opened_fresh
from pypitool.cli.output import Output
from pypitool.core.errors import Kind, PypitoolError

if TYPE_CHECKING:
    from pypitool.manage.client import Remote
    from pypitool.manage.seam import Projects, Runs, Users
    from pypitool.manage.users import Record

Managed = TypeVar("Managed")

_TOPIC = "From afar"
_LONGEST_PASSWORD_LINE = 4096
# The flags of what lies on the machine itself: who gives one of them means no server elsewhere.
_HERE = {"server.packages": "--packages", "server.state": "--state", "auth.passwords": "--passwords"}


class HereOrAfar(PypitoolError):
    """A command line that means a server elsewhere and something of this machine."""

    kind = Kind.USAGE

    def __init__(self, one: str, other: str) -> None:
        super().__init__(one, other)
        self.one = one
        self.other = other

    def __str__(self) -> str:
        return f"`{self.one}` and `{self.other}` exclude each other"


class NoServerNamed(PypitoolError):
    """A login, and nothing that it could be for."""

    kind = Kind.USAGE

    def __init__(self, flag: str) -> None:
        super().__init__(flag)
        self.flag = flag

    def __str__(self) -> str:
        return f"`{self.flag}` goes with `--url` or `--remote`"


def on_server(function: Any) -> Any:
    """Give a command the options that say which server elsewhere it works on, and as whom."""
    keep = _option("--password-stdin", "Read your password, or a token, from standard input.", is_flag=True)
    return as_named(keep(function))


def as_named(function: Any) -> Any:
    """Give a command these options without `--password-stdin`, which means something else there."""
    for keep in (
        _option("--ca", "Trust these authorities, PEM.  [env var: PYPITOOL_CA]", metavar="FILE"),
        _option("--username", "Log in as this user.  [env var: PYPITOOL_USERNAME]", "-u", metavar="NAME"),
        _option("--remote", "Work on the server of `[remote.NAME]` in the configuration.", metavar="NAME"),
        _option("--url", "Work on the server at this address.", metavar="URL"),
    ):
        function = keep(function)
    return function


def _option(flag: str, help: str, *short: str, **attributes: Any) -> Any:
    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value:
            ctx.ensure_object(Invocation).server[flag] = value

    return option(
        *short, flag, flag[2:].replace("-", "_"), topic=_TOPIC, expose_value=False, callback=keep, help=help,
        **attributes,
    )  # fmt: skip


@contextmanager
def managed(
    invocation: Invocation,
    here: Callable[[], AbstractContextManager[Managed]],
    afar: Callable[[Any, Remote], Managed],
) -> Iterator[Managed]:
    """Open what is meant: of a server elsewhere, or of this machine.

    `afar` is given the module of those that are elsewhere, which is imported only then.
    """
    if means_another(invocation):
        with opened_remote(invocation) as remote:
            from pypitool.manage import remote as elsewhere

            yield afar(elsewhere, remote)
        return
    with here() as found:
        yield found


@contextmanager
def managed_projects(invocation: Invocation) -> Iterator[Projects]:
    """Open the projects of the server that is meant, or those of the local directories as they are now."""
    if means_another(invocation):
        with opened_remote(invocation) as remote:
            from pypitool.manage.remote import ProjectsAfar

            yield ProjectsAfar(remote)
        return
    with opened_fresh(invocation) as repository:
        from pypitool.catalogue.facts import local_actor
        from pypitool.manage.here import ProjectsHere

        yield ProjectsHere(repository, local_actor())


@contextmanager
def managed_users(invocation: Invocation, file: Callable[[], Path], *, changes: bool) -> Iterator[Users]:
    """Open the users of the server that is meant, or those of the password file that `file` returns."""
    if means_another(invocation):
        with opened_remote(invocation) as remote:
            from pypitool.manage.remote import UsersAfar

            yield UsersAfar(remote)
        return
    from pypitool.manage.users import UsersHere

    yield UsersHere(file(), _record(invocation) if changes else None)


def _record(invocation: Invocation) -> Record | None:
    """Say where changes are recorded: in the state of the server that reads the file, if there is one."""
    from pypitool.catalogue.facts import FactLog, local_actor
    from pypitool.core.state_files import StateFiles
    from pypitool.manage.users import Record
    from pypitool.repository.state import find_state

    server = invocation.load().settings.server
    state = find_state(server.packages, server.state, invocation.environ)
    return None if state is None else Record(FactLog(StateFiles(state).facts), local_actor())


@contextmanager
def managed_runs(invocation: Invocation) -> Iterator[Runs]:
    """Open the runs of the server that is meant, or those of the local directories."""
    if means_another(invocation):
        with opened_remote(invocation) as remote:
            from pypitool.manage.remote import RunsAfar

            yield RunsAfar(remote)
        return
    with opened(invocation, reader_only=True) as repository:
        from pypitool.manage.runs import RunsHere

        yield RunsHere(repository.state)


def means_another(invocation: Invocation) -> bool:
    """Tell whether the command line means a server elsewhere; refuse what contradicts itself."""
    said = invocation.server
    named = [flag for flag in ("--url", "--remote") if flag in said]
    if not named:
        if said:
            raise NoServerNamed(next(iter(said)))
        return False
    others = [*named[1:], *(flag for path, flag in _HERE.items() if path in invocation.flags)]
    if others:
        raise HereOrAfar(named[0], others[0])
    return True


@contextmanager
def opened_remote(invocation: Invocation) -> Iterator[Remote]:
    """Open the server elsewhere that the command line means."""
    from pypitool.manage.client import Remote, choose_remote

    said = invocation.server
    loaded = invocation.load()
    output = Output(invocation)
    output.notices((*invocation.notices, *loaded.notices))
    with heard(invocation):
        chosen = choose_remote(
            said.get("--url"),
            said.get("--remote"),
            loaded.settings.remotes,
            invocation.environ,
            user=said.get("--username"),
            password=_password_line() if "--password-stdin" in said else None,
            ca=Path(said["--ca"]) if "--ca" in said else None,
        )
        credentials = chosen.credentials()
        if credentials is not None and chosen.is_exposed:
            output.warning(f"the password goes to {chosen.url} as plain text: use https")
        asks = _ask if sys.stdin.isatty() else None
        ask = None if asks is None else (lambda: chosen.credentials(asks))
        with Remote(chosen.url, chosen.connect, credentials, ask=ask) as remote:
            yield remote


def _password_line() -> str:
    # The line end is not part of it; everything else is, spaces too.
    return sys.stdin.readline(_LONGEST_PASSWORD_LINE).rstrip("\r\n")


def _ask(question: str, hidden: bool) -> str:
    asked: str = click.prompt(question, default="", show_default=False, hide_input=hidden, err=True)
    return asked

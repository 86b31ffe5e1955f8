"""The server elsewhere that a command works on, where `--url` or `--remote` names one, and as whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar

import click

from pypitool.cli.command import ANOTHER_SERVER, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import open_rescanned, open_to_look
from pypitool.cli.output import Output, load_and_warn, log_to_stderr
from pypitool.cli.prompt import login_prompt, password_line
from pypitool.core.errors import Kind, PypitoolError

if TYPE_CHECKING:
    from pypitool.manage.action import Reply
    from pypitool.manage.client import Remote
    from pypitool.manage.projects import Projects

P = ParamSpec("P")
Subject = TypeVar("Subject")

# The flags of what lies on the machine itself: who gives one of them means no server elsewhere.
_LOCAL_FLAGS = {"server.packages": "--packages", "server.state": "--state", "auth.passwords": "--passwords"}


class LocalOrRemote(PypitoolError):
    """A command line that means a server elsewhere and something of this machine."""

    kind = Kind.USAGE
    sentence = "`{one}` and `{other}` exclude each other"
    one: str
    other: str


class NoServerNamed(PypitoolError):
    """A login, and nothing that it could be for."""

    kind = Kind.USAGE
    sentence = "`{flag}` goes with `--url` or `--remote`"
    flag: str


def on_server(function: Any) -> Any:
    """Give a command the options that say which server elsewhere it works on, and as whom."""
    keep = _option("--password-stdin", "Read your password, or a token, from standard input.", is_flag=True)
    return on_server_without_stdin(keep(function))


def on_server_without_stdin(function: Any) -> Any:
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
        *short, flag, flag[2:].replace("-", "_"), topic=ANOTHER_SERVER, expose_value=False, callback=keep,
        help=help, **attributes,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Local(Generic[Subject]):
    """Actions are carried out here, on what lies on this machine; `Remote` is its counterpart."""

    subject: Subject

    def run(
        self, method: Callable[Concatenate[Subject, P], Reply], *given: P.args, **named: P.kwargs
    ) -> Reply:
        """Carry out an action, which is named by the method that does it."""
        return method(self.subject, *given, **named)


@contextmanager
def managed(
    invocation: Invocation, local: Callable[[Invocation], AbstractContextManager[Subject]]
) -> Iterator[Local[Subject] | Remote]:
    """Open the server that is meant, or what lies on this machine."""
    if means_remote(invocation):
        with open_remote(invocation) as remote:
            yield remote
    else:
        with local(invocation) as subject:
            yield Local(subject)


@contextmanager
def _local_projects(invocation: Invocation) -> Iterator[Projects]:
    from pypitool.catalogue.facts import local_actor
    from pypitool.manage.projects import Projects

    with open_rescanned(invocation) as repository:
        yield Projects(repository, local_actor())


@contextmanager
def _local_projects_to_look(invocation: Invocation) -> Iterator[Projects]:
    from pypitool.catalogue.facts import local_actor
    from pypitool.manage.projects import Projects

    with open_to_look(invocation) as repository:
        yield Projects(repository, local_actor())


def managed_projects(
    invocation: Invocation, *, looks: bool = False
) -> AbstractContextManager[Local[Projects] | Remote]:
    """Open the projects of the server that is meant, or those of the local directories as they are now.

    Who only looks makes no state.
    """
    return managed(invocation, _local_projects_to_look if looks else _local_projects)


def means_remote(invocation: Invocation) -> bool:
    """Tell whether the command line means a server elsewhere; refuse what contradicts itself."""
    said = invocation.server
    named = [flag for flag in ("--url", "--remote") if flag in said]
    if not named:
        if said:
            raise NoServerNamed(next(iter(said)))
        return False
    others = [*named[1:], *(flag for path, flag in _LOCAL_FLAGS.items() if path in invocation.flags)]
    if others:
        raise LocalOrRemote(named[0], others[0])
    return True


@contextmanager
def open_remote(invocation: Invocation) -> Iterator[Remote]:
    """Open the server elsewhere that the command line means."""
    from pypitool.manage.client import Remote, choose_remote

    said = invocation.server
    loaded = load_and_warn(invocation)
    with log_to_stderr(invocation):
        chosen = choose_remote(
            said.get("--url"),
            said.get("--remote"),
            loaded.settings.remotes,
            invocation.environ,
            user=said.get("--username"),
            password=password_line() if "--password-stdin" in said else None,
            ca=Path(said["--ca"]) if "--ca" in said else None,
        )
        credentials = chosen.credentials()
        if credentials is not None and chosen.is_exposed:
            Output(invocation).warning(f"the password goes to {chosen.url} as plain text: use https")
        prompt = login_prompt()
        ask = None if prompt is None else (lambda: chosen.credentials(prompt))
        with Remote(chosen.url, chosen.connect, credentials, ask=ask) as remote:
            yield remote

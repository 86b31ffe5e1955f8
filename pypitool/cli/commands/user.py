"""`pypitool user`: the people of the password file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from pypitool.cli.command import Group, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.cli.prompt import password_line
from pypitool.cli.remote import Local, managed, on_server, on_server_without_stdin
from pypitool.cli.settings_options import setting_option
from pypitool.core.errors import Kind, PypitoolError
from pypitool.host import opened_to_service

if TYPE_CHECKING:
    from pypitool.manage.users import Users


class NoPasswordFile(PypitoolError):
    """No password file is configured, and none was given."""

    kind = Kind.USAGE
    sentence = "there is no password file to work on"
    hint = "give it with `-P FILE`, or as `passwords` under `[auth]` in the configuration"


class NoPasswordGiven(PypitoolError):
    """A password is needed, and nobody is there to type it."""

    kind = Kind.USAGE
    sentence = "a password is needed"
    hint = "without a terminal, give it with `--password-stdin`"


def _of_the_file(function: Any) -> Any:
    return setting_option("auth.passwords", topic="Options")(function)


_password_stdin = option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)


@click.group(
    "user",
    cls=Group,
    examples=(
        "pypitool user add deploy -P /etc/pypitool/htpasswd",
        "pypitool user list -P /etc/pypitool/htpasswd",
    ),
)
def user_command() -> None:
    """Add, remove, list and check the users of the password file.

    A running server counts each change from the next request on.
    """


@user_command.command(
    "add",
    examples=(
        "pypitool user add deploy -P /etc/pypitool/htpasswd",
        "pass show pypi/deploy | pypitool user add deploy --password-stdin",
    ),
)
@click.argument("name")
@_password_stdin
@_of_the_file
@on_server_without_stdin
@click.pass_obj
def add(invocation: Invocation, name: str, password_stdin: bool) -> None:
    """Add a user, or change a password.

    The password is asked for on the terminal and kept as bcrypt. The file is made when it is missing. Tokens
    that somebody has made for themselves live on with another password; it is said how many there are.
    """
    from pypitool.manage.users import Users

    with managed(invocation, _local_users_to_change) as there:
        password = _password(name, from_stdin=password_stdin, twice=True)
        reply = there.run(Users.set_password, name, password)
    is_new, document = reply.outcome == "created", reply.document
    _tell(
        invocation, document, f"{'added' if is_new else 'changed the password of'} {name}{_ended(document)}"
    )
    if isinstance(there, Local) and (hint := opened_to_service(there.subject.file)) is not None:
        Output(invocation).done(f"hint: {hint}")
    live = document.get("tokens", 0)
    if live and not invocation.json:
        hint = f"`pypitool token revoke --user {name}` ends {'it' if live == 1 else 'them'}"
        Output(invocation).warning(f"{_tokens(live)} of {name} live{'s' * (live == 1)} on; {hint}")


@user_command.command(
    "remove",
    examples=(
        "pypitool user remove deploy -P /etc/pypitool/htpasswd",
        "pypitool user remove deploy --json",
    ),
    exits={5: "there is no such user"},
)
@click.argument("name")
@_of_the_file
@on_server
@click.pass_obj
def remove(invocation: Invocation, name: str) -> None:
    """Remove a user from the password file, with their tokens.

    What they have made for themselves is revoked; the tokens of the server stay.
    """
    from pypitool.manage.users import Users

    with managed(invocation, _local_users_to_change) as there:
        document = there.run(Users.remove, name).document
    _tell(invocation, document, f"removed {name}{_ended(document)}")
    for project in document.get("owns", ()) if not invocation.json else ():
        hint = f"`pypitool owner {project} --remove {name}` ends that"
        Output(invocation).warning(f"{project} is still owned by whoever is called {name}; {hint}")


@user_command.command(
    "list",
    examples=("pypitool user list -P /etc/pypitool/htpasswd", "pypitool user list --json"),
)
@_of_the_file
@on_server
@click.pass_obj
def list_users(invocation: Invocation) -> None:
    """List the users of the password file.

    On the machine itself, passwords that are kept in a weak form, or in none that counts, are named.
    """
    from pypitool.manage.users import Users

    with managed(invocation, _local_users) as there:
        document = there.run(Users.listed).document
        weak_passwords = there.subject.weak_passwords() if isinstance(there, Local) else ()
    output = Output(invocation)
    output.notices(weak_passwords)
    if invocation.json:
        output.document(document)
    else:
        output.table(("User",), [(name,) for name in document["users"]], nothing="there are no users")


@user_command.command(
    "check",
    examples=(
        "pypitool user check deploy -P /etc/pypitool/htpasswd",
        "pass show pypi/deploy | pypitool user check deploy --password-stdin",
    ),
    exits={4: "the user or the password is wrong"},
)
@click.argument("name")
@_password_stdin
@_of_the_file
@on_server_without_stdin
@click.pass_obj
def check(invocation: Invocation, name: str, password_stdin: bool) -> int:
    """Tell whether the server would accept a user's password."""
    from pypitool.manage.users import Users

    with managed(invocation, _local_users) as there:
        there.run(Users.listed)  # says what is wrong with the file before anybody types a password
        password = _password(name, from_stdin=password_stdin, twice=False)
        document = there.run(Users.check, name, password).document
    valid: bool = document["valid"]
    _tell(invocation, document, f"{name}: {'right' if valid else 'wrong'}", data=True)
    return 0 if valid else 4


@contextmanager
def _local_users(invocation: Invocation) -> Iterator[Users]:
    from pypitool.catalogue.facts import local_actor
    from pypitool.manage.users import Users

    file = invocation.load().settings.auth.passwords
    if file is None:
        raise NoPasswordFile
    yield Users(file, local_actor())


@contextmanager
def _local_users_to_change(invocation: Invocation) -> Iterator[Users]:
    """Have changes recorded: in the state of the server that reads the file, if there is one."""
    from pypitool.repository.repository import Repository
    from pypitool.repository.state import find_state

    with _local_users(invocation) as users:
        server = invocation.load().settings.server
        if find_state(server.packages, server.state, invocation.environ) is None:
            yield users
            return
        with Repository.open(server.packages, server.state, invocation.environ) as repository:
            yield replace(users, repository=repository)


def _password(name: str, *, from_stdin: bool, twice: bool) -> str:
    if from_stdin:
        return password_line()
    if not sys.stdin.isatty():
        raise NoPasswordGiven
    asked: str = click.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=twice, err=True)
    return asked


def _ended(document: dict[str, Any]) -> str:
    number = document.get("revoked", 0)
    return f", and revoked {_tokens(number)} of theirs" if number else ""


def _tokens(number: int) -> str:
    return f"{number} token{'s' * (number != 1)}"


def _tell(invocation: Invocation, document: dict[str, Any], sentence: str, *, data: bool = False) -> None:
    output = Output(invocation)
    if invocation.json:
        output.document(document)
    elif data:
        output.line(sentence)
    else:
        output.done(sentence)

"""`pypitool may`: why somebody may do something, or may not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pypitool.cli.command import command, option
from pypitool.cli.completing import project_names
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages, open_repository
from pypitool.cli.output import Output
from pypitool.cli.remote import managed, on_server
from pypitool.core.rights.right import Right

if TYPE_CHECKING:
    from pypitool.manage.users import Rights

# As in core.rights.Right, which would cost the help of every command an import; a test compares.
ACTIONS = ("list", "download", "upload", "overwrite", "yank", "delete", "admin")


@command(
    "may",
    examples=(
        "pypitool may deploy upload acme-core",
        "pypitool may token:ci-acme upload acme-core --from 10.0.0.7 --json",
    ),
    exits={0: "yes", 1: "no", 2: "wrong usage, or an unknown action"},
)
@click.argument("who")
@click.argument("action", type=click.Choice(ACTIONS), metavar="ACTION")
@click.argument("project", shell_complete=project_names)
@option("--from", "address", metavar="ADDRESS", default="", help="Where the request would come from.")
@on_packages
@on_server
@click.pass_obj
def may_command(invocation: Invocation, who: str, action: str, project: str, address: str) -> int:
    """Explain whether somebody may do something with a project.

    WHO is NAME or user:NAME, @GROUP, token:NAME, publisher:NAME, authenticated or anonymous; ACTION is list,
    download, upload, overwrite, yank, delete or admin; PROJECT is a name, or * for everything. Each rule that
    names WHO is shown with what it said.
    """
    from pypitool.access.explain import question
    from pypitool.manage.users import Rights

    address = _checked(address)
    question(who, Right(action), project, address)  # what names nobody is wrong usage, here as there
    with managed(invocation, _local_rights) as there:
        document = there.run(Rights.may, who, action, project, address).document
    output = Output(invocation)
    if invocation.json:
        output.document(document)
    else:
        output.line(_yes(document["may"]))
        output.table(("Rule", "Line", "Says", "Reason"), _rows(document))
    return 0 if document["may"] else 1


@contextmanager
def _local_rights(invocation: Invocation) -> Iterator[Rights]:
    from pypitool.access.rules import rules_of
    from pypitool.catalogue.errors import CatalogueMissing
    from pypitool.manage.users import Rights

    settings = invocation.load().settings
    rules, overwrites = rules_of(settings), settings.server.overwrite
    with ExitStack() as stack:
        try:
            catalogue = stack.enter_context(open_repository(invocation, reader_only=True)).catalogue
        except CatalogueMissing:
            # No server has run here: a configuration is tried out.
            catalogue = None
        yield Rights(rules, catalogue, overwrites, is_user=_users(settings.auth.passwords))


def _users(passwords: Path | None) -> Callable[[str], bool]:
    """Return what tells who is still there; without a file that can be read, everybody may be."""
    from pypitool.access.htpasswd import accounts
    from pypitool.access.password_errors import PasswordFileUnreadable

    if passwords is None:
        return lambda _user: True
    try:
        return {account.user for account in accounts(passwords)}.__contains__
    except PasswordFileUnreadable:
        return lambda _user: True


def _rows(document: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (str(one.get("rule") or "-"), str(one.get("line") or "-"), _yes(one["speaks"]), one["reason"])
        for one in document["because"]
    ]


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _checked(address: str) -> str:
    try:
        return address and str(ip_address(address))
    except ValueError:
        raise click.BadParameter(f"`{address}` is not an address", param_hint="`--from`") from None

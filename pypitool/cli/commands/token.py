"""`pypitool token`: passwords for machines, each for a few projects and a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from pypitool.cli.command import Group, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages, open_repository
from pypitool.cli.output import Output
from pypitool.cli.remote import managed, on_server
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.text import timestamp

if TYPE_CHECKING:
    from pypitool.manage.action import Reply
    from pypitool.manage.users import Tokens


class OneOrAll(PypitoolError):
    """It is not said which tokens are to end."""

    kind = Kind.USAGE
    sentence = "name one token, or with `--user` a user, and not both"


_LIVE, _REVOKED, _EXPIRED = "", "revoked", "expired"


@click.group(
    "token",
    cls=Group,
    examples=(
        "pypitool token create --name ci-acme --projects 'acme-*' --may upload",
        "pypitool token list",
    ),
)
def token_command() -> None:
    """Make, list and revoke tokens.

    A token is a password for a machine: it may what it was made for, and what rules that name it add. A
    running server counts each change from the next request on.
    """


@token_command.command(
    "create",
    examples=(
        "pypitool token create --name ci-acme --projects 'acme-*' --may upload --expires 90d",
        "pypitool token create --name mirror --may list,download --expires never --json",
    ),
    exits={6: "a token that is alive has this name"},
)
@option("--name", required=True, metavar="NAME", help="Lower case letters, digits and `-`.")
@option(
    "--projects", multiple=True, metavar="GLOB",
    help="Projects that it is for; !GLOB takes names out. May be given several times.  [default: *]",
)  # fmt: skip
@option(
    "--may", required=True, multiple=True, metavar="RIGHT[,RIGHT]",
    help="list, download, upload, overwrite, yank, delete, or admin, which is all of them.",
)  # fmt: skip
@option("--expires", default="90d", show_default=True, metavar="TIME", help="When it ends: 12h, 90d, never.")
@on_packages
@on_server
@click.pass_obj
def create(
    invocation: Invocation, name: str, projects: tuple[str, ...], may: tuple[str, ...], expires: str
) -> None:
    """Make a token and print it, this once: only a hash of it is kept.

    Log in with it as `__token__` or with any other user name, or send it as Bearer.
    """
    from pypitool.core.rights.tokens import checked_life, checked_name, checked_projects, checked_rights
    from pypitool.manage.users import Tokens

    rights, globs = _words(may), _words(projects) or ("*",)
    # Wrong usage here as there. An empty end, which somebody's variable has left, is not the default.
    checked_name(name), checked_rights(rights), checked_projects(globs), checked_life(expires)
    with managed(invocation, _local_tokens) as there:
        document = there.run(Tokens.create, name, rights, globs, expires).document
    output = Output(invocation)
    if invocation.json:
        output.document(document)
        return
    output.line(document["token"])
    until = f"until {document['expires'][:10]}" if document["expires"] else "for ever"
    on = " ".join(document["projects"])
    output.done(f"created {shown(document)} {document['id']}: {', '.join(document['may'])} on {on} {until}")


@token_command.command(
    "list",
    examples=("pypitool token list", "pypitool token list --json"),
)
@on_packages
@on_server
@click.pass_obj
def list_tokens(invocation: Invocation) -> None:
    """List the tokens, those that ended in the last 30 days on record too.

    In a pipe there is one line for each, with tabs: name, id, rights, projects, end, last use, and whether
    it is revoked or expired.
    """
    import time

    from pypitool.manage.users import Tokens

    with managed(invocation, _local_tokens) as there:
        documents = there.run(Tokens.listed).document
    output = Output(invocation)
    if invocation.json:
        output.document(documents)
        return
    now = timestamp(time.time())
    headings = ("Name", "Id", "May", "Projects", "Expires", "Last used", "State")
    output.table(headings, [_row(document, now) for document in documents], nothing="there are no tokens")


@token_command.command(
    "revoke",
    examples=(
        "pypitool token revoke ci-acme",
        "pypitool token revoke 3f9a0c51d2e7 --json",
        "pypitool token revoke --user deploy",
    ),
    exits={5: "there is no such token"},
)
@click.argument("token", metavar="[NAME|ID]", required=False)
@option("--user", metavar="NAME", help="End every token that this user has made for themselves.")
@on_packages
@on_server
@click.pass_obj
def revoke_token(invocation: Invocation, token: str | None, user: str | None) -> None:
    """End a token by its name or its id, or all of a user.

    One that has ended stays so.
    """
    from pypitool.manage.users import Tokens

    if token is not None and user is None:
        with managed(invocation, _local_tokens) as there:
            _tell_revoked(invocation, there.run(Tokens.revoke, token))
    elif user is not None and token is None:
        with managed(invocation, _local_tokens) as there:
            _tell_all_revoked(invocation, there.run(Tokens.revoke_all, user), user)
    else:
        raise OneOrAll


def _tell_all_revoked(invocation: Invocation, reply: Reply, user: str) -> None:
    output = Output(invocation)
    if invocation.json:
        output.document(reply.document)
        return
    for document in reply.document:
        output.done(f"revoked {shown(document)}")
    if not reply.document:
        output.done(f"no token of {user} is alive")


def _tell_revoked(invocation: Invocation, reply: Reply) -> None:
    document = reply.document
    output = Output(invocation)
    if invocation.json:
        output.document(document)
        return
    output.done(f"{'has ended already:' if reply.outcome == 'unchanged' else 'revoked'} {shown(document)}")


@contextmanager
def _local_tokens(invocation: Invocation) -> Iterator[Tokens]:
    from pypitool.catalogue.facts import local_actor
    from pypitool.manage.users import Tokens

    with open_repository(invocation) as repository:
        yield Tokens(repository, local_actor())


def shown(document: dict[str, Any]) -> str:
    """Return what people call a token: a personal one behind its owner, `deploy/laptop`."""
    kind, _, owner = (document["owner"] or "").partition(":")
    return f"{owner}/{document['name']}" if kind == "user" else str(document["name"])


def _words(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.strip() for one in given for word in one.split(",") if word.strip())


def _row(document: dict[str, Any], now: str) -> tuple[str, ...]:
    expires = document["expires"]
    has_expired = expires is not None and expires <= now
    return (
        shown(document),
        document["id"],
        ",".join(document["may"]),
        " ".join(document["projects"]),
        (expires or "never")[:16],
        (document["last_used"] or "")[:16],
        _REVOKED if document["revoked"] else (_EXPIRED if has_expired else _LIVE),
    )

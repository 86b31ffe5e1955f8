"""The API of users: the people of the password file, for admins of everything."""

from __future__ import annotations

from flask import Response

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.rights.right import Right
from pypitool.manage.users import Record, UsersHere
from pypitool_server.services import services
from pypitool_server.views import answers
from pypitool_server.views.api.requests import actor, fields


class NoPasswordFile(PypitoolError):
    """This server knows people by other means."""

    kind = Kind.NOT_FOUND

    def __str__(self) -> str:
        return "this server has no password file"


def listed() -> Response:
    """Answer with the names of the users."""
    return answers.document(_users().listed())


def put(name: str) -> Response:
    """Add a user, or change a password."""
    users = _users(changes=True)
    document, is_new = users.set_password(name, fields({"password": str})["password"])
    return answers.document(document, outcome="created" if is_new else "replaced")


def remove(name: str) -> Response:
    """Remove a user."""
    return answers.document(_users(changes=True).remove(name))


def check(name: str) -> Response:
    """Tell whether a password is right."""
    users = _users()
    return answers.document(users.check(name, fields({"password": str})["password"]))


ROUTES = (
    ("GET", "users", listed),
    ("PUT", "users/<path:name>", put),
    ("DELETE", "users/<path:name>", remove),
    ("POST", "users/<path:name>/check", check),
)


def _users(*, changes: bool = False) -> UsersHere:
    here = services()
    here.access.require_everywhere(Right.ADMIN)
    if here.settings.auth.passwords is None:
        raise NoPasswordFile
    record = Record(here.repository.facts, actor()) if changes else None
    return UsersHere(here.settings.auth.passwords, record)

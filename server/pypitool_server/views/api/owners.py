"""The API of owners: for admins of a project."""

from __future__ import annotations

from flask import Response

from pypitool.core.rights.right import Right
from pypitool.manage.here import OwnersHere
from pypitool_server.services import services
from pypitool_server.views import answers
from pypitool_server.views.api.projects import allowed, looking
from pypitool_server.views.api.requests import actor, fields


def owners(name: str) -> Response:
    """Answer with who owns a project."""
    with allowed(Right.ADMIN, name):
        return answers.document(OwnersHere(services().repository, looking()).of(name))


def put(name: str) -> Response:
    """Let exactly these own a project."""
    with allowed(Right.ADMIN, name):
        said = fields({"owners": list})
        return answers.document(OwnersHere(services().repository, actor()).set(name, said["owners"]))


ROUTES = (
    ("GET", "projects/<name>/owners", owners),
    ("PUT", "projects/<name>/owners", put),
)

"""Legacy JSON: what inventory tools, Renovate and pip-audit read."""

from __future__ import annotations

import json
from functools import partial
from urllib.parse import quote

from flask import Blueprint, Response, request
from packaging.utils import NormalizedName

from pypitool.catalogue.held_metadata import metadata_under
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.index.legacy_json import legacy_document
from pypitool.core.rights.right import Right
from pypitool.core.text import printable
from pypitool.core.versions import canonical
from pypitool_server.access.refusals import ProjectNotHeld
from pypitool_server.http.negotiated import asked_form
from pypitool_server.replay.front import mark_replayable
from pypitool_server.replay.rendered import represent
from pypitool_server.services import services
from pypitool_server.views import answers
from pypitool_server.views.not_held import refuse_unless_absent, refuse_while_reading
from pypitool_server.views.simple import asked_for

JSON = "application/json"


class ReleaseNotHeld(PypitoolError):
    """A version of which we hold no file."""

    kind = Kind.NOT_FOUND
    project: NormalizedName
    version: str

    def __str__(self) -> str:
        return f"no release `{printable(self.version)}` of `{self.project}` here"


def blueprint() -> Blueprint:
    """Return the addresses of legacy JSON; the last one is what pypiserver has."""
    documents = Blueprint("legacy", __name__)
    for slash in ("", "/"):
        documents.add_url_rule(f"/pypi/<name>/json{slash}", f"project{slash}", about_project)
        documents.add_url_rule(f"/pypi/<name>/<version>/json{slash}", f"release{slash}", about_release)
        documents.add_url_rule(f"/<name>/json{slash}", f"root{slash}", about_project)
    return documents


def about_project(name: str) -> Response:
    """Answer with a project, its latest release and all others."""
    return _about(name, None)


def about_release(name: str, version: str) -> Response:
    """Answer with one release of a project."""
    return _about(name, version)


def _about(name: str, version: str | None) -> Response:
    here = services()
    wanted = asked_for(name)
    rights = here.access.require(Right.LIST, wanted)
    mark_replayable({wanted}, uses=here.external.uses)
    if name != wanted:
        return answers.moved(_respelled(name, wanted))
    project = here.repository.catalogue.project(wanted)
    if project is None:
        refuse_unless_absent(wanted)
        raise ProjectNotHeld(wanted)
    if version is not None and canonical(version) not in {canonical(file.version) for file in project.files}:
        refuse_while_reading()
        raise ReleaseNotHeld(wanted, version)
    base = here.external.base_url(request.environ)
    document = legacy_document(
        project,
        metadata=partial(metadata_under, here.repository.catalogue),
        url_of=lambda file: f"{base}packages/{quote(file.location.path)}",
        version=version,
        project_url=f"{base}project/{project.name}/",
    )
    body = json.dumps(document, separators=(",", ":")).encode()
    page = represent(body, JSON, zipped=asked_form().zipped, serial=project.serial)
    return answers.page(page, public=rights.public)


def _respelled(name: str, wanted: NormalizedName) -> str:
    """Return the way to the same document of the right name, relative to this one."""
    tail = request.path.partition(f"/{name}/")[2]
    return "../" * (tail.count("/") + 1) + f"{wanted}/{quote(tail)}"

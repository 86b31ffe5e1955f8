"""The API of projects: look at them, yank, delete, set their status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Response
from packaging.utils import NormalizedName

from pypitool.core.fact import Actor
from pypitool.core.model import ProjectStatus
from pypitool.core.names import normalize
from pypitool.core.rights.right import Right
from pypitool.manage.here import ProjectsHere
from pypitool.repository.releases import NotHeld
from pypitool_server.services import services
from pypitool_server.views import answers
from pypitool_server.views.api.requests import BadBody, actor, fields
from pypitool_server.views.not_held import refuse_while_reading


def listed() -> Response:
    """Answer with the projects that the caller may list."""
    here = services()
    listing = here.access.listing()
    return answers.document(ProjectsHere(here.repository, looking(), listing.sees).listed())


def project(name: str) -> Response:
    """Answer with a project and its releases."""
    with allowed(Right.LIST, name):
        return answers.document(_projects(looking()).project(name))


def release(name: str, version: str) -> Response:
    """Answer with a release."""
    with allowed(Right.LIST, name):
        return answers.document(_projects(looking()).release(name, version))


def yank(name: str) -> Response:
    """Yank a release."""
    with allowed(Right.YANK, name):
        said = fields({"version": str}, {"reason": str})
        return answers.document(_projects(actor()).yank(name, said["version"], said["reason"] or ""))


def unyank(name: str) -> Response:
    """Take back the yank of a release."""
    with allowed(Right.YANK, name):
        return answers.document(_projects(actor()).unyank(name, fields({"version": str})["version"]))


def delete(name: str) -> Response:
    """Delete a file, a release or a project, or say what that would remove."""
    with allowed(Right.DELETE, name):
        said = fields({}, {"version": str, "file": str, "dry_run": bool, "serial": int})
        what = said["version"], said["file"]
        projects = _projects(actor())
        if said["dry_run"]:
            return answers.document(projects.plan_delete(name, *what))
        return answers.document(projects.delete(name, *what, said["serial"]))


def set_status(name: str) -> Response:
    """Set the status of a project; to quarantine it, and to end that, is for its admins."""
    with allowed(Right.YANK, name) as wanted:
        said = fields({"status": str}, {"reason": str})
        try:
            status = ProjectStatus(said["status"])
        except ValueError as error:
            known = ", ".join(one.value for one in ProjectStatus)
            raise BadBody(f"`status` has to be one of {known}") from error
        before, _ = services().repository.catalogue.status(wanted)
        if ProjectStatus.QUARANTINED in (status, before):
            services().access.require(Right.ADMIN, wanted, absent=NotHeld(name))
        document, is_new = _projects(actor()).set_status(name, status.value, said["reason"] or "")
        return answers.document(document, outcome="changed" if is_new else "unchanged")


ROUTES = (
    ("GET", "projects", listed),
    ("GET", "projects/<name>", project),
    ("GET", "projects/<name>/<version>", release),
    ("POST", "projects/<name>/yank", yank),
    ("POST", "projects/<name>/unyank", unyank),
    ("POST", "projects/<name>/delete", delete),
    ("POST", "projects/<name>/status", set_status),
)


def looking() -> Actor:
    """Return nobody: who only looks is recorded nowhere."""
    return Actor("anonymous")


def _projects(who: Actor) -> ProjectsHere:
    return ProjectsHere(services().repository, who)


@contextmanager
def allowed(right: Right, name: str) -> Iterator[NormalizedName]:
    """Let who has a right on a project go on; one that is hidden from the caller is not held."""
    wanted = normalize(name)
    try:
        services().access.require(right, wanted, absent=NotHeld(name))
        yield wanted
    except NotHeld:
        # What is not known may be there all the same; hidden or not, the answer is one.
        refuse_while_reading()
        raise

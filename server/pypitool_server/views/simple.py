"""The simple index (PEP 503, 691): the list of projects, the page of each, and the ways to them."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response
from packaging.utils import NormalizedName

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.index.http import MediaType, acceptable_types
from pypitool.core.name_owner import may_be_sent_on, owner_of
from pypitool.core.names import is_valid_name, normalize
from pypitool.core.rights.right import Right
from pypitool_server.access.refusals import ProjectNotHeld
from pypitool_server.http.negotiated import asked_form, queried
from pypitool_server.replay.freshness import EVERYTHING, RIGHTS
from pypitool_server.replay.front import mark_replayable
from pypitool_server.services import services
from pypitool_server.views import answers
from pypitool_server.views.not_held import refuse_unless_absent, refuse_unlisted

# For how long nobody looks again whether files of a project came that cannot be listed.
UNLISTED_SECONDS = 1.0


class NotAcceptable(PypitoolError):
    """The client takes none of the forms that an index page has."""

    kind = Kind.INVALID
    status = 406  # PEP 691: "the server SHOULD return a 406 Not Acceptable"

    def __str__(self) -> str:
        return f"the request accepts none of the types that this page has:\n{acceptable_types().rstrip()}"


def blueprint() -> Blueprint:
    """Return the addresses of the index."""
    index = Blueprint("simple", __name__)
    index.add_url_rule("/simple", "slash", to_list)
    index.add_url_rule("/simple/", "list", project_list)
    index.add_url_rule("/simple/<name>", "unslashed", to_page)
    index.add_url_rule("/simple/<name>/", "page", project_page)
    index.add_url_rule("/<name>", "from_root", from_root)
    index.add_url_rule("/<name>/", "from_root_slashed", from_root_slashed)
    return index


def to_list() -> Response:
    """Redirect `/simple` to `/simple/`."""
    return answers.moved("simple/" + chosen_format())


def project_list() -> Response:
    """Answer with the list of projects."""
    here = services()
    listing = here.access.listing()
    mark_replayable({EVERYTHING, RIGHTS})
    media, zipped = _taken_form()
    page = here.rendered.names(media, zipped=zipped, seen=listing.visible, of=listing.of)
    return answers.page(page, public=listing.public)


def project_page(name: str) -> Response:
    """Answer with the page of a project; another spelling of its name leads there."""
    project = asked_for(name)
    if name != project:
        return _lead_to(project, f"../{project}/")
    here = services()
    rights = here.access.require(Right.LIST, project)
    mark_replayable({project})
    media, zipped = _taken_form()
    page = here.rendered.project(project, media, zipped=zipped)
    return elsewhere(project) if page is None else answers.page(page, public=rights.public)


def to_page(name: str) -> Response:
    """Lead from `/simple/<name>` to the page, whatever the spelling, in one hop."""
    project = asked_for(name)
    return _lead_to(project, f"{project}/")


def from_root(name: str) -> Response:
    """Lead from `/<name>` to the page: the root works as an index URL."""
    return _found_below(name, "")


def from_root_slashed(name: str) -> Response:
    """Lead from `/<name>/` to the page."""
    return _found_below(name, "../")


def asked_for(name: str) -> NormalizedName:
    """Return the project that an address means; a text that names none is no project of ours."""
    if not is_valid_name(name):
        raise ProjectNotHeld(name)
    return normalize(name)


def elsewhere(project: NormalizedName) -> Response:
    """Send the client on to the fallback, unless the name may not leave the house."""
    refuse_unless_absent(project)
    if _stays_here(project):
        raise ProjectNotHeld(project)
    # Files that are not listed come and go without a word.
    mark_replayable({project}, seconds=UNLISTED_SECONDS, uses=answers.SEE_OTHER_USES)
    refuse_unlisted(project)
    return answers.see_other(f"{_fallback_url(services().settings.server.fallback_url)}/{project}/")


def _stays_here(project: NormalizedName) -> bool:
    settings = services().settings
    if settings.server.disable_fallback:
        return True
    catalogue = services().repository.catalogue
    owner = owner_of(project, (), settings.policy.private, is_kept=catalogue.keeps(project))
    status, _ = catalogue.status(project)
    return not may_be_sent_on(owner, status)


def _taken_form() -> tuple[MediaType, bool]:
    """Return the type of index page that the client takes, and whether zipped, or raise `NotAcceptable`."""
    form = asked_form()
    if form.media is None:
        raise NotAcceptable
    return form.media, form.zipped


def chosen_format() -> str:
    """Return the part of the query that a redirect keeps."""
    form = queried("format")
    return "" if form is None else f"?format={quote(form, safe='')}"


def _lead_to(project: NormalizedName, location: str) -> Response:
    here = services()
    here.access.require(Right.LIST, project)
    mark_replayable({project})
    # One hop: a name that is not here goes straight to the fallback.
    if here.repository.catalogue.project(project) is None:
        return elsewhere(project)
    return answers.moved(location + chosen_format())


def _found_below(name: str, up: str) -> Response:
    # Not asked whether it is held: the page itself answers that, to those who may know.
    project = asked_for(name)
    mark_replayable((), uses=answers.SEE_OTHER_USES)
    return answers.see_other(f"{up}simple/{project}/" + chosen_format())


def _fallback_url(configured: str | None) -> str:
    if configured is None:
        # Not at the top: it brings a client for the web, which most servers never need.
        from pypitool.upstream.upstream import default_index

        configured = default_index()
    return configured.rstrip("/")

"""Pages for people: the start page (the house's own where there is one), all files, a project, and search."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, current_app, render_template, request
from markupsafe import Markup
from packaging.utils import NormalizedName, canonicalize_name

from pypitool import __version__
from pypitool.catalogue.catalogue import Reader
from pypitool.core.client_config import ClientIndex, pip_conf
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.index.http import MediaType
from pypitool.core.index.simple_pages import anchor
from pypitool.core.model import HeldFile, Project, ProjectStatus
from pypitool.core.rights.right import Right
from pypitool.core.versions import sort_keys
from pypitool_server.access.access import VisibleProjects
from pypitool_server.access.refusals import ProjectNotHeld
from pypitool_server.http.bodies import PIECE, StreamedBody
from pypitool_server.http.browser import Browser, details_of, links_of
from pypitool_server.http.negotiated import asked_form, queried
from pypitool_server.replay.freshness import EVERYTHING, RIGHTS
from pypitool_server.replay.front import mark_replayable
from pypitool_server.replay.rendered import represent
from pypitool_server.services import Services, services
from pypitool_server.views import answers
from pypitool_server.views.not_held import refuse_unless_absent
from pypitool_server.views.search import MOST, newest, search_projects
from pypitool_server.views.simple import asked_for, project_list

HTML = "text/html; charset=utf-8"
LONGEST_QUERY = 200
# The list of so many files is made at once and replayed; a longer one is sent while it is made.
FEW_FILES = 2000

# `{{NAME}}` is escaped and `{{!NAME}}` is not; everything else in the file is text, never a template.
_VARIABLE = re.compile(r"\{\{\s*(!?)\s*(URL|VERSION|NUMPKGS|PACKAGES|SIMPLE)\s*\}\}")


def blueprint() -> Blueprint:
    """Return the addresses that people visit."""
    pages = Blueprint("people", __name__)
    pages.add_url_rule("/", "start", start)
    pages.add_url_rule("/packages", "packages_unslashed", lambda: answers.moved("packages/"))
    pages.add_url_rule("/packages/", "packages", packages)
    pages.add_url_rule("/project/<name>", "project_unslashed", lambda name: _moved(name, ""))
    pages.add_url_rule("/project/<name>/", "project", project)
    pages.add_url_rule("/search", "search", search)
    pages.add_url_rule("/search/", "search_slashed", lambda: answers.moved("../search"))
    # Browsers and crawlers ask for these by themselves: they are no projects to be looked for elsewhere.
    pages.add_url_rule("/favicon.ico", "icon", lambda: answers.text("no icon\n", 404))
    pages.add_url_rule("/robots.txt", "robots", lambda: answers.text("User-agent: *\nDisallow: /\n"))
    return pages


def start() -> Response:
    """Answer a browser with the start page, and an installer with the list of projects."""
    if asked_form().media in (MediaType.JSON_V1, MediaType.HTML_V1):
        return project_list()
    here = services()
    base = here.external.base_url(request.environ)
    projects, files = _counts(here)
    custom = here.settings.server.welcome
    # Somebody may edit a page of his own at any time.
    mark_replayable({EVERYTHING, RIGHTS}, seconds=1 if custom else math.inf, uses=here.external.uses)
    if custom is not None:
        page = welcome_page(custom, base, files)
        return answers.page(represent(page, HTML, zipped=asked_form().zipped), public=True)
    return _page("start.html", public=True, base=base, projects=projects, files=files, **_client(base))


def packages() -> Response:
    """Answer with a link to every file, for people and for `pip install --find-links`."""
    here = services()
    listing = here.access.listing()
    offered = _offered(here.repository.catalogue, listing)
    count = sum(offered.values())
    pieces = _file_list(here, offered, count)
    if count <= FEW_FILES:
        mark_replayable({EVERYTHING, RIGHTS})
        return _document(b"".join(pieces), here.browser, public=listing.public)
    place = here.threads.sending.take(here.access.client(request.environ))
    answer = Response(
        StreamedBody(pieces, place.give),
        headers={**answers.caching(listing.public), "Content-Security-Policy": here.browser.policy},
        content_type=HTML,
    )
    answer.direct_passthrough = True
    return answer


def project(name: str) -> Response:
    """Answer with all that we know of a project."""
    wanted = asked_for(name)
    if name != wanted:
        return _moved(name, "../")
    here = services()
    rights = here.access.require(Right.LIST, wanted)
    mark_replayable({wanted}, uses=here.external.uses)
    found = here.repository.catalogue.project(wanted)
    if found is None:
        refuse_unless_absent(wanted)
        raise ProjectNotHeld(wanted)
    base = here.external.base_url(request.environ)
    return _page("project.html", up="../../", public=rights.public, base=base, **_about(found))


def search() -> Response:
    """Answer with the projects whose names hold the words that were asked for."""
    here = services()
    listing = here.access.listing()
    mark_replayable({EVERYTHING, RIGHTS})
    query = (queried("q") or "").strip()[:LONGEST_QUERY]
    terms = [canonicalize_name(word) for word in query.split()]
    found = list(search_projects(here.repository.catalogue, terms, sees=listing.sees))
    return _page("search.html", public=listing.public, query=query, found=found, most=MOST)


def _counts(here: Services) -> tuple[int, int]:
    """Return how many projects and files there are, as anybody may know; the short form tells everybody."""
    catalogue = here.repository.catalogue
    effective = here.access.anybody()
    if here.access.rules.is_short or effective.may(Right.LIST, None):
        return catalogue.counts()
    seen = [files for name, files in catalogue.file_counts().items() if effective.may(Right.LIST, name)]
    return len(seen), sum(seen)


def _offered(catalogue: Reader, listing: VisibleProjects) -> Mapping[NormalizedName, int]:
    """Return how many files there are of each project that is in the list of all files."""
    # PEP 792: nothing of these is offered, and `--find-links` reads this page.
    quarantined = catalogue.projects_in(ProjectStatus.QUARANTINED)
    counts = catalogue.file_counts().items()
    return {name: files for name, files in counts if name not in quarantined and listing.sees(name)}


def _about(found: Project) -> dict[str, Any]:
    version, metadata = newest(services().repository.catalogue, found)
    return {
        "project": found,
        "version_shown": version,
        "files": _newest_first(found),
        "about": metadata,
        "details": details_of(metadata),
        "links": links_of(metadata),
    }


def _newest_first(found: Project) -> list[HeldFile]:
    # PEP 792: of a quarantined project nothing is offered.
    if found.status is ProjectStatus.QUARANTINED:
        return []
    keys = sort_keys(file.version for file in found.files)
    by_name = sorted(found.files, key=lambda file: file.filename)
    return sorted(by_name, key=lambda file: keys[file.version], reverse=True)


def _page(template: str, *, public: bool, up: str = "./", **values: Any) -> Response:
    browser = services().browser
    document = render_template(template, style=browser.style, version=browser.version, up=up, **values)
    return _document(document.encode(), browser, public=public)


def _document(document: bytes, browser: Browser, *, public: bool) -> Response:
    page = represent(document, HTML, zipped=asked_form().zipped)
    return answers.page(page, public=public, policy=browser.policy)


def _file_list(here: Services, offered: Collection[NormalizedName], count: int) -> Iterator[bytes]:
    algorithm = here.settings.server.hash_algo
    links = (
        Markup(anchor(file, _address, algorithm))  # noqa: S704  escaped where it is made
        for file in here.repository.catalogue.files()
        if file.project in offered
    )
    template = current_app.jinja_env.get_template("packages.html")
    return _in_pieces(template.generate(style=here.browser.style, links=links, count=count))


def _address(file: HeldFile) -> str:
    return quote(file.location.path)


def _in_pieces(texts: Iterable[str]) -> Iterator[bytes]:
    held: list[str] = []
    size = 0
    for part in texts:
        held.append(part)
        size += len(part)
        if size >= PIECE:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()


def _moved(name: str, up: str) -> Response:
    wanted = asked_for(name)
    services().access.require(Right.LIST, wanted)
    return answers.moved(f"{up}{wanted}/")


def _client(base: str) -> dict[str, str]:
    """Return what pip has to be told: once for all, and for one installation."""
    index = ClientIndex(base)
    trusted = index.trusted_host
    return {
        "pip_conf": "\n".join(pip_conf(index)),
        "trust": "" if trusted is None else f" --trusted-host {trusted}",
    }


class WelcomeUnreadable(PypitoolError):
    """The file with the start page cannot be read."""

    kind = Kind.UNAVAILABLE
    sentence = "the start page cannot be read; the index itself is at /simple/"


def welcome_page(file: Path, base: str, files: int) -> bytes:
    """Return the house's own start page, with the five variables that pypiserver's has filled in."""
    try:
        page = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise WelcomeUnreadable from error
    values = {
        "URL": base,
        "VERSION": __version__,
        "NUMPKGS": str(files),
        "PACKAGES": f"{base}packages/",
        "SIMPLE": f"{base}simple/",
    }

    def filled(found: re.Match[str]) -> str:
        value = values[found[2]]
        return value if found[1] else html.escape(value)

    return _VARIABLE.sub(filled, page).encode()

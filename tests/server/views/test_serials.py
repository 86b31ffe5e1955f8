"""Serials, by which mirrors know what changed: in the list, on pages and in the legacy JSON."""

from __future__ import annotations

import pytest

from pypitool.core.index.http import LAST_SERIAL
from pypitool.core.model import ProjectStatus
from pypitool.core.names import normalize
from pypitool.repository.repository import Repository
from tests.server.site import HTML, JSON, Site, make_site
from tests.support.repositories import open_repository
from tests.support.wheels import build_wheel

ACME = normalize("acme-core")
FORMS = (JSON, HTML, "text/html")


def serials(site: Site) -> dict[str, int]:
    """What the list of projects says."""
    projects = site.get("/simple/", Accept=JSON).get_json()["projects"]
    return {project["name"]: project["_last-serial"] for project in projects}


def header(site: Site, path: str, **headers: str) -> int:
    """What the header says."""
    return int(site.get(path, **headers).headers[LAST_SERIAL])


@pytest.mark.parametrize("again", [False, True], ids=["made", "replayed"])
def test_a_project_has_one_serial_wherever_it_is_asked_for(site: Site, again: bool) -> None:
    build_wheel(site.packages, "other", "1.0")
    site.scan()
    paths = {"/simple/acme-core/", "/pypi/acme-core/json", "/acme-core/json", "/pypi/acme-core/1.0/json"}
    if again:
        {header(site, path, Accept=accept) for path in paths for accept in FORMS}

    listed = serials(site)

    assert {header(site, path, Accept=accept) for path in paths for accept in FORMS} == {listed["acme-core"]}
    assert site.get("/pypi/acme-core/json").get_json()["last_serial"] == listed["acme-core"]
    assert listed["other"] > listed["acme-core"] >= 1


@pytest.mark.parametrize("accept", FORMS)
@pytest.mark.parametrize("path", ["/simple/", "/simple/acme-core/"])
def test_a_page_that_the_client_has_comes_with_its_serial_too(site: Site, path: str, accept: str) -> None:
    first = site.get(path, Accept=accept)

    second = site.get(path, Accept=accept, If_None_Match=first.headers["ETag"])

    assert second.status_code == 304
    assert second.headers[LAST_SERIAL] == first.headers[LAST_SERIAL]


@pytest.mark.parametrize("accept", FORMS)
def test_the_list_has_the_greatest(site: Site, accept: str) -> None:
    build_wheel(site.packages, "other", "1.0")
    site.scan()

    assert header(site, "/simple/", Accept=accept) == max(serials(site).values())
    assert site.get("/simple/", Accept=JSON).get_json()["meta"]["_last-serial"] == max(serials(site).values())


def test_each_change_of_a_project_makes_its_serial_grow_and_no_other(site: Site) -> None:
    build_wheel(site.packages, "other", "1.0")
    site.scan()
    before = [serials(site) for _ in range(2)][1]  # the second one was kept

    site.repository.catalogue.set_status(ACME, ProjectStatus.ARCHIVED, None)
    after = serials(site)
    build_wheel(site.packages, "acme-core", "2.0")
    site.scan()

    assert before["acme-core"] < after["acme-core"] < serials(site)["acme-core"]
    assert before["other"] == after["other"] == serials(site)["other"]
    assert header(site, "/simple/", Accept="text/html") == serials(site)["acme-core"]


def test_the_list_never_counts_back(site: Site) -> None:
    newest = build_wheel(site.packages, "other", "1.0")
    site.scan()
    before = header(site, "/simple/")

    newest.unlink()
    site.scan()

    assert "other" not in serials(site)
    assert header(site, "/simple/") > before


def test_a_lost_catalogue_begins_above_all_that_a_mirror_has_seen(site: Site, repository: Repository) -> None:
    seen = header(site, "/simple/")
    repository.close()
    repository.files.catalogue.unlink()

    with open_repository(repository.roots[0].parent) as anew:
        empty = header(make_site(anew, scanned=False), "/simple/")
        listed = serials(make_site(anew))

    assert empty > seen
    assert listed["acme-core"] > empty

"""What the catalogue does not have: while the directories are read for the first time, nobody knows."""

from __future__ import annotations

import pytest

from pypitool.catalogue.catalogue import ScanBatch
from pypitool.core.model import Location, Problem
from pypitool.repository.repository import Repository
from pypitool.repository.scan import Scanner
from pypitool.repository.scan_record import BEING_WRITTEN
from tests.server.site import FALLBACK, Site, make_site
from tests.support.waiting import wait_until

NOT_READ_YET = (
    "/simple/zope-x/",
    "/simple/Zope_X",
    "/zope-x/json",
    "/pypi/zope-x/json",
    "/pypi/zope-x/3.0/json",
    "/pypi/acme-core/2.0rc1/json",
    "/project/zope-x/",
    "/packages/zope_x-3.0-py3-none-any.whl",
    "/packages/zope_x-3.0-py3-none-any.whl.metadata",
)


@pytest.fixture
def half_read(repository: Repository) -> Repository:
    """The repository in the middle of its first scan: one file is known."""
    Scanner.of(repository).at([Location(0, "acme_core-1.0-py3-none-any.whl")])
    return repository


@pytest.mark.parametrize("path", NOT_READ_YET)
def test_what_was_not_read_yet_is_neither_missing_nor_looked_for_elsewhere(
    half_read: Repository, path: str
) -> None:
    site = make_site(half_read, scanned=False)

    early = site.get(path)
    site.scan()
    later = site.get(path)

    assert (early.status_code, early.headers["Retry-After"]) == (503, "5")
    assert "Location" not in early.headers
    assert "still being read" in early.text
    assert later.status_code in (200, 301)


@pytest.mark.parametrize("options", [{"disable_fallback": True}, {"private": ("zope-*",)}], ids=str)
def test_a_name_that_goes_nowhere_is_not_missing_either(
    half_read: Repository, options: dict[str, object]
) -> None:
    site = make_site(half_read, scanned=False, **options)  # type: ignore[arg-type]

    assert site.get("/simple/zope-x/").status_code == 503


def test_what_is_known_already_is_served(half_read: Repository) -> None:
    site = make_site(half_read, scanned=False)

    page, file = site.get("/simple/acme-core/"), site.get("/packages/acme_core-1.0-py3-none-any.whl")

    assert (page.status_code, file.status_code) == (200, 200)


def test_what_the_walk_did_not_find_is_looked_for_elsewhere_from_then_on(half_read: Repository) -> None:
    site = make_site(half_read, scanned=False)

    before = site.get("/simple/nowhere/")
    site.scan()
    after = site.get("/simple/nowhere/")

    assert before.status_code == 503
    assert (after.status_code, after.headers["Location"]) == (303, f"{FALLBACK}nowhere/")


def test_what_cannot_be_a_name_is_never_waited_for(half_read: Repository) -> None:
    site = make_site(half_read, scanned=False)

    assert site.get("/simple/-x-/").status_code == 404


def test_who_may_not_list_learns_nothing_of_the_reading(half_read: Repository) -> None:
    site: Site = make_site(half_read, scanned=False, authenticate=("list", "download"))

    assert {site.get(path).status_code for path in NOT_READ_YET} == {401}


def test_a_project_whose_only_file_is_broken_is_not_looked_for_elsewhere(site: Site) -> None:
    assert site.get("/simple/new-thing/").status_code == 303
    broken = site.packages / "New_Thing-1.0.tar.gz"
    broken.write_bytes(b"not an archive")
    site.scan()

    wait_until(lambda: site.get("/simple/new-thing/").status_code == 404, what="the redirect has ended")
    refused, other = site.get("/simple/new-thing/"), site.get("/simple/new/")
    broken.unlink()
    site.scan()

    assert (refused.status_code, other.status_code) == (404, 303)
    assert "cannot be listed" in refused.text
    wait_until(lambda: site.get("/simple/new-thing/").status_code == 303, what="the file is forgotten")


def test_a_project_whose_first_file_is_being_copied_in_is_waited_for(site: Site) -> None:
    problem = Problem(Location(0, "sub/new_thing-1.0-py3-none-any.whl"), BEING_WRITTEN)
    site.repository.catalogue.apply_scan(ScanBatch(problems=[problem]))

    answer = site.get("/simple/new-thing/")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "being written" in answer.text

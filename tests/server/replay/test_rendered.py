"""Pages are rendered once, however many ask."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from packaging.utils import NormalizedName

from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.core.index.http import MediaType
from pypitool.core.model import Project
from pypitool.core.names import normalize
from pypitool.repository.repository import Repository
from pypitool_server.replay.freshness import Freshness
from pypitool_server.replay.rendered import RenderedPages
from tests.support.repositories import scan
from tests.support.wheels import build_wheel

ACME = normalize("acme-core")


class CountingCatalogue(SqliteCatalogue):
    """A catalogue that counts how often a project was read."""

    read = 0

    def project(self, name: NormalizedName) -> Project | None:
        self.read += 1
        return super().project(name)


@pytest.fixture
def catalogue(repository: Repository) -> Iterator[CountingCatalogue]:
    scan(repository)
    catalogue = CountingCatalogue(repository.files.catalogue)
    yield catalogue
    catalogue.close()


def pages_of(catalogue: CountingCatalogue) -> tuple[Freshness, RenderedPages]:
    freshness = Freshness(catalogue)
    return freshness, RenderedPages(catalogue, freshness, hash_algo="sha256", capacity=1 << 20)


def test_of_many_threads_one_renders(catalogue: CountingCatalogue) -> None:
    _, pages = pages_of(catalogue)

    with ThreadPoolExecutor(16) as threads:
        made = set(threads.map(lambda _: pages.project(ACME, MediaType.JSON_V1, zipped=True), range(64)))

    assert len(made) == 1
    assert catalogue.read == 1


def test_each_form_is_rendered_when_it_is_first_asked_for(catalogue: CountingCatalogue) -> None:
    _, pages = pages_of(catalogue)

    for _ in range(2):
        for media in MediaType:
            pages.project(ACME, media, zipped=False)

    assert catalogue.read == 3


def test_a_change_renders_its_project_anew(catalogue: CountingCatalogue, repository: Repository) -> None:
    freshness, pages = pages_of(catalogue)
    before = [
        pages.project(normalize(name), MediaType.JSON_V1, zipped=False) for name in ("acme-core", "zope-x")
    ]

    build_wheel(repository.roots[0], "acme-core", "9.0")
    scan(repository)
    freshness.check()
    after = [
        pages.project(normalize(name), MediaType.JSON_V1, zipped=False) for name in ("acme-core", "zope-x")
    ]

    assert before[0] != after[0]
    assert before[1] is after[1]


def test_a_project_that_is_not_held_has_no_page(catalogue: CountingCatalogue) -> None:
    _, pages = pages_of(catalogue)

    assert pages.project(normalize("nowhere"), MediaType.TEXT_HTML, zipped=False) is None

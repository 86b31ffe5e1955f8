"""Applications for the tests of the server's views."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pypitool.repository.repository import Repository
from tests.server.site import Site, make_site
from tests.support.repositories import open_repository
from tests.support.wheels import build_sdist, build_wheel


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """A repository with three projects, not yet scanned: acme-core, acme.web and zope_x."""
    with three_projects(tmp_path) as repository:
        yield repository


@pytest.fixture
def site(repository: Repository) -> Site:
    """The three projects, served with the defaults."""
    return make_site(repository)


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same, made once, for tests that only read and care for nobody's memory."""
    with three_projects(tmp_path_factory.mktemp("shared-site")) as repository:
        yield make_site(repository)


def three_projects(place: Path) -> Repository:
    repository = open_repository(place)
    packages = repository.roots[0]
    build_wheel(packages, "acme-core", "1.0", requires_python=">=3.8", requires=["acme.web>=2"])
    build_wheel(packages, "acme-core", "2.0rc1")
    build_sdist(packages / "old files", "Acme.Core", "1.0")
    build_wheel(packages, "acme.web", "1.0+local.1")
    build_wheel(packages, "zope_x", "3.0")
    return repository

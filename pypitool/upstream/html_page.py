"""A project's page in HTML (PEP 503), read by pypi-simple.

pypi-simple takes 250 ms to import, so it is imported where such a page is read and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from pypitool.core.model import ProjectStatus
from pypitool.upstream.listing import Entry, ReadPage

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage


def read_html_page(project: NormalizedName, body: bytes, url: str, charset: str | None) -> ReadPage:
    """Read a page, or raise `ValueError` that says what is wrong with it."""
    from pypi_simple import ProjectPage, UnsupportedRepoVersionError

    try:
        page = ProjectPage.from_html(project, body, url, charset)
    except UnsupportedRepoVersionError as error:
        raise ValueError(str(error)) from error
    status = ProjectStatus(page.status.value) if page.status is not None else ProjectStatus.ACTIVE
    return ReadPage(tuple(_entry(package) for package in page.packages), status, page.status_reason)


def imported_endpoint() -> str:
    """Return the address of the public PyPI the slow way."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return PYPI_SIMPLE_ENDPOINT


def _entry(package: DistributionPackage) -> Entry:
    return Entry(
        filename=package.filename,
        url=package.url,
        hashes=package.digests,
        size=package.size,
        requires_python=package.requires_python,
        yanked=(package.yanked_reason or "") if package.is_yanked else None,
        metadata_sha256=(package.metadata_digests or {}).get("sha256"),
    )

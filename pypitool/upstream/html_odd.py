"""Pages of HTML as pypi-simple reads them: slowly and with the tree that odd ones need.

It takes 250 ms to import, so it is imported where it is used and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from pypitool.core.text import is_text
from pypitool.upstream.html_reader import HtmlPage
from pypitool.upstream.listing import ListedFile

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage


def read_odd_links(project: NormalizedName, page: str, url: str) -> HtmlPage:
    """Read any page, or raise `ValueError` that says what is wrong with it."""
    from pypi_simple import DistributionPackage, RepositoryPage, UnsupportedRepoVersionError

    try:
        found = RepositoryPage.from_html(page, url)
    except UnsupportedRepoVersionError as error:
        raise ValueError(str(error)) from error
    packages = (DistributionPackage.from_link(link, project) for link in found.links)
    declared = {name: values[0] for name, values in found.pypi_meta.items()}
    return HtmlPage(tuple(_entry(package) for package in packages), declared)


def imported_endpoint() -> str:
    """Return the address of the public PyPI the slow way."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return PYPI_SIMPLE_ENDPOINT


def _entry(package: DistributionPackage) -> ListedFile:
    entry = ListedFile(
        filename=package.filename,
        url=package.url,
        hashes=package.digests,
        size=package.size,
        requires_python=package.requires_python,
        yanked=(package.yanked_reason or "") if package.is_yanked else None,
        metadata_sha256=(package.metadata_digests or {}).get("sha256"),
    )
    texts = (text for text in (*entry, *package.digests.values()) if isinstance(text, str))
    if not is_text("".join(texts)):
        raise ValueError("it holds half a character, which is no text")
    return entry

"""Search: projects by name, with what their newest release says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from packaging.utils import NormalizedName

from pypitool.catalogue.catalogue import Reader
from pypitool.catalogue.held_metadata import metadata_of
from pypitool.core.documents import by_release, latest_of
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.metadata import CoreMetadata
from pypitool.core.model import Project
from pypitool_server.http.request_limits import MOST_TERMS

# Each line reads a project: more than this helps neither people nor `pip search`.
MOST = 100


class TooManyTerms(PypitoolError):
    """A search for more than names are looked through for."""

    kind = Kind.INVALID
    sentence = f"a search has at most {MOST_TERMS} terms, this one has {{count}}"
    count: int


def search_projects(
    catalogue: Reader, terms: Sequence[str], *, sees: Callable[[NormalizedName], bool]
) -> Iterator[SearchResult]:
    """Iterate over the first projects whose normalised name holds one of `terms`, of those that one sees."""
    if len(terms) > MOST_TERMS:
        raise TooManyTerms(len(terms))
    left = MOST
    for name in catalogue.project_names():
        if any(term in name for term in terms) and sees(name):
            project = catalogue.project(name)
            if project is not None:
                version, metadata = newest(catalogue, project)
                yield SearchResult(project.name, version, (metadata and metadata.summary) or "")
                left -= 1
        if left == 0:
            return


def newest(catalogue: Reader, project: Project) -> tuple[str, CoreMetadata | None]:
    """Return the newest version of a project, and what that says of itself."""
    grouped = by_release(project.files)
    version = latest_of(grouped) or ""
    return version, metadata_of(catalogue, grouped.get(version, ()))


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One line of an answer."""

    name: NormalizedName
    version: str
    summary: str

"""The lookup of files at an index, by hash: whether it has a file already, and whether it is the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from packaging.utils import NormalizedName

from pypitool.core.errors import Kind
from pypitool.core.limits import FILE_BYTES
from pypitool.core.upload.plan import IndexedFile, Presence, UploadEvent, presence_of
from pypitool.upload.form import FileChanged, Package
from pypitool.upstream.answer_bodies import read_pieces
from pypitool.upstream.fetch_page import fetch_listing
from pypitool.upstream.listing import Listing
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream_errors import NoSuchProject, UpstreamError, UpstreamRefused

_REFUSED = frozenset({401, 403, 407})
_Pages = dict[NormalizedName, "Listing | LookupFailed"]


class LookupFailed(Exception):
    """Nobody knows whether the file is there."""

    def __init__(self, kind: Kind, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.hint = hint

    def __str__(self) -> str:
        return f"whether it is there already is not known: {self.args[0]}"


@dataclass(frozen=True, slots=True)
class FoundThere:
    """What a file here is to the one there; None: there is none."""

    presence: Presence
    there: str = ""  # the hash of the one there, for a message

    def event(self, package: Package) -> UploadEvent | None:
        """Say what becomes of a file that is there already; None: nothing yet."""
        if self.presence is Presence.SAME:
            return package.event("kept")
        if self.presence is Presence.OTHER:
            return package.event("conflict", Kind.CONFLICT, self.difference(package))
        return None

    def difference(self, package: Package) -> str:
        """Say that the index has the name with other bytes."""
        here = f"sha256 {package.digests.sha256} here"
        return f"the index has it with other bytes ({self.there} there, {here})"


@dataclass(frozen=True, slots=True)
class IndexLookup:
    """Looks files up at one index, from any thread."""

    session: UpstreamSession

    def find(self, package: Package, listing: Listing | None = None) -> FoundThere:
        """Compare a file with the one of its name on a page, the present one unless it is given.

        Where the page lists no hash of it, the file there is fetched.
        """
        listed = _listed(package, self.listing(package.project) if listing is None else listing)
        found = presence_of(listed, package.digest)
        if listed is None or listed.digest is not None:
            return FoundThere(found, "" if listed is None else " ".join(listed.digest or ()))
        fetched = self._sha256_of(listed.url)
        is_same = fetched == package.digests.sha256
        return FoundThere(Presence.SAME if is_same else Presence.OTHER, f"sha256 {fetched}")

    def listing(self, project: NormalizedName) -> Listing:
        """Return what the index lists of a project: nothing where it does not know it."""
        try:
            with self.session.asked_for(project):
                return fetch_listing(self.session, project)
        except NoSuchProject:
            return Listing(project, self.session.upstream.index)
        except UpstreamError as error:
            raise _failed(error) from error

    def _sha256_of(self, url: str) -> str:
        digest = hashlib.sha256()
        try:
            with self.session.get(url, {"Accept": "*/*", "Accept-Encoding": "identity"}) as response:
                if response.status_code != 200:
                    kind = Kind.UNAUTHORIZED if response.status_code in _REFUSED else Kind.UNAVAILABLE
                    raise LookupFailed(kind, f"the file there answers {response.status_code}")
                for piece in read_pieces(response, FILE_BYTES.most):
                    digest.update(piece)
        except UpstreamError as error:
            raise _failed(error) from error
        return digest.hexdigest()


def outcomes_without_sending(
    lookup: IndexLookup, packages: Sequence[Package], jobs: int
) -> list[UploadEvent | None]:
    """Say of each file what became of it without being sent; None: it is to be sent."""
    with ThreadPoolExecutor(jobs, thread_name_prefix="lookup") as pool:
        projects = list(dict.fromkeys(package.project for package in packages))
        pages = dict(zip(projects, pool.map(partial(_page, lookup), projects), strict=True))
        return list(pool.map(partial(_outcome, lookup, pages), packages))


def _listed(package: Package, listing: Listing) -> IndexedFile | None:
    candidate = next(listing.named({package.name: None}), None)
    if candidate is None:
        return None
    hashes = (text.partition(":") for text in candidate.hashes)
    return IndexedFile(candidate.url, {name: value for name, _, value in hashes})


def _failed(error: UpstreamError) -> LookupFailed:
    kind = Kind.UNAUTHORIZED if isinstance(error, UpstreamRefused) else Kind.UNAVAILABLE
    return LookupFailed(kind, str(error), None if kind is Kind.UNAUTHORIZED else error.hint)


def _page(lookup: IndexLookup, project: NormalizedName) -> Listing | LookupFailed:
    try:
        return lookup.listing(project)
    except LookupFailed as error:
        return error


def _outcome(lookup: IndexLookup, pages: _Pages, package: Package) -> UploadEvent | None:
    page = pages[package.project]
    if isinstance(page, LookupFailed):
        return package.event("failed", page.kind, str(page), page.hint)
    try:
        return lookup.find(package, page).event(package)
    except (LookupFailed, FileChanged) as error:
        return package.event("failed", error.kind, str(error))

"""The bytes of index pages: rendered once for each change of a project and each form that is asked for."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from urllib.parse import quote

from packaging.utils import NormalizedName

from pypitool.catalogue.catalogue import Reader
from pypitool.core.index.http import MediaType
from pypitool.core.index.simple_pages import list_html, list_json, project_html, project_json
from pypitool.core.model import HeldFile
from pypitool_server.replay.cache import BoundedCache
from pypitool_server.replay.freshness import EVERYTHING, Freshness

# The middle: level 9 takes three times as long and saves one byte in a hundred of pages full of digests.
GZIP_LEVEL = 6
LOCKS = 64


@dataclass(frozen=True, slots=True)
class Representation:
    """One form of a page, ready to be sent."""

    body: bytes
    content_type: str
    zipped: bool
    etag: str
    serial: int | None = None  # of the last change that it shows, where mirrors ask for that


def represent(plain: bytes, content_type: str, *, zipped: bool, serial: int | None = None) -> Representation:
    """Make the form of a page that a client asked for."""
    # A strong validator differs wherever the answer does: in its bytes, their type or their coding.
    digest = hashlib.sha256(content_type.encode() + b"\0" + plain).hexdigest()[:32]
    if not zipped:
        return Representation(plain, content_type, False, f'"{digest}"', serial)
    # Without the time of day the bytes are the same in each worker, as that validator promises.
    body = gzip.compress(plain, GZIP_LEVEL, mtime=0)
    return Representation(body, content_type, True, f'"{digest}-gzip"', serial)


# Which page (a project, or `EVERYTHING` for the list), its type, whether it is zipped, and whose list it is.
_Key = tuple[str, str, bool, Hashable]
# Of all names, those that are shown.
Seen = Callable[[Iterable[NormalizedName]], Iterable[NormalizedName]]
_Page = tuple[bytes, int]  # a page, and its serial


class RenderedPages:
    """The pages of a catalogue, kept in bounded memory while their projects stand."""

    def __init__(self, catalogue: Reader, freshness: Freshness, *, hash_algo: str, capacity: int) -> None:
        self._catalogue = catalogue
        self._freshness = freshness
        self._hash_algo = hash_algo
        self._kept: BoundedCache[_Key, Representation] = BoundedCache(capacity, freshness.stands)
        # Of all threads that want a page which just changed, one renders it.
        self._renderings = [threading.Lock() for _ in range(LOCKS)]
        freshness.follow(self._kept)

    def project(self, name: NormalizedName, media: MediaType, *, zipped: bool) -> Representation | None:
        """Return the page of a project, or None when we hold no file of it."""
        return self._page(name, media, zipped, lambda: self._render_project(name, media))

    def names(
        self, media: MediaType, *, zipped: bool, seen: Seen = tuple, of: Hashable = None
    ) -> Representation:
        """Return the list of projects, of those that are `seen`; `of` differs where that does.

        It says of each when it changed last, and so it depends on everything.
        """
        page = self._page(EVERYTHING, media, zipped, lambda: self._render_list(media, seen), of)
        assert page is not None
        return page

    def _page(
        self,
        name: str,
        media: MediaType,
        zipped: bool,
        render: Callable[[], _Page | None],
        of: Hashable = None,
    ) -> Representation | None:
        key = (name, media.name, zipped, of)
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        with self._renderings[hash(key) % LOCKS]:
            return self._kept.get(key) or self._rendered(key, media, render)

    def _rendered(
        self, key: _Key, media: MediaType, render: Callable[[], _Page | None]
    ) -> Representation | None:
        # Taken before the catalogue is read: what changes from here on keeps the page from being kept.
        ticket = self._freshness.ticket
        made = render()
        if made is None:
            return None
        plain, serial = made
        page = represent(plain, media.content_type, zipped=key[2], serial=serial)
        self._kept.put(key, page, size=len(page.body), dependencies=key[:1], ticket=ticket)
        return page

    def _render_project(self, name: NormalizedName, media: MediaType) -> _Page | None:
        project = self._catalogue.project(name)
        if project is None:
            return None
        if media.is_json:
            return project_json(project, href=href), project.serial
        return project_html(project, href=href, hash_algo=self._hash_algo), project.serial

    def _render_list(self, media: MediaType, seen: Seen) -> _Page:
        listed = self._catalogue.project_list().among(seen)
        return (list_json if media.is_json else list_html)(listed), listed.serial


def href(file: HeldFile) -> str:
    """Return the address of a file as it stands on its project's page, `/simple/<project>/`."""
    return "../../packages/" + quote(file.location.path)

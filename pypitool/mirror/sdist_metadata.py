"""What sdists say that they depend on: read from what is here, else from the index, else from the sdist.

Nothing is built. What an sdist does not promise (metadata before 2.2, or called dynamic) is not known.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256

from packaging.requirements import InvalidRequirement

from pypitool.archives.archive import read_archive
from pypitool.catalogue.catalogue import Reader
from pypitool.core.errors import PypitoolError
from pypitool.core.filenames import parse
from pypitool.core.guard import Guard
from pypitool.core.limits import METADATA, SDIST_TO_READ
from pypitool.core.metadata import parse_dependencies, parse_metadata
from pypitool.core.mirror.requirement_lines import parse_requirement
from pypitool.core.mirror.selection import Candidate
from pypitool.upstream.answer_bodies import read_pieces
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream_errors import Stopped, UpstreamUnavailable

_MOST_FETCHED = 10  # sdists of one project, in one run


@dataclass(frozen=True, slots=True)
class SdistSays:
    """What an sdist says of itself, and whether its wheels will say the same."""

    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    is_static: bool = False

    def as_metadata(self, candidate: Candidate, more: tuple[str, ...] = ()) -> bytes:
        """Write it as the METADATA of a wheel."""
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {candidate.project}",
            f"Version: {candidate.version}",
            *(f"Requires-Dist: {requirement}" for requirement in (*self.requires, *more)),
            *(f"Provides-Extra: {extra}" for extra in self.extras),
        ]
        return ("\n".join(lines) + "\n\n").encode()


class SdistMetadata:
    """Reads sdists, each once in a run."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[str, SdistSays] = {}
        self._fetched: Counter[str] = Counter()

    def of(self, candidate: Candidate, session: UpstreamSession | None) -> SdistSays:
        """Return what an sdist says; nothing when it cannot be read."""
        if candidate.filename not in self._known:
            self._known[candidate.filename] = self._read(candidate, session)
        return self._known[candidate.filename]

    def _read(self, candidate: Candidate, session: UpstreamSession | None) -> SdistSays:
        def unreadable(error: PypitoolError) -> SdistSays:
            if isinstance(error, Stopped):
                raise error
            return SdistSays()

        return Guard.run(lambda: _said(self._body(candidate, session)), unreadable)

    def _body(self, candidate: Candidate, session: UpstreamSession | None) -> bytes | None:
        digest = candidate.metadata_sha256
        held = self._reader.metadata(digest) if digest is not None else None
        if held is not None or session is None:
            return held
        if digest is not None:
            answer = session.read(f"{candidate.url.partition('#')[0]}.metadata", {}, METADATA.most)
            if answer.status_code == 200:
                return answer.body if sha256(answer.body).hexdigest() == digest else None
        # A resolver that steps back through a hundred releases is not worth a hundred sdists.
        self._fetched[candidate.project] += 1
        return _fetched(candidate, session) if self._fetched[candidate.project] <= _MOST_FETCHED else None


def _fetched(candidate: Candidate, session: UpstreamSession) -> bytes | None:
    """Fetch an sdist and read its PKG-INFO; it is thrown away again."""
    if (candidate.size or 0) > SDIST_TO_READ.most:
        return None
    with (
        tempfile.TemporaryFile(prefix="pypitool-") as file,
        session.get(candidate.url, {"Accept-Encoding": "identity"}) as response,
    ):
        if response.status_code != 200:
            raise UpstreamUnavailable(candidate.url, f"it answers {response.status_code}")
        digest, size = sha256(), 0
        for piece in read_pieces(response, SDIST_TO_READ.most):
            size += len(piece)
            if size > SDIST_TO_READ.most:
                return None
            digest.update(piece)
            file.write(piece)
        file.flush()
        if candidate.sha256 not in (None, digest.hexdigest()):
            return None
        return read_archive(file.fileno(), parse(candidate.filename)).metadata_body


def _said(body: bytes | None) -> SdistSays:
    if body is None:
        return SdistSays()
    said = parse_dependencies(body)
    try:
        requires = tuple(str(parse_requirement(text)) for text in said.requires_dist)
    except InvalidRequirement:
        return SdistSays()
    return SdistSays(requires, parse_metadata(body).provides_extra, said.is_static)

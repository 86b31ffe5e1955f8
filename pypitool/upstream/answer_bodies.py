"""What is sent and what comes back: read to its end, unpacked or as it was sent, no further than allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pypitool.core.inflating import CODINGS, Inflater
from pypitool.upstream.lines import BROKEN
from pypitool.upstream.reasons import short
from pypitool.upstream.upstream_errors import CutShort, UpstreamUnavailable

_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer that was read to its end; without its body, unless it is a 200."""

    url: str  # where it came from at last
    status_code: int
    headers: Mapping[str, str]
    body: bytes
    is_redirect: bool = False  # that was not followed


class Body(Protocol):
    """What is sent: of a known length, in pieces, and as often as it takes."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


class OpenAnswer(Protocol):
    """An answer of which the head was read: one of requests, which does not say so itself."""

    url: str
    raw: Any

    @property
    def headers(self) -> Mapping[str, str]: ...


def read_bounded(response: OpenAnswer, limit: int) -> bytes:
    """Read a whole body, unpacked, or raise when it is longer than `limit`, cut short, or silent."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in (*CODINGS, "", "identity"):
        raise UpstreamUnavailable(response.url, f"its answer is packed as `{coding}`, which nobody asked for")
    inflater, body = Inflater() if coding in CODINGS else None, bytearray()
    for piece in read_pieces(response, limit, _PIECE):
        body += piece if inflater is None else _inflated(response, inflater, piece, limit - len(body))
        if len(body) > limit:
            raise UpstreamUnavailable(response.url, f"its answer is longer than {limit} bytes")
    if inflater is not None and not inflater.is_whole:
        raise CutShort(response.url, "its answer was cut short (what was packed has no end)")
    return bytes(body)


def _inflated(response: OpenAnswer, inflater: Inflater, piece: bytes, room: int) -> bytes:
    try:
        return inflater.take(piece, room)
    except ValueError as error:
        raise CutShort(response.url, f"its answer was cut short ({error})") from error


def read_pieces(response: OpenAnswer, limit: int | None, size: int = 256 * 1024) -> Iterator[bytes]:
    """Read a body piece by piece as it was sent, or raise as `read_bounded` does; None: the caller counts."""
    length = 0
    try:
        # Never decoded: some servers call a `.tar.gz` gzip-encoded, and its hash is of the bytes as they are.
        # And not by urllib3's `stream`, which reads lines without an end where a body comes in chunks.
        while piece := response.raw.read(size, decode_content=False):
            length += len(piece)
            if limit is not None and length > limit:
                raise UpstreamUnavailable(response.url, f"its answer is longer than {limit} bytes")
            yield piece
    except BROKEN as error:
        raise CutShort(response.url, f"its answer was cut short ({short(error)})") from error

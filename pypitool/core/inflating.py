"""Bodies that were packed for the way: unpacked piece by piece, no further than allowed, and to their end."""

from __future__ import annotations

import zlib

CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_EITHER_HEADER = 32 + zlib.MAX_WBITS  # gzip's or zlib's, whichever is there
_GZIP = b"\x1f\x8b"


class Inflater:
    """Unpacks one body."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_EITHER_HEADER)
        self._has_begun = False

    @property
    def is_whole(self) -> bool:
        """Whether what was packed has come to its end, which libraries do not ask for."""
        return self._stream.eof or not self._has_begun

    def take(self, piece: bytes, room: int) -> bytes:
        """Return what a piece holds, or a little more than `room` of it; `ValueError`: it is not packed."""
        taken = b""
        while piece:
            self._has_begun = True
            try:
                taken += self._stream.decompress(piece, room + 1 - len(taken))
            except zlib.error as error:
                raise ValueError(f"it cannot be unpacked: {error}") from error
            if len(taken) > room:
                break
            piece = self._rest()
        return taken

    def _rest(self) -> bytes:
        # RFC 1952, 2.2: a file of gzip may have several members; what comes after the last one is padding.
        rest = self._stream.unused_data
        if not rest.startswith(_GZIP):
            return b""
        self._stream = zlib.decompressobj(_EITHER_HEADER)
        return rest

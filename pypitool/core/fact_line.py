"""A line of the log of facts: a JSON object in bytes, which ends with a sum over all that is before it.

A disk that flips a bit in `"what":"upload"` would else take an uploader away in silence, and one in `"v":1`
make a line of a newer program. Lines without a sum are older, and count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from zlib import crc32

from pypitool.core.errors import PypitoolError

_END = re.compile(rb',"sum":"([0-9a-f]{8})"\}\s*\Z')


class LineDamaged(PypitoolError):
    """The bytes of a line are not those that were written."""

    sentence = "its sum is wrong"


def to_line(document: Mapping[str, Any]) -> bytes:
    """Return the line of an object that is not empty."""
    body = json.dumps(document, separators=(",", ":")).encode()[:-1]
    return body + b',"sum":"%08x"}\n' % crc32(body)


def sum_of(line: bytes) -> str | None:
    """Return the sum that a line has at its end, whether it is right or not."""
    end = _END.search(line)
    return end and end[1].decode()


def is_torn(line: bytes) -> bool:
    """Tell whether a line is one that a crash cut off: nobody was told that what it says is done.

    Who appends says so when all of it is on the disk, its end included. What somebody wrote without an end,
    in an editor, is an object all the same.
    """
    if line.endswith(b"\n"):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return bool(line)
    return False


def from_line(line: bytes) -> dict[str, Any]:
    """Return the object of a line, without its sum; raise `LineDamaged` where that is wrong."""
    end = _END.search(line)
    if end is not None and crc32(line[: end.start()].lstrip()) != int(end[1], 16):
        raise LineDamaged
    document: dict[str, Any] = json.loads(line)
    # Where it is not at the end somebody wrote into the line.
    if (document.pop("sum", None) is None) != (end is None):
        raise LineDamaged
    return document

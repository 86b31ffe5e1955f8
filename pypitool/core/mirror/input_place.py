"""Where a file of requirements is: on this machine, or at an address."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

# A text is an address, and nothing has been asked there.
InputPlace = Path | str

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # a drive of Windows is one letter


def is_address(text: str) -> bool:
    """Tell whether a text names a place in the net, and no file."""
    return _ADDRESS.match(text) is not None and not text.startswith("file:///")


def input_place(text: str) -> InputPlace:
    """Return what a text names."""
    if is_address(text):
        return text
    return Path(unquote(urlsplit(text).path)) if text.startswith("file:///") else Path(text)


def place_beside(including: InputPlace | None, text: str) -> InputPlace:
    """Return what a line of a file names: relative to that file, as pip takes it.

    What was fetched leads to other addresses only, and never to a file of this machine.
    """
    if isinstance(including, str):
        try:
            return urljoin(including, text)
        except ValueError:
            return text  # `https://[bad`: whoever would fetch it says so
    place = input_place(text)
    folder = including.parent if including is not None else Path()
    return place if isinstance(place, str) else folder / place

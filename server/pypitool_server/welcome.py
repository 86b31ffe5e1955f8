"""A start page of the house's own: an HTML file with the five variables that pypiserver's has."""

from __future__ import annotations

import html
import re
from pathlib import Path

from pypitool import __version__
from pypitool.core.errors import Kind, PypitoolError

# `{{NAME}}` is escaped and `{{!NAME}}` is not; everything else in the file is text, never a template.
_VARIABLE = re.compile(r"\{\{\s*(!?)\s*(URL|VERSION|NUMPKGS|PACKAGES|SIMPLE)\s*\}\}")


class WelcomeUnreadable(PypitoolError):
    """The file with the start page cannot be read."""

    kind = Kind.UNAVAILABLE

    def __str__(self) -> str:
        return "the start page cannot be read; the index itself is at /simple/"


def welcome_page(file: Path, base: str, files: int) -> bytes:
    """Return the page with its variables filled in."""
    try:
        page = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise WelcomeUnreadable from error
    values = {
        "URL": base,
        "VERSION": __version__,
        "NUMPKGS": str(files),
        "PACKAGES": f"{base}packages/",
        "SIMPLE": f"{base}simple/",
    }

    def filled(found: re.Match[str]) -> str:
        value = values[found[2]]
        return value if found[1] else html.escape(value)

    return _VARIABLE.sub(filled, page).encode()

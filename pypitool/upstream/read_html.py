"""A project's page in HTML (PEP 503), read by a reader of our own.

A run reads hundreds of pages. pypi-simple takes 250 ms to import and six times as long for a page, so it
reads what our reader finds odd and nothing else.
"""

from __future__ import annotations

from packaging.utils import NormalizedName

from pypitool.core.text import printable
from pypitool.core.versions import parsed
from pypitool.upstream.html_bounds import refuse_endless
from pypitool.upstream.html_odd import read_odd_links
from pypitool.upstream.html_reader import read_links
from pypitool.upstream.listing import ParsedPage
from pypitool.upstream.read_page import known_status

_CHARSETS = ("iso-8859-1", "latin-1", "us-ascii", "windows-1252")


def read_html_page(project: NormalizedName, body: bytes, url: str, charset: str | None) -> ParsedPage:
    """Read a page, or raise `ValueError` that says what is wrong with it."""
    text = _decoded(body, charset)
    refuse_endless(text)
    page = read_links(text, url) or read_odd_links(project, text, url)
    _refuse_newer(page.declared.get("repository-version", "1.0"))
    status = known_status(page.declared.get("project-status"))
    return ParsedPage(page.entries, status, page.declared.get("project-status-reason"))


def _refuse_newer(version: str) -> None:
    # PEP 629, as PEP 691 has it for JSON; but a version before 1 has always been read.
    known = parsed(version)
    if known is None or (known.epoch, known.major) > (0, 1):
        raise ValueError(f"its repository-version is '{printable(version)}', not 1.x")


def _decoded(body: bytes, charset: str | None) -> str:
    # Only what a page really is written in: a server may name any of Python's codecs, odd and slow ones too.
    named = (charset or "").lower()
    try:
        return body.decode(named if named in _CHARSETS else "utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")

"""The links of a page of HTML (PEP 503), read as pip reads them: the standard library's tokens, one by one.

No tree is built and no depth followed: 0.25 s of importing and nine tenths of the time are saved. What a
link says where tags, comments or references stand within its text depends on that tree; a page with such a
link is *odd*, and pypi-simple reads it. Everything else it would read the same, which the tests compare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from pypitool.upstream.listing import ListedFile, joined

# The text of a link within them is not what it says: it is shown to nobody, or beside another.
_HIDING = frozenset(("rp", "rt", "template"))
# Without a space or a control character, which addresses lose when they are read.
_PLAIN_ADDRESS = re.compile(r"[!-~]*")
_METADATA = re.compile(r"(\w+)=([0-9A-Fa-f]+)")

Attributes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """What stands on a page: its files, and what its `meta` elements declare under `pypi:`."""

    entries: tuple[ListedFile, ...]
    declared: Mapping[str, str]  # the first of each name


def read_links(page: str, url: str) -> HtmlPage | None:
    """Read a page, None for an odd one; raise `ValueError` for one that no parser takes."""
    reader = _Reader()
    try:
        reader.feed(page)
        reader.close()
    except AssertionError as error:  # a marked section of a kind that older versions of Python do not know
        raise ValueError(f"it is no HTML: {error}") from None
    if reader.is_odd:
        return None
    base = None if reader.base is None else urljoin(url, reader.base)
    return HtmlPage(tuple(_files(reader.links, base)), reader.declared)


class _Reader(HTMLParser):
    """Collects links with their texts, the first `base`, and declarations."""

    def __init__(self) -> None:
        # As pypi-simple's parser sets it, so that both see the same tokens.
        super().__init__(convert_charrefs=False)
        self.links: list[tuple[Attributes, str]] = []
        self.declared: dict[str, str] = {}
        self.base: str | None = None
        self.is_odd = False
        self._link: Attributes | None = None  # whose text is being read
        self._text: list[str] = []

    def updatepos(self, i: int, j: int) -> int:
        """Count no lines: nobody asks for them."""
        return j

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._odd_within_link()
        if tag == "a":
            self._begin(_attributes(attrs))
        elif tag == "base" and self.base is None:
            self.base = _attributes(attrs).get("href")
        elif tag == "meta":
            self._declare(_attributes(attrs))
        elif tag in _HIDING:
            self.is_odd = True

    def handle_endtag(self, tag: str) -> None:
        if self._link is None:
            return
        if tag == "a":
            self.links.append((self._link, "".join(self._text).strip()))
            self._link = None
        else:
            self.is_odd = True

    def handle_data(self, data: str) -> None:
        if self._link is not None:
            self._text.append(data)

    def close(self) -> None:
        super().close()
        self._odd_within_link()

    def handle_charref(self, name: str) -> None:
        self._odd_within_link()

    def handle_entityref(self, name: str) -> None:
        self._odd_within_link()

    def handle_comment(self, data: str) -> None:
        self._odd_within_link()

    def handle_decl(self, decl: str) -> None:
        self._odd_within_link()

    def handle_pi(self, data: str) -> None:
        self._odd_within_link()

    def unknown_decl(self, data: str) -> None:
        self._odd_within_link()

    def _odd_within_link(self, *_token: object) -> None:
        if self._link is not None:
            self.is_odd = True

    def _begin(self, attributes: Attributes) -> None:
        if "href" in attributes:
            self._link, self._text = attributes, []

    def _declare(self, attributes: Attributes) -> None:
        name = attributes.get("name", "")
        if name.startswith("pypi:") and "content" in attributes:
            self.declared.setdefault(name.removeprefix("pypi:"), attributes["content"])


def _attributes(found: list[tuple[str, str | None]]) -> Attributes:
    # Of those with the same name the last counts, for pip too.
    return {name: value or "" for name, value in found}


def _files(links: list[tuple[Attributes, str]], base: str | None) -> Iterator[ListedFile]:
    for attributes, text in links:
        url, fragment = _address(attributes["href"])
        algorithm, _, digest = fragment.partition("=")
        yield ListedFile(
            filename=text,
            url=url if base is None else joined(base, url),
            hashes={algorithm: digest} if digest else {},
            requires_python=attributes.get("data-requires-python"),
            yanked=attributes.get("data-yanked"),
            metadata_sha256=_metadata(attributes.get("data-core-metadata", "")),
        )


def _address(href: str) -> tuple[str, str]:
    if _PLAIN_ADDRESS.fullmatch(href):
        url, _, fragment = href.partition("#")
        return url, fragment
    try:
        split = urlsplit(href)
    except ValueError:
        return href, ""  # of `http://[bad` whoever fetches it complains, as with JSON
    return split._replace(fragment="").geturl(), split.fragment


def _metadata(value: str) -> str | None:
    found = _METADATA.fullmatch(value)
    return found[2] if found is not None and found[1] == "sha256" else None

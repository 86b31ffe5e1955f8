"""What a page of HTML may cost: looked at before it is parsed, in time that is in line with its length.

pypi-simple's parsers need the square of it for what is nested, and for tags and comments that do not end:
5,000 links that are never closed take five seconds, 100,000 half an hour.
"""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

from pypitool.core.limits import HTML_BROKEN, HTML_NESTING, HTML_REFERENCES, HTML_SEARCHED, HTML_TAGS

# They have no end, so nothing is inside them (HTML, 13.1.2).
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)


def refuse_endless(page: str) -> None:
    """Raise `ValueError` for a page that would keep a parser busy."""
    tags = page.count("<")
    if tags > HTML_TAGS.most:
        raise ValueError(f"it has more than {HTML_TAGS.most} tags")
    if page.count("&") > HTML_REFERENCES.most:
        raise ValueError(f"it has more than {HTML_REFERENCES.most} references to characters")
    broken = sum(map(_is_broken, page.split("<")[1:]))
    # For the end of each the rest of the page is searched.
    if broken > HTML_BROKEN.most or broken * len(page) > HTML_SEARCHED.most:
        raise ValueError("its tags do not end")
    if any("-->" not in piece for piece in page.split("<!--")[1:]):
        raise ValueError("a comment in it does not end")
    if not all(map(_has_section_end, page.split("<![")[1:])):
        raise ValueError("a marked section in it does not end")
    if tags * tags // 2 > HTML_NESTING.most:
        _Nesting().feed(page)


def _is_broken(piece: str) -> bool:
    return ">" not in piece and not piece.startswith("!--")


def _has_section_end(piece: str) -> bool:
    # `<![CDATA[` and `<![if`: each that is left open is looked for an end to the end of the page.
    return ("]]>" if piece[:6].upper() == "CDATA[" else "]>") in piece


class _Nesting(HTMLParser):
    """Adds up the depths of all tags, by the tokens that the real parser will see."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self._names: Counter[str] = Counter()
        self._sum = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._sum += len(self._open)
        if self._sum > HTML_NESTING.most:
            raise ValueError(f"its tags are nested {len(self._open)} deep")
        if tag not in _VOID:
            self._open.append(tag)
            self._names[tag] += 1

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self._sum += len(self._open)

    def handle_endtag(self, tag: str) -> None:
        # What was never opened ends nothing; what is still open inside ends with it.
        while self._names[tag]:
            ended = self._open.pop()
            self._names[ended] -= 1
            if ended == tag:
                break

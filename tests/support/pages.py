"""Read HTML pages with a parser that knows nothing of ours."""

from __future__ import annotations

from html.parser import HTMLParser


def link_texts(page: str) -> list[str]:
    """The texts of the links of a page."""
    parser = _Links()
    parser.feed(page)
    return parser.texts


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "a"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts.append(data)

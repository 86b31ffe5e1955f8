"""What is refused of HTML is what would take a parser for ever; honest pages pass."""

from __future__ import annotations

import pytest

from pypitool.upstream.html_bounds import refuse_endless

LINK = '<a href="a-1.0.tar.gz#sha256=00">a-1.0.tar.gz</a>'


@pytest.mark.parametrize(
    "page",
    [
        "",
        f"{LINK}<br/>\n" * 40_000,
        f"<ul>{f'<li>{LINK}' * 5000}</ul>",
        f"<table>{f'<tr><td>{LINK}<td>now' * 2000}</table>",
        f"<!-- made by hand -->{LINK}<p>1 < 2</p>",
        f"<p>{LINK}</div>" * 3000,
        f"{LINK}<!-- <a>old</a> -->" * 3000,
        f"<script>if (a < b) {{ }}</script>{LINK}",
    ],
    ids=[
        "nothing",
        "flat",
        "items without an end",
        "rows without an end",
        "comment",
        "paragraphs",
        "links in comments",
        "script",
    ],
)
def test_an_honest_page_passes(page: str) -> None:
    refuse_endless(page)


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("<div>" * 300_000, "nested"),
        ("<div></p>" * 200_000, "nested"),
        ("<div><!--</div>-->" * 100_000, "nested"),
        ('<div><p x="</div>">' * 100_000, "do not end"),
        ('<a href="x">' * 100_000, "nested"),
        ("<br>" * 500_001, "tags"),
        ("<a " * 40_000, "do not end"),
        ("<a b='" * 40_000, "do not end"),
        ("<!-- >" * 40_000, "comment"),
    ],
)
def test_what_would_take_for_ever_is_refused(page: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        refuse_endless(page)

"""What is refused of HTML is what would take a parser for ever; honest pages pass."""

from __future__ import annotations

import pytest

from pypitool.upstream.html_bounds import refuse_endless

LINK = '<a href="a-1.0.tar.gz#sha256=00">a-1.0.tar.gz</a>'


HONEST = {
    "nothing": "",
    "flat": f"{LINK}<br/>\n" * 40_000,
    "items without an end": f"<ul>{f'<li>{LINK}' * 5000}</ul>",
    "rows without an end": f"<table>{f'<tr><td>{LINK}<td>now' * 2000}</table>",
    "comment": f"<!-- made by hand -->{LINK}<p>1 < 2</p>",
    "paragraphs": f"<p>{LINK}</div>" * 3000,
    "links in comments": f"{LINK}<!-- <a>old</a> -->" * 3000,
    "many specifiers": f'<a href="a-1.tar.gz" data-requires-python="&gt;=3&lt;4">a-1.tar.gz</a>{LINK}\n'
    * 80_000,
    "a few odd signs on a large page": f"{LINK}\n" * 80_000 + "<p>1 < 2 < 3</p>" * 10,
    "script": f"<script>if (a < b) {{ }}</script>{LINK}",
    "marked sections": f"<![if !IE]>{LINK}<![endif]><![CDATA[ x > ]]>",
}


@pytest.mark.parametrize("page", HONEST.values(), ids=HONEST.keys())
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
        ("<a>" + "b<" * 900 + "b" * 1_000_000, "do not end"),
        (("<a b='" + "b" * 4000) * 900, "do not end"),
        ("<a>" + "&" * 2_000_000, "references"),
        ("<!-- >" * 40_000, "comment"),
        ("<![CDATA[>" * 40_000, "marked section"),
        ("<![CDATA[x]>" * 40_000, "marked section"),
        ("<![if>" * 40_000, "marked section"),
    ],
)
def test_what_would_take_for_ever_is_refused(page: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        refuse_endless(page)

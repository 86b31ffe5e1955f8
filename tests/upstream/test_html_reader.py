"""Our reader of HTML against pypi-simple: on the pages of the tests, on odd ones, and on mutants of both."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import urljoin, urlparse

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from bench.sync.offerings import real_sized
from bench.sync.pages import html_page as bench_page
from pypitool.core.model import ProjectStatus
from pypitool.core.versions import parsed
from pypitool.upstream.html_bounds import refuse_endless
from pypitool.upstream.html_odd import read_odd_links
from pypitool.upstream.html_reader import HtmlPage, read_links
from pypitool.upstream.listing import ListedFile
from pypitool.upstream.read_html import read_html_page
from tests.core.index.test_simple_pages import HTML_PAGE
from tests.support.upstream import Dialect, Index, Offer, html_page
from tests.upstream.test_html_bounds import HONEST

URL = "https://index.example/simple/foo/"
FOO = canonicalize_name("foo")
A = "a" * 64
LINK = f'<a href="../../packages/foo-1.0.tar.gz#sha256={A}">foo-1.0.tar.gz</a>'

# As indexes write them: the public one, devpi, proxies, and web servers over a directory.
PAGES = {
    "ours": HTML_PAGE,
    "bench": bench_page("real-000", real_sized()[0].files).decode(),
    "tests": html_page(
        Index({"foo": [Offer("foo-1.0.tar.gz", b"", ">=3.9,<4", "a & b"), Offer("foo-2.0.zip", b"")]}), "foo"
    ),
    "no hashes": html_page(
        Index({"foo": [Offer("foo-1.0.tar.gz", b"")]}, dialect=Dialect(json=False, hashes=False)), "foo"
    ),
    "yanked": '<a href="foo-1.0.zip" data-yanked="">foo-1.0.zip</a><a href="b" data-yanked>b</a>',
    "everything": f'<A HREF="foo.whl#SHA256={A}" data-requires-python="&gt;=3.8" DATA-YANKED="no &quot;"'
    f' data-core-metadata="sha256={A}" data-dist-info-metadata="true" data-gpg-sig="false"\n >foo.whl</A >',
    "metadata without a digest": '<a href="foo.whl" data-core-metadata="true">foo.whl</a>',
    "metadata of another digest": f'<a href="foo.whl" data-core-metadata="sha512={A}">foo.whl</a>',
    "base": f'<base><base target="x"><base href="/mirror/"><base href="/other/">{LINK}<a href="z">z</a>',
    "base below": f'{LINK}<base href="https://other.example/x/y">',
    "empty base": f'<base href><base href="/other/">{LINK}',
    "declared": '<meta name="pypi:repository-version" content="1.4"><meta content="archived"'
    ' name="pypi:project-status"><meta name=pypi:project-status-reason content="old &amp; tired">'
    f'<meta name="pypi:tracks"><meta content="x"><meta name="description" content="y">{LINK}',
    "nginx": f"<html><head><title>Index of /</title></head><body><h1>Index of /</h1><hr><pre>"
    f'<a href="../">../</a>\r\n{LINK}   01-Jan-2026 10:00   1234\r\n</pre><hr></body></html>',
    "apache": f'<table><tr><th><img src="x.gif" alt="[ICO]"></th><th><a href="?C=N;O=D">Name</a></th></tr>'
    f"<tr><td>{LINK}</td><td>&nbsp;</td></tr></table>",
    "devpi": f'<!DOCTYPE html><html><body><h1>links</h1><a href="../../team/dev/+f/aaa/foo-1.0.tar.gz#md5=0"'
    f' rel="internal" class="a b">foo-1.0.tar.gz</a><br/>\n{LINK}<br>\n</body></html>',
    "no href": f'<a name="top"><h1>x</h1></a>{LINK}<a>x</a>',
    "nested elements": f"<ul><li><p>{LINK}<li>{LINK}</ul></div></p>",
    "a comment, and what is in it": f"<!-- {LINK} -->{LINK}",
    "scripts": f"<script>'{LINK}' && \"</a>\"</script><style>a > b {{}}</style>{LINK}<script/>{LINK}",
    "a title": f"<title>a <b> {LINK} </title>{LINK}<textarea>{LINK}</textarea>",
    "spaces": f'<a href=" \tfoo 1.0.zip#sha256={A}&egg=x ">\n foo-1.0.zip\t</a>',
    "not quoted": "<a href=foo-1.0.zip#sha256=00>foo-1.0.zip</a><a href='x>y'>x</a><a href=x/>x</a>",
    "twice": '<a href="a" href="b" data-yanked data-yanked="c">x</a>',
    "no file": '<a href="">x</a><a href="#a=b">y</a><a href="?q">z</a><a href>v</a>',
    "escapes": '<a href="a%2Fb+c.zip?x=1&amp;y=2#sha256=0&amp;0">a b</a><a href="&#x66;oo&eacute;.zip">x</a>',
    "other schemes": '<a href="FTP://x/y">a</a><a href="mailto:a@b">b</a><a href="//other.example/c">c</a>',
    "accents": '<a href="/ö/foo-1.0.zip">foo-1.0.zip</a><p>é</p>',
    "text outside": f"a & b &amp; c &#38; d < e {LINK} &",
    "declarations": f"<?xml version='1.0'?><!DOCTYPE html [<!ENTITY x 'y'>]><![if IE]>{LINK}<![endif]>",
    "stray ends": f"</a></a>{LINK}</a></b></br>{LINK}",
    "an empty link": '<a href="foo-1.0.zip"/>foo-1.0.zip</a>',
    "cut off": f"{LINK}<a href=",
    "no html": "Not here.",
    **{name: page for name, page in HONEST.items() if len(page) < 500_000},
}  # fmt: skip

# What a link says here depends on the tree, so pypi-simple builds it.
ODD = {
    "a tag in a link": ('<a href="x"><b>foo</b>-1.0</a>', ["foo-1.0"]),
    "a break in a link": ('<a href="x">foo<br>-1.0</a>', ["foo-1.0"]),
    "an end in a link": ('<div><a href="x">foo</div>-1.0</a>', ["foo"]),
    "a link in a link": ('<a href="x">foo<a href="y">bar</a></a>', ["foobar", "bar"]),
    "a link without an end": ('<a href="x">foo <p>bar', ["foo bar"]),
    "a comment in a link": ('<a href="x">foo<!-- not this -->-1.0</a>', ["foo-1.0"]),
    "a reference in a link": ('<a href="x">foo&amp;bar</a>', ["foo&bar"]),
    "a number in a link": ('<a href="x">foo&#45;1.0</a>', ["foo-1.0"]),
    "a declaration in a link": ('<a href="x">foo<!DOCTYPE x>-1.0</a>', ["foo-1.0"]),
    "an instruction in a link": ('<a href="x">foo<?x?>-1.0</a>', ["foo-1.0"]),
    "a link in a template": ('<template><a href="x">foo</a></template><a href="y">bar</a>', ["", "bar"]),
    "a link beside a ruby": ('<rt><a href="x">foo</a></rt>', [""]),
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_a_page_is_read_without_pypi_simple_and_as_it_reads_it(page: str) -> None:
    assert compared(page) is not None


@pytest.mark.parametrize(("page", "texts"), ODD.values(), ids=ODD.keys())
def test_where_the_text_of_a_link_depends_on_the_tree_pypi_simple_reads_the_page(
    page: str, texts: list[str]
) -> None:
    assert read_links(page, URL) is None
    read = read_html_page(FOO, page.encode(), URL, None)
    assert [entry.filename for entry in read.entries] == texts


PIECES = [
    *re.findall(r"<[^>]*>|[^<]+", "".join(page for page in PAGES.values() if len(page) < 2000)),
    *re.findall(r"<[^>]*>|[^<]+", "".join(page for page, _ in ODD.values())),
    *("<", ">", "&", "'", '"', "</", "<!", "<!--", "-->", "<?", "<![", "]]>", "]>", "&#", "&lt", "\x00"),
    *("\n", "<rp>", "<template>", "</template>", "<pre>", "<a\x0bhref=x>", "<a/href=x>", "</A>"),
]  # fmt: skip
# Fewer of them, for pages where each is next to each.
SHORT = (
    "<a href=x>",
    "</a>",
    "foo",
    "<b>",
    "</b>",
    "<br>",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    "<base href=/y/>",
)


@given(st.lists(st.one_of(st.sampled_from(SHORT), st.sampled_from(PIECES)), max_size=30))
def test_pages_put_together_from_pieces_are_read_as_pypi_simple_reads_them(pieces: list[str]) -> None:
    compared("".join(pieces))


@pytest.mark.parametrize("seed", range(20))
def test_pages_with_pieces_cut_out_doubled_and_swapped_are_read_as_pypi_simple_reads_them(seed: int) -> None:
    chance = random.Random(seed)
    pages = [page for page in PAGES.values() if len(page) < 2000]

    for _ in range(60):
        page = chance.choice(pages)
        for _ in range(chance.randrange(1, 6)):
            page = mutated(page, chance)
        compared(page)


def test_an_address_that_is_none_hurts_no_other_link() -> None:
    # pypi-simple refuses the page for it; in JSON it hurts nobody either.
    page = read_html_page(FOO, f'<a href="http://[bad">x</a>{LINK}'.encode(), URL, None)

    assert [entry.filename for entry in page.entries] == ["x", "foo-1.0.tar.gz"]


@pytest.mark.parametrize("section", ["<![bad x]>", '<a href="x">a<b></b></a><![bad x]>'])
def test_a_page_that_pythons_parser_gives_up_on_is_an_odd_page_and_no_crash(section: str) -> None:
    # Python gives up until 3.13, and reads on in its last versions.
    with suppress_no_html():
        assert read_html_page(FOO, f"{LINK}{section}".encode(), URL, None).entries


@pytest.mark.parametrize("version", ["2.0", "1!1.0", "new"])
def test_a_page_of_a_newer_version_is_refused(version: str) -> None:
    page = f'<meta name="pypi:repository-version" content="{version}">{LINK}'

    with pytest.raises(ValueError, match=f"'{version}', not 1.x"):
        read_html_page(FOO, page.encode(), URL, None)


@pytest.mark.parametrize("link", [LINK, '<a href="x"><b>x</b></a>'], ids=["plain", "odd"])
@pytest.mark.parametrize(
    ("word", "status"), [("quarantined", ProjectStatus.QUARANTINED), ("sleeping", ProjectStatus.ACTIVE)]
)
def test_the_status_of_a_project_is_read_and_an_unknown_one_forbids_nothing(
    link: str, word: str, status: ProjectStatus
) -> None:
    page = f'<meta name="pypi:project-status" content="{word}">{link}'

    assert read_html_page(FOO, page.encode(), URL, None).status is status


@pytest.mark.process
def test_a_plain_page_does_not_import_pypi_simple() -> None:
    program = (
        "import sys; from pypitool.upstream.read_html import read_html_page as read;"
        f"assert read('foo', {LINK.encode()!r}, {URL!r}, None).entries;"
        "assert not {'pypi_simple', 'bs4'} & sys.modules.keys()"
    )

    subprocess.run([sys.executable, "-c", program], check=True)


def compared(page: str) -> HtmlPage | None:
    """Read a page with both; None where ours leaves it to pypi-simple, or a bound refuses it."""
    try:
        refuse_endless(page)
        ours = read_links(page, URL)
    except ValueError:
        return None
    if ours is None:
        return None
    if is_refused_by_them(ours):
        with pytest.raises(ValueError):  # noqa: PT011 of each kind
            quietly(partial(read_odd_links, FOO, page, URL))
        return ours
    theirs = quietly(partial(read_odd_links, FOO, page, URL))
    assert [absolute(entry) for entry in ours.entries] == [absolute(entry) for entry in theirs.entries]
    assert ours.declared == theirs.declared
    return ours


@contextmanager
def suppress_no_html() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        if "no HTML" not in str(error):
            raise


def quietly(read: Callable[[], HtmlPage]) -> HtmlPage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of newer minor versions, and of what looks like XML
        return read()


def absolute(entry: ListedFile) -> ListedFile:
    # As it will be asked for. pypi-simple joins at once, we when a file is wanted.
    return entry._replace(url=urlparse(urljoin(URL, entry.url))._replace(fragment="").geturl())


def is_refused_by_them(page: HtmlPage) -> bool:
    """Whether an address is none, or the version is bad: the one hurts only itself, the other comes later."""
    version = parsed(page.declared.get("repository-version", "1.0"))
    try:
        for entry in page.entries:
            absolute(entry)
    except ValueError:
        return True
    return version is None or (version.epoch, version.major) > (0, 1)


def mutated(page: str, chance: random.Random) -> str:
    pieces = re.findall(r"<[^>]*>|[^<]+|<", page)
    first, second = sorted((chance.randrange(len(pieces) + 1), chance.randrange(len(pieces) + 1)))
    middle = pieces[first:second]
    return "".join(
        chance.choice(
            (
                [*pieces[:first], *pieces[second:]],
                [*pieces[:first], *middle, *middle[:9], *pieces[second:]],
                [*pieces[:first], *reversed(middle), *pieces[second:]],
                [*pieces[:first], chance.choice(PIECES), *pieces[first:]],
                [*pieces[:first], *(piece[:-1] for piece in middle), *pieces[second:]],
            )
        )
    )

"""Pages for people: what they show, and what they never let through."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import pytest
from pypi_simple import ProjectPage

from pypitool import __version__
from pypitool.core.fact import Actor
from pypitool.core.model import ProjectStatus
from pypitool.core.names import normalize
from pypitool.repository.releases import set_status, yank
from pypitool.repository.repository import Repository
from pypitool_server.views.pages import FEW_FILES
from tests.server.site import Site, basic, make_site
from tests.support.wheels import build_wheel

ROOT = Actor("local:root")
PAGES = ["/", "/packages/", "/project/acme-core/", "/search", "/search?q=acme", "/search?q=nothing"]

HOSTILE = b"""\
Metadata-Version: 2.1
Name: hostile
Version: 1.0
Summary: <script>alert(1)</script>
Author: "><img src=x onerror=alert(2)>
Home-page: javascript:alert(3)
Project-URL: Docs, data:text/html,<script>alert(4)</script>
Project-URL: "><b>Source, https://example.invalid/?"onclick="alert(5)
Requires-Dist: <i>x</i>

</pre><script>alert(6)</script>
"""


class Tags(HTMLParser):
    """The tags of a page, its links, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        return [value for tag, name, value in self.attributes if (tag, name) == ("a", "href")]


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_may_load_nothing_but_the_page_itself(shared_site: Site, path: str) -> None:
    answer = shared_site.get(path)

    policy = answer.headers["Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "script" not in Tags(answer.text).names


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_a_page_leads_somewhere(shared_site: Site, path: str) -> None:
    links = {urljoin(f"http://localhost{path}", link) for link in Tags(shared_site.get(path).text).links()}

    statuses = {
        link: shared_site.get(link).status_code for link in links if link.startswith("http://localhost/")
    }

    assert statuses
    assert set(statuses.values()) == {200}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_what_a_screen_reader_needs(shared_site: Site, path: str) -> None:
    page = Tags(shared_site.get(path).text)

    assert ("html", "lang", "en") in page.attributes
    assert page.names.count("h1") == page.names.count("main") == 1
    labelled = {value for tag, name, value in page.attributes if (tag, name) == ("label", "for")}
    assert {value for tag, name, value in page.attributes if (tag, name) == ("input", "id")} <= labelled


def test_the_start_page_counts_and_names_nobody(shared_site: Site) -> None:
    page = Tags(shared_site.get("/").text)

    assert "3 projects" in page.text
    assert "acme" not in page.text


@pytest.mark.parametrize(
    ("base", "host", "trusted"),
    [("http", "pkgs.lan:8080", True), ("https", "pkgs.lan", False), ("http", "localhost:8080", False)],
)
def test_the_start_page_says_how_clients_reach_it(
    shared_site: Site, base: str, host: str, trusted: bool
) -> None:
    answer = shared_site.client.get("/", base_url=f"{base}://{host}/")

    assert f"index-url = {base}://{host}/simple/" in answer.text
    assert ("trusted-host = pkgs.lan\n" in answer.text.replace("</pre>", "\n")) is trusted


def test_pages_but_the_start_page_need_the_right_to_list(repository: Repository) -> None:
    site = make_site(repository, authenticate=("list", "update"))

    without = {path: site.get(path).status_code for path in PAGES}
    known = {path: site.get(path, Authorization=basic()).status_code for path in PAGES}

    assert without == {path: 200 if path == "/" else 401 for path in PAGES}
    assert set(known.values()) == {200}


def test_what_a_package_says_of_itself_is_only_text(site: Site) -> None:
    build_wheel(site.packages, "hostile", "1.0", metadata=HOSTILE)
    site.scan()

    for path in ("/project/hostile/", "/search?q=hostile"):
        page = Tags(site.get(path).text)

        assert not {"script", "img", "b", "i"} & set(page.names)
        assert not any(name.startswith("on") for _, name, _ in page.attributes)
        assert not any(link.startswith(("javascript:", "data:")) for link in page.links())
        assert "<script>alert(1)</script>" in page.text


def test_a_search_has_at_most_twenty_terms(shared_site: Site) -> None:
    statuses = [shared_site.get(f"/search?q={'a+' * number}a").status_code for number in (19, 20)]

    assert statuses == [200, 400]


def test_what_is_searched_for_is_only_text(shared_site: Site) -> None:
    page = Tags(shared_site.get('/search?q="><script>alert(1)</script>').text)

    assert "script" not in page.names
    assert '"><script>alert(1)</script>' in page.text


def test_a_project_page_tells_versions_status_and_yanks(site: Site) -> None:
    yank(site.repository, normalize("acme-core"), "1.0", "broken", ROOT)
    set_status(site.repository, normalize("acme-core"), ProjectStatus.ARCHIVED, "moved away", ROOT)

    page = Tags(site.get("/project/acme-core/").text)

    assert "2.0rc1" in page.text
    assert "yanked: broken" in page.text
    assert "archived: moved away" in page.text
    assert "acme.web>=2" in page.text or "Requires" not in page.text


def test_a_quarantined_project_shows_no_file(site: Site) -> None:
    set_status(site.repository, normalize("acme-core"), ProjectStatus.QUARANTINED, None, ROOT)

    page = Tags(site.get("/project/acme-core/").text)

    assert not [link for link in page.links() if link.endswith((".whl", ".gz"))]


def test_an_unknown_project_is_not_looked_for_elsewhere(shared_site: Site) -> None:
    answer = shared_site.get("/project/nowhere/")

    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_what_browsers_ask_for_by_themselves_is_no_project(shared_site: Site) -> None:
    assert shared_site.get("/favicon.ico").status_code == 404
    assert shared_site.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"


@pytest.mark.parametrize("query", ["acme", "ACME", "Acme_Core", "core%20web"])
def test_search_finds_names_in_any_spelling(shared_site: Site, query: str) -> None:
    page = Tags(shared_site.get(f"/search?q={query}").text)

    assert "project/acme-core/" in {link.removeprefix("./") for link in page.links()}
    assert "project/zope-x/" not in {link.removeprefix("./") for link in page.links()}


def test_the_list_of_files_is_one_that_pip_finds_links_in(shared_site: Site) -> None:
    answer = shared_site.get("/packages/")

    page = ProjectPage.from_html("acme-core", answer.data, "http://localhost/packages/")

    found = [package for package in page.packages if package.package_type]
    assert len(found) == 5
    for package in found:
        assert shared_site.get(package.url).headers["ETag"].strip('"') == package.digests["sha256"]


def test_the_list_of_files_offers_none_of_a_quarantined_project(site: Site) -> None:
    set_status(site.repository, "acme-core", ProjectStatus.QUARANTINED, "malware", Actor("local:root"))

    page = site.get("/packages/").text

    assert "acme_core" not in page
    assert "2 files" in page


def test_a_long_list_of_files_is_sent_while_it_is_made(tmp_path: Path, repository: Repository) -> None:
    site = make_site(repository, threads=2)
    wheel = (site.packages / "zope_x-3.0-py3-none-any.whl").read_bytes()
    for number in range(FEW_FILES):
        folder = site.packages / str(number)
        folder.mkdir()
        (folder / "zope_x-3.0-py3-none-any.whl").write_bytes(wheel)
    site.scan()

    answer = site.get("/packages/")

    assert len(Tags(answer.text).links()) == 1 + FEW_FILES + 5
    assert answer.headers["Cache-Control"] == "no-cache"
    assert not site.last_was_replayed
    assert [site.ask(method, "/packages/").status_code for method in ("HEAD", "GET", "HEAD")] == [200] * 3


class TestWelcome:
    """A start page of the house's own."""

    def test_its_variables_are_filled_in_and_the_rest_is_text(
        self, tmp_path: Path, repository: Repository
    ) -> None:
        page = tmp_path / "welcome.html"
        page.write_text("{{URL}} {{VERSION}} {{ NUMPKGS }} {{!PACKAGES}} {{SIMPLE}} {{UNKNOWN}} % import os")
        site = make_site(repository, welcome=page)

        answer = site.get("/", Host="pkgs.lan")

        base = "http://pkgs.lan/"
        assert (
            answer.text == f"{base} {__version__} 5 {base}packages/ {base}simple/ {{{{UNKNOWN}}}} % import os"
        )
        assert "Content-Security-Policy" not in answer.headers

    def test_it_counts_a_file_that_was_copied_in(self, tmp_path: Path, repository: Repository) -> None:
        page = tmp_path / "welcome.html"
        page.write_text("{{NUMPKGS}}")
        site = make_site(repository, welcome=page)
        before = site.get("/").text

        build_wheel(site.packages, "fresh", "1.0")
        site.scan()

        assert (before, site.get("/").text) == ("5", "6")

    def test_installers_still_get_the_index(self, tmp_path: Path, repository: Repository) -> None:
        page = tmp_path / "welcome.html"
        page.write_text("hello")
        site = make_site(repository, welcome=page)

        listed = site.get("/", Accept="application/vnd.pypi.simple.v1+json").get_json(force=True)

        assert len(listed["projects"]) == 3

    def test_a_file_that_is_gone_is_said_without_its_path(
        self, tmp_path: Path, repository: Repository
    ) -> None:
        site = make_site(repository, welcome=tmp_path / "gone.html")

        answer = site.get("/")

        assert answer.status_code == 503
        assert str(tmp_path) not in answer.text

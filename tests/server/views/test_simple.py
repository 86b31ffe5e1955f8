"""The simple index: what installers read, in every form that they ask for."""

from __future__ import annotations

import gzip
import json
from urllib.parse import quote, urljoin

import pytest
from pypi_simple import DistributionPackage, IndexPage, ProjectPage

from pypitool.core.fact import Actor
from pypitool.core.model import ProjectStatus
from pypitool.core.names import normalize
from pypitool.repository.owners import give_up_name, set_owners
from pypitool.repository.releases import delete, plan_delete, set_status, yank
from pypitool.repository.repository import Repository
from tests.server.site import FALLBACK, HTML, JSON, Site, basic, make_site
from tests.support.repositories import publish_wheel
from tests.support.wheels import build_wheel

ROOT = Actor("local:root")
PAGE = "/simple/acme-core/"
ADDRESS = f"http://localhost{PAGE}"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
PIP = f"{JSON}, {HTML}; q=0.1, text/html; q=0.01"


def read_json(site: Site, path: str = PAGE) -> ProjectPage:
    return ProjectPage.from_json_data(site.get(path, Accept=JSON).get_json(force=True), ADDRESS)


def read_html(site: Site, path: str = PAGE) -> ProjectPage:
    return ProjectPage.from_html("acme-core", site.get(path, Accept=HTML).data, ADDRESS)


def files(page: ProjectPage) -> dict[str, DistributionPackage]:
    return {package.filename: package for package in page.packages}


@pytest.mark.parametrize("accept", [JSON, HTML, "text/html"])
def test_the_list_names_every_project_once_and_normalised(shared_site: Site, accept: str) -> None:
    answer = shared_site.get("/simple/", Accept=accept)

    read = IndexPage.from_json_data(answer.get_json(force=True)) if accept == JSON else None
    index = read or IndexPage.from_html(answer.data)

    assert index.projects == ["acme-core", "acme-web", "zope-x"]
    assert index.repository_version == "1.4"


def test_both_forms_of_a_page_offer_the_same_files(shared_site: Site) -> None:
    as_json, as_html = files(read_json(shared_site)), files(read_html(shared_site))

    assert (
        list(as_json)
        == list(as_html)
        == [
            "acme_core-1.0-py3-none-any.whl",
            "acme_core-1.0.tar.gz",
            "acme_core-2.0rc1-py3-none-any.whl",
        ]
    )
    for name, package in as_html.items():
        other = as_json[name]
        assert package.url.partition("#")[0] == other.url
        assert package.digests == other.digests
        assert package.requires_python == other.requires_python
        assert package.metadata_digests == other.metadata_digests


def test_every_link_of_a_page_leads_to_its_file(shared_site: Site) -> None:
    for package in read_json(shared_site).packages:
        answer = shared_site.get(package.url)

        assert answer.status_code == 200
        assert len(answer.data) == package.size
        assert package.digests == {"sha256": answer.headers["ETag"].strip('"')}


def test_advertised_metadata_is_there(shared_site: Site) -> None:
    advertised = [package for package in read_json(shared_site).packages if package.has_metadata]

    bodies = [shared_site.get(package.metadata_url) for package in advertised]

    assert len(advertised) == 2
    for package, body in zip(advertised, bodies, strict=True):
        assert body.status_code == 200
        assert body.headers["ETag"].strip('"') == (package.metadata_digests or {})["sha256"]
        assert body.data.startswith(b"Metadata-Version:")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (PIP, JSON),
        (JSON, JSON),
        ("application/vnd.pypi.simple.latest+json", JSON),
        (HTML, f"{HTML}; charset=utf-8"),
        ("text/html", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("", "text/html; charset=utf-8"),
        (BROWSER, "text/html; charset=utf-8"),
    ],
)
@pytest.mark.parametrize("path", ["/simple/", PAGE])
def test_the_accept_header_chooses_the_form(
    shared_site: Site, path: str, accept: str, content_type: str
) -> None:
    answer = shared_site.get(path, Accept=accept)

    assert answer.status_code == 200
    assert answer.content_type == content_type


@pytest.mark.parametrize("accept", ["image/png", "application/vnd.pypi.simple.v2+json", "text/html;q=0"])
def test_a_client_that_takes_none_of_the_forms_is_told_which_there_are(
    shared_site: Site, accept: str
) -> None:
    answer = shared_site.get(PAGE, Accept=accept)

    assert answer.status_code == 406
    assert answer.content_type == "text/plain; charset=utf-8"
    assert {JSON, HTML, "text/html"} <= set(answer.text.split())


@pytest.mark.parametrize("written", [JSON, JSON.replace("+", "%2B")])
def test_the_format_in_the_query_beats_the_accept_header(shared_site: Site, written: str) -> None:
    answer = shared_site.get(f"{PAGE}?format={written}", Accept="text/html")

    assert answer.content_type == JSON


@pytest.mark.parametrize("accept", [JSON, HTML, "text/html"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
@pytest.mark.parametrize("path", ["/simple/", PAGE, "/pypi/acme-core/json", "/project/acme-core/"])
def test_a_known_page_is_not_sent_again(shared_site: Site, path: str, accept: str, coding: str) -> None:
    first = shared_site.get(path, Accept=accept, Accept_Encoding=coding)

    second = shared_site.get(path, Accept=accept, Accept_Encoding=coding, If_None_Match=first.headers["ETag"])

    assert first.status_code == 200
    assert second.status_code == 304
    assert second.data == b""
    assert second.headers["ETag"] == first.headers["ETag"]
    assert second.headers["Vary"] == first.headers["Vary"]


def test_every_form_and_coding_has_its_own_strong_etag(shared_site: Site) -> None:
    etags = {
        shared_site.get(PAGE, Accept=accept, Accept_Encoding=coding).headers["ETag"]
        for accept in (JSON, HTML, "text/html")
        for coding in ("gzip", "identity")
    }

    assert len(etags) == 6
    assert not any(etag.startswith("W/") for etag in etags)


def test_every_worker_gives_the_same_bytes_and_etag(site: Site, repository: Repository) -> None:
    other = make_site(repository)

    here, there = (one.get(PAGE, Accept=JSON, Accept_Encoding="gzip") for one in (site, other))

    assert here.data == there.data
    assert here.headers["ETag"] == there.headers["ETag"]


def test_a_compressed_page_holds_the_plain_one(shared_site: Site) -> None:
    plain = shared_site.get(PAGE, Accept=JSON)
    zipped = shared_site.get(PAGE, Accept=JSON, Accept_Encoding="br, gzip")

    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(zipped.data) == plain.data
    assert plain.headers["Vary"] == zipped.headers["Vary"] == "Accept, Accept-Encoding"


def test_compression_hides_no_time_of_day(shared_site: Site) -> None:
    zipped = shared_site.get(PAGE, Accept_Encoding="gzip")

    assert zipped.data[4:8] == bytes(4)


@pytest.mark.parametrize(
    "path", ["/simple/", PAGE, "/simple/Acme.Core", "/simple/nowhere/", "/", "/packages/"]
)
def test_head_says_what_get_says(shared_site: Site, path: str) -> None:
    got, asked = shared_site.ask("GET", path), shared_site.ask("HEAD", path)

    assert asked.data == b""
    assert asked.status_code == got.status_code
    assert dict(asked.headers) == dict(got.headers)


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/simple", "/simple/"),
        ("/simple/acme-core", PAGE),
        ("/simple/Acme.Core", PAGE),
        ("/simple/ACME__core/", PAGE),
        (f"/simple/acme_core?format={quote(JSON)}", f"{PAGE}?format={quote(JSON, safe='')}"),
        ("/acme-core", PAGE),
        ("/Acme.Core/", PAGE),
        ("/packages", "/packages/"),
        ("/project/Acme_Core", "/project/acme-core/"),
        ("/project/Acme_Core/", "/project/acme-core/"),
        ("/Acme_Core/json", "/acme-core/json"),
        ("/pypi/Acme_Core/json", "/pypi/acme-core/json"),
        ("/pypi/Acme_Core/1.0/json/", "/pypi/acme-core/1.0/json/"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mount", ["/", "/priv", "/a/b"])
def test_another_spelling_leads_to_the_right_one_in_one_hop(
    repository: Repository, mount: str, path: str, leads_to: str
) -> None:
    site = make_site(repository, server_base_url=mount)
    prefix = mount.rstrip("/")

    answer = site.get(prefix + path)

    assert answer.status_code in (301, 303)
    target = urljoin(f"http://localhost{prefix}{path}", answer.headers["Location"])
    assert target == f"http://localhost{prefix}{leads_to}"
    assert site.get(target).status_code == 200


def test_a_mount_point_leads_to_its_start_page_and_nothing_lies_outside(repository: Repository) -> None:
    site = make_site(repository, server_base_url="/priv")

    bare = site.get("/priv")

    assert bare.status_code == 301
    assert urljoin("http://localhost/priv", bare.headers["Location"]) == "http://localhost/priv/"
    assert site.get("/simple/").status_code == 404
    assert site.get("/").status_code == 404


@pytest.mark.parametrize("path", ["/simple/nowhere/", "/simple/nowhere", "/simple/No.Where/"])
def test_an_unknown_project_is_looked_for_elsewhere_in_one_hop(shared_site: Site, path: str) -> None:
    project = "no-where" if "No" in path else "nowhere"

    answer = shared_site.get(path)
    old = shared_site.client.get(path, environ_overrides={"SERVER_PROTOCOL": "HTTP/1.0"})

    assert (answer.status_code, old.status_code) == (303, 302)
    assert answer.headers["Location"] == old.headers["Location"] == f"{FALLBACK}{project}/"


def test_the_fallback_is_the_public_index_unless_it_is_set(repository: Repository) -> None:
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    site = make_site(repository, fallback_url=None)

    assert site.get("/simple/nowhere/").headers["Location"] == f"{PYPI_SIMPLE_ENDPOINT}nowhere/"


@pytest.mark.parametrize("path", ["/simple/nowhere/", "/simple/nowhere", "/simple/Secret.Thing/"])
def test_what_may_not_leave_the_house_is_not_found(repository: Repository, path: str) -> None:
    closed = make_site(repository, disable_fallback=True)
    private = make_site(repository, private=("nowhere", "Secret_*"))

    for site in (closed, private):
        answer = site.get(path)

        assert answer.status_code == 404
        assert "Location" not in answer.headers


@pytest.mark.parametrize("name", ["-x", "x-", "%C3%A9", "a b", "a%2Fb", ".", "x" * 300 + "-", "%E2%84%AA"])
def test_what_cannot_be_a_name_goes_nowhere(shared_site: Site, name: str) -> None:
    assert shared_site.get(f"/simple/{name}/").status_code == 404
    assert "Location" not in shared_site.get(f"/simple/{name}").headers


def test_the_root_is_an_index_for_installers(shared_site: Site) -> None:
    listed = shared_site.get("/", Accept=PIP).get_json(force=True)

    assert [project["name"] for project in listed["projects"]] == ["acme-core", "acme-web", "zope-x"]
    assert shared_site.get("/", Accept=HTML).content_type.startswith(HTML)
    assert b"acme" not in shared_site.get("/", Accept=BROWSER).data


def test_a_new_file_shows_at_once_and_another_project_is_not_rendered_again(site: Site) -> None:
    before, other = site.get(PAGE, Accept=JSON), site.get("/simple/zope-x/", Accept=JSON)

    build_wheel(site.packages, "acme-core", "3.0")
    site.scan()
    after, same = site.get(PAGE, Accept=JSON), site.get("/simple/zope-x/", Accept=JSON)

    assert "3.0" in json.loads(after.data)["versions"]
    assert before.headers["ETag"] != after.headers["ETag"]
    assert [seen.replayed for seen in site.seen[-2:]] == [False, True]
    assert same.data == other.data


def test_a_project_that_appears_ends_its_redirect_and_one_that_vanishes_its_page(site: Site) -> None:
    assert site.get("/simple/fresh/").status_code == 303

    wheel = build_wheel(site.packages, "fresh", "1.0")
    site.scan()
    appeared = site.get("/simple/fresh/").status_code, b"fresh" in site.get("/simple/").data
    wheel.unlink()
    site.scan()
    vanished = site.get("/simple/fresh/").status_code, b"fresh" in site.get("/simple/").data

    assert appeared == (200, True)
    assert vanished == (303, False)


def test_a_yank_shows_in_both_forms(site: Site) -> None:
    yank(site.repository, normalize("acme-core"), "1.0", 'has "quotes" & <b>', ROOT)

    for page in (read_json(site), read_html(site)):
        assert [package.is_yanked for package in page.packages] == [True, True, False]
        assert page.packages[0].yanked_reason == 'has "quotes" & <b>'


def test_a_quarantined_project_offers_nothing_and_goes_nowhere_else(site: Site) -> None:
    set_status(site.repository, normalize("acme-core"), ProjectStatus.QUARANTINED, "malware", ROOT)

    page = read_json(site)

    assert (page.status, page.status_reason, page.packages) == ("quarantined", "malware", [])
    assert read_html(site).packages == []


@pytest.mark.parametrize("status", [ProjectStatus.QUARANTINED, ProjectStatus.ARCHIVED])
def test_a_project_with_a_status_stays_ours_when_its_files_are_deleted(
    site: Site, status: ProjectStatus
) -> None:
    set_status(site.repository, "acme-core", status, None, ROOT)
    delete(site.repository, plan_delete(site.repository, "acme-core"), ROOT)

    closed = site.get(PAGE).status_code
    set_status(site.repository, "acme-core", ProjectStatus.ACTIVE, None, ROOT)

    assert (closed, site.get(PAGE).status_code) == (404, 303)


def test_what_was_uploaded_once_is_looked_for_nowhere_else_until_its_name_is_given_up(site: Site) -> None:
    publish_wheel(site.repository, "bob-own", "1.0")
    delete(site.repository, plan_delete(site.repository, "bob-own"), ROOT)

    gone = [
        site.get(path).status_code for path in ("/simple/bob-own/", "/simple/Bob.Own/", "/simple/bob-own")
    ]
    give_up_name(site.repository, "bob-own", ROOT)
    given_up = site.get("/simple/bob-own/")

    assert gone == [404, 404, 404]
    assert (given_up.status_code, given_up.headers["Location"]) == (303, f"{FALLBACK}bob-own/")


def test_a_name_with_an_owner_is_looked_for_nowhere_else(site: Site) -> None:
    before = site.get("/simple/acme-next/").status_code

    set_owners(site.repository, normalize("acme-next"), ["user:ann"], ROOT)

    assert (before, site.get("/simple/acme-next/").status_code) == (303, 404)


def test_a_private_page_says_so_to_caches(repository: Repository) -> None:
    site = make_site(repository, authenticate=("update", "list"))

    answer = site.get(PAGE, Authorization=basic())

    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in answer.headers["Vary"]
    assert site.get(PAGE).status_code == 401

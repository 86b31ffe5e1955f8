"""Pages of the Simple API: byte for byte, and as another parser reads them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypi_simple import IndexPage, ProjectPage

from pypitool.core.index.simple_pages import list_html, list_json, project_html, project_json
from pypitool.core.model import HeldFile, Project, ProjectList, ProjectStatus
from pypitool.core.names import normalize
from tests.core.held import held, href, project_of

BASE = "https://index.example/simple/foo/"
WHEEL = held("foo-1.0-py3-none-any.whl", requires_python=">=3.9,<4", metadata="d" * 64)
SDIST = held("foo-1.0.tar.gz", metadata="e" * 64, yanked='broken & "bad" <b>', signed=True)
NEWER = held("foo-1.10.tar.gz", yanked="")
OLDER = held("foo-1.9.tar.gz", provenance="https://index.example/provenance")
PROJECT = project_of(NEWER, SDIST, OLDER, WHEEL)
LISTED = ProjectList({normalize("a"): 7, normalize("b-c"): 9}, {}, 5)

A, D = "a" * 64, "d" * 64
HTML_PAGE = f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="1.4">
<meta name="pypi:project-status" content="active">
<title>Links for foo</title>
</head>
<body>
<h1>Links for foo</h1>
<a href="../../packages/sub/foo-1.0-py3-none-any.whl#sha256={A}" data-requires-python="&gt;=3.9,&lt;4"\
 data-core-metadata="sha256={D}" data-dist-info-metadata="sha256={D}">foo-1.0-py3-none-any.whl</a><br>
<a href="../../packages/sub/foo-1.0.tar.gz#sha256={A}"\
 data-yanked="broken &amp; &quot;bad&quot; &lt;b&gt;" data-gpg-sig="true">foo-1.0.tar.gz</a><br>
<a href="../../packages/sub/foo-1.9.tar.gz#sha256={A}"\
 data-provenance="https://index.example/provenance">foo-1.9.tar.gz</a><br>
<a href="../../packages/sub/foo-1.10.tar.gz#sha256={A}" data-yanked="">foo-1.10.tar.gz</a><br>
</body>
</html>
"""

JSON_PAGE = (
    '{"meta":{"_last-serial":7,"api-version":"1.4"},"name":"foo","project-status":{"status":"active"},'
    '"versions":["1.0","1.9","1.10"],"files":['
    '{"filename":"foo-1.0-py3-none-any.whl","url":"../../packages/sub/foo-1.0-py3-none-any.whl",'
    f'"hashes":{{"sha256":"{"a" * 64}"}},"requires-python":">=3.9,<4","size":1234,'
    '"upload-time":"2026-01-02T03:04:05.000006Z",'
    f'"core-metadata":{{"sha256":"{"d" * 64}"}},"yanked":false,"provenance":null}},'
    '{"filename":"foo-1.0.tar.gz","url":"../../packages/sub/foo-1.0.tar.gz",'
    f'"hashes":{{"sha256":"{"a" * 64}"}},"size":1234,"upload-time":"2026-01-02T03:04:05.000006Z",'
    '"gpg-sig":true,"yanked":"broken & \\"bad\\" <b>","provenance":null},'
    '{"filename":"foo-1.9.tar.gz","url":"../../packages/sub/foo-1.9.tar.gz",'
    f'"hashes":{{"sha256":"{"a" * 64}"}},"size":1234,"upload-time":"2026-01-02T03:04:05.000006Z",'
    '"yanked":false,"provenance":"https://index.example/provenance"},'
    '{"filename":"foo-1.10.tar.gz","url":"../../packages/sub/foo-1.10.tar.gz",'
    f'"hashes":{{"sha256":"{"a" * 64}"}},"size":1234,"upload-time":"2026-01-02T03:04:05.000006Z",'
    '"yanked":true,"provenance":null}]}'
)


def test_the_html_page_of_a_project_is_written_so() -> None:
    assert project_html(PROJECT, href=href, hash_algo="sha256").decode() == HTML_PAGE


def test_the_json_page_of_a_project_is_written_so() -> None:
    assert project_json(PROJECT, href=href).decode() == JSON_PAGE


def test_another_parser_reads_the_same_files_in_both_forms() -> None:
    as_html = ProjectPage.from_html("foo", project_html(PROJECT, href=href), base_url=BASE)
    as_json = ProjectPage.from_json_data(json.loads(project_json(PROJECT, href=href)), base_url=BASE)

    for page in (as_html, as_json):
        wheel, sdist, older, newer = page.packages
        assert page.repository_version == "1.4"
        assert [package.filename for package in page.packages] == [
            file.filename for file in (WHEEL, SDIST, OLDER, NEWER)
        ]
        assert wheel.url.partition("#")[0] == f"https://index.example/packages/sub/{wheel.filename}"
        assert wheel.digests == {"sha256": "a" * 64}
        assert wheel.requires_python == ">=3.9,<4"
        assert (wheel.has_metadata, wheel.metadata_digests) == (True, {"sha256": "d" * 64})
        assert not sdist.has_metadata
        assert (sdist.is_yanked, sdist.yanked_reason, sdist.has_sig) == (True, 'broken & "bad" <b>', True)
        assert (older.is_yanked, older.provenance_url) == (False, "https://index.example/provenance")
        assert newer.is_yanked


def test_json_tells_sizes_times_and_versions() -> None:
    page = ProjectPage.from_json_data(json.loads(project_json(PROJECT, href=href)), base_url=BASE)

    assert page.versions == ["1.0", "1.9", "1.10"]
    assert page.packages[0].size == 1234
    assert page.packages[0].upload_time == datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone.utc)


def test_the_old_name_of_metadata_is_in_html_only() -> None:
    # pip 22.3 to 23.1 fail at a JSON page that has it (pip#12042).
    assert b"dist-info-metadata" in project_html(PROJECT, href=href)
    assert b"dist-info-metadata" not in project_json(PROJECT, href=href)


@pytest.mark.parametrize(
    ("algo", "fragment"),
    [
        ("sha256", f"#sha256={'a' * 64}"),
        ("blake2b", f"#blake2b={'b' * 64}"),
        ("md5", f"#md5={'c' * 32}"),
        ("off", ""),
    ],
)
def test_links_carry_the_chosen_digest(algo: str, fragment: str) -> None:
    page = project_html(project_of(WHEEL), href=href, hash_algo=algo).decode()

    assert f'href="{href(WHEEL)}{fragment}"' in page


@pytest.mark.parametrize("status", list(ProjectStatus))
def test_the_status_stands_on_both_pages(status: ProjectStatus) -> None:
    project = project_of(WHEEL, status=status, reason="we\ud800 said <so>")

    as_html = ProjectPage.from_html("foo", project_html(project, href=href), base_url=BASE)
    as_json = json.loads(project_json(project, href=href))

    assert as_json["project-status"] == {"status": status.value, "reason": "we? said <so>"}
    assert as_html.status is not None
    assert as_html.status.value == status.value
    assert as_html.status_reason == "we? said <so>"


def test_a_quarantined_project_offers_no_files() -> None:
    project = project_of(WHEEL, SDIST, status=ProjectStatus.QUARANTINED)

    as_json = json.loads(project_json(project, href=href))

    assert (as_json["files"], as_json["versions"]) == ([], ["1.0"])
    assert b"<a " not in project_html(project, href=href)


def test_files_are_ordered_by_version_and_then_by_name() -> None:
    names = [
        "foo-1.0-custom.tar.gz",
        "foo-1.0.dev1.tar.gz",
        "foo-1.0-py2-none-any.whl",
        "foo-1.0-py3-none-any.whl",
        "foo-1.0.tar.gz",
        "foo-1.0.post1.tar.gz",
        "foo-1.9.tar.gz",
        "foo-1.10.tar.gz",
        "foo-1!0.1.tar.gz",
    ]

    page = json.loads(project_json(project_of(*(held(name) for name in reversed(names))), href=href))

    assert [file["filename"] for file in page["files"]] == names


def test_a_project_without_files_has_a_page() -> None:
    assert json.loads(project_json(project_of(), href=href))["files"] == []
    assert b"<h1>Links for foo</h1>" in project_html(project_of(), href=href)


@given(st.text(), st.text(max_size=5))
def test_reasons_stay_inside_their_attribute(reason: str, tail: str) -> None:
    project = project_of(replace(WHEEL, yanked=reason + tail), reason=reason)

    html = project_html(project, href=href)
    as_json = json.loads(project_json(project, href=href))

    assert html.count(b"<a ") == html.count(b"</a>") == 1
    assert html.count(b"<meta ") == (4 if reason else 3)
    assert as_json["files"][0]["yanked"] not in (None, "", False)


@pytest.mark.parametrize("name", ['x"><script>.whl', "a&b;c=d.whl", "ü.whl"])
def test_addresses_stay_inside_their_attribute(name: str) -> None:
    html = project_html(project_of(WHEEL), href=lambda _: name).decode()

    package = ProjectPage.from_html("foo", html, base_url=BASE).packages[0]

    assert package.url.startswith(f"https://index.example/simple/foo/{name}")


def test_the_lists_of_projects_are_written_so() -> None:
    html = list_html(LISTED).decode()

    assert '<a href="a/">a</a><br>\n<a href="b-c/">b-c</a><br>\n' in html
    assert '<meta name="pypi:repository-version" content="1.4">' in html
    assert list_json(LISTED) == (
        b'{"meta":{"_last-serial":9,"api-version":"1.4"},'
        b'"projects":[{"_last-serial":7,"name":"a"},{"_last-serial":9,"name":"b-c"}]}'
    )
    assert list_json(ProjectList({}, {}, 9)) == (
        b'{"meta":{"_last-serial":9,"api-version":"1.4"},"projects":[]}'
    )


def test_another_parser_reads_the_same_projects_in_both_forms() -> None:
    as_html = IndexPage.from_html(list_html(LISTED))
    as_json = IndexPage.from_json_data(json.loads(list_json(LISTED)))

    assert as_html.projects == as_json.projects == ["a", "b-c"]
    assert as_html.repository_version == as_json.repository_version == "1.4"


def test_a_file_of_an_old_kind_is_listed_without_metadata() -> None:
    def with_metadata(file: HeldFile) -> Project:
        return project_of(replace(file, contents=replace(file.contents, metadata_sha256="d" * 64)))

    page = project_json(with_metadata(held("foo-1.0-py2.7.egg")), href=href)

    assert b"core-metadata" not in page

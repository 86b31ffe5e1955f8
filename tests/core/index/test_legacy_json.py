"""Legacy JSON: what inventory tools read."""

from __future__ import annotations

import json

from pypitool.core.index.legacy_json import Document, legacy_document
from pypitool.core.metadata import CoreMetadata
from pypitool.core.model import HeldFile, Project, ProjectStatus
from tests.core.held import held, project_of

SAID = CoreMetadata(
    "Foo",
    "1.0",
    summary="what it does",
    description="long",
    author="A",
    license_expression="MIT",
    classifiers=("A :: B",),
    project_urls=("Home, https://foo.example/?a,b", "Odd"),
    requires_dist=("six",),
    platforms=("any",),
)
KNOWN = {"d" * 64: SAID}
WHEEL = held("foo-1.0-py2.py3-none-any.whl", requires_python=">=3.9", metadata="d" * 64)
SDIST = held("foo-1.0.tar.gz", signed=True)
YANKED = held("foo-2.0.tar.gz", yanked="bad")
PRE = held("foo-3.0rc1.tar.gz")
PROJECT = project_of(SDIST, PRE, YANKED, WHEEL)

INFO = """
author author_email bugtrack_url classifiers description description_content_type docs_url download_url
downloads dynamic home_page keywords license license_expression license_files maintainer maintainer_email
name package_url platform project_url project_urls provides_extra release_url requires_dist
requires_python summary version yanked yanked_reason
"""
FILE = """
comment_text core-metadata digests downloads filename has_sig md5_digest packagetype python_version
requires_python size upload_time upload_time_iso_8601 url yanked yanked_reason
"""


def document(project: Project = PROJECT, version: str | None = None) -> Document:
    """Make the document as the server does."""
    return legacy_document(project, KNOWN.get, url_of, version, "https://index.example/project/foo/")


def url_of(file: HeldFile) -> str:
    """Give a file's full address."""
    return f"https://index.example/packages/{file.location.path}"


def test_every_key_of_the_public_pypi_is_there() -> None:
    found = document()

    assert sorted(found) == ["info", "last_serial", "ownership", "releases", "urls", "vulnerabilities"]
    assert sorted(found["info"]) == INFO.split()
    assert sorted(found["urls"][0]) == FILE.split()
    assert json.loads(json.dumps(found)) == found


def test_the_latest_release_is_described_from_its_metadata() -> None:
    info = document()["info"]

    assert (info["name"], info["version"], info["summary"], info["author"]) == (
        "Foo",
        "1.0",
        "what it does",
        "A",
    )
    assert info["project_urls"] == {"Home": "https://foo.example/?a,b", "Odd": ""}
    assert info["requires_python"] == ">=3.9"
    assert (info["requires_dist"], info["provides_extra"], info["platform"]) == (["six"], None, "any")
    assert info["downloads"] == {"last_day": -1, "last_month": -1, "last_week": -1}
    assert (info["yanked"], info["yanked_reason"]) == (False, None)


def test_files_are_described_as_clients_expect() -> None:
    wheel, sdist = document()["urls"]

    assert wheel["url"] == "https://index.example/packages/sub/foo-1.0-py2.py3-none-any.whl"
    assert (wheel["packagetype"], wheel["python_version"]) == ("bdist_wheel", "py2.py3")
    assert wheel["digests"] == {"blake2b_256": "b" * 64, "md5": "c" * 32, "sha256": "a" * 64}
    assert (wheel["upload_time"], wheel["upload_time_iso_8601"]) == (
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05.000006Z",
    )
    assert (wheel["size"], wheel["has_sig"], wheel["core-metadata"]) == (1234, False, {"sha256": "d" * 64})
    assert (sdist["packagetype"], sdist["python_version"]) == ("sdist", "source")
    assert (sdist["has_sig"], sdist["core-metadata"]) == (True, False)


def test_all_releases_are_listed_in_order_with_their_yanks() -> None:
    releases = document()["releases"]

    assert list(releases) == ["1.0", "2.0", "3.0rc1"]
    assert (releases["2.0"][0]["yanked"], releases["2.0"][0]["yanked_reason"]) == (True, "bad")


def test_one_release_has_no_list_of_releases() -> None:
    found = document(version="2.0.0")

    assert "releases" not in found
    assert found["info"]["version"] == "2.0"
    assert (found["info"]["yanked"], found["info"]["yanked_reason"]) == (True, "bad")
    assert [file["filename"] for file in found["urls"]] == ["foo-2.0.tar.gz"]


def test_two_spellings_of_a_version_are_one_release() -> None:
    project = project_of(held("foo-1.0-py3-none-any.whl"), held("foo-1.0.0.tar.gz"))

    found = document(project)

    assert {version: len(files) for version, files in found["releases"].items()} == {"1.0": 2}
    assert len(found["urls"]) == len(document(project, version="1.0.0")["urls"]) == 2


def test_a_wheel_speaks_for_its_release_before_an_sdist() -> None:
    sdist = held("foo-1.0.tar.gz", metadata="e" * 64)

    found = legacy_document(
        project_of(sdist, WHEEL), {**KNOWN, "e" * 64: CoreMetadata("x", "1.0")}.get, url_of
    )

    assert found["info"]["name"] == "Foo"


def test_a_release_without_metadata_has_its_name_at_least() -> None:
    info = document(version="3.0rc1")["info"]

    assert (info["name"], info["version"], info["summary"], info["classifiers"]) == ("foo", "3.0rc1", "", [])


def test_a_quarantined_project_offers_no_files() -> None:
    found = document(project_of(WHEEL, status=ProjectStatus.QUARANTINED))

    assert found["urls"] == []
    assert found["releases"] == {"1.0": []}
    assert found["info"]["summary"] == "what it does"


def test_a_yank_without_a_reason_has_none() -> None:
    found = document(project_of(held("foo-1.0.tar.gz", yanked="")))

    assert (found["info"]["yanked"], found["info"]["yanked_reason"]) == (True, None)
    assert found["urls"][0]["yanked_reason"] is None


def test_a_project_without_files_has_a_document() -> None:
    assert document(project_of())["info"]["version"] == ""

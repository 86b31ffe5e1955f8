"""Legacy JSON: what inventory tools read."""

from __future__ import annotations

from typing import Any

import pytest

from pypitool.repository.repository import Repository
from tests.server.site import Site, basic, make_site

MANY = "9" * 5000


def read(site: Site, path: str) -> Any:
    answer = site.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    return answer.get_json()


@pytest.mark.parametrize("path", ["/pypi/acme-core/json", "/pypi/acme-core/json/", "/acme-core/json"])
def test_a_project_tells_its_latest_release_and_all_others(site: Site, path: str) -> None:
    document = read(site, path)

    assert document["info"]["name"] == "acme-core"
    assert document["info"]["version"] == "1.0"  # not the release candidate
    assert set(document["releases"]) == {"1.0", "2.0rc1"}
    assert {file["filename"] for file in document["urls"]} == {
        "acme_core-1.0-py3-none-any.whl",
        "acme_core-1.0.tar.gz",
    }


@pytest.mark.parametrize("version", ["2.0rc1", "2.0.0.rc1", "v2.0rc1"])
def test_a_release_tells_of_itself_alone(site: Site, version: str) -> None:
    document = read(site, f"/pypi/acme-core/{version}/json")

    assert document["info"]["version"] == "2.0rc1"
    assert "releases" not in document
    assert [file["filename"] for file in document["urls"]] == ["acme_core-2.0rc1-py3-none-any.whl"]


def test_addresses_are_absolute_and_right(repository: Repository) -> None:
    site = make_site(repository, server_base_url="/priv")

    document = read(site, "/priv/pypi/acme-core/json")

    for file in document["urls"]:
        assert file["url"].startswith("http://localhost/priv/packages/")
        assert site.get(file["url"]).headers["ETag"].strip('"') == file["digests"]["sha256"]
    assert site.get(document["info"]["package_url"]).status_code == 200


def test_metadata_comes_from_the_archive(site: Site) -> None:
    info = read(site, "/pypi/acme-core/1.0/json")["info"]

    assert info["requires_dist"] == ["acme.web>=2"]
    assert info["requires_python"] == ">=3.8"
    assert info["summary"] == "made for a test"


@pytest.mark.parametrize(
    "path",
    [
        "/pypi/nowhere/json",
        "/nowhere/json",
        "/pypi/acme-core/9.9/json",
        "/pypi/acme-core/%0a/json",
        "/-/json",
    ],
)
def test_what_we_do_not_hold_is_not_found_and_not_looked_for_elsewhere(site: Site, path: str) -> None:
    answer = site.get(path)

    assert answer.status_code in (400, 404)
    assert "Location" not in answer.headers


def test_it_needs_the_right_to_list(repository: Repository) -> None:
    site = make_site(repository, authenticate=("list", "update"))

    assert site.get("/pypi/acme-core/json").status_code == 401
    assert site.get("/pypi/acme-core/json", Authorization=basic()).status_code == 200


@pytest.mark.parametrize(
    "version", [MANY, f"1.{MANY}", f"{MANY}!1", f"1.0+{MANY}", f"1.0rc{MANY}"], ids=range(5)
)
@pytest.mark.parametrize(
    "path", ["/pypi/acme-core/{}/json", "/project/acme-core/{}/", "/project/acme-core/{}"]
)
def test_a_version_of_thousands_of_digits_is_not_held(site: Site, path: str, version: str) -> None:
    assert site.get(path.format(version.format(MANY))).status_code == 404

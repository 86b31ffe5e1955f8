"""Without descriptors: a client is told to come back, in every place where they may run out."""

from __future__ import annotations

import os

import pytest
from werkzeug.test import TestResponse

from pypitool.repository.repository import Repository
from tests.server.site import Site, basic, make_site
from tests.support.descriptors import descriptors
from tests.support.forms import upload_form
from tests.support.wheels import Release, build_wheel, sdist_bytes

WHEEL = "/packages/acme_core-2.0rc1-py3-none-any.whl"
LARGE = "/packages/large-1.0-py3-none-any.whl"


@pytest.fixture
def house(repository: Repository) -> Site:
    build_wheel(repository.roots[0], "large", "1.0", extra_files={"noise": os.urandom(200_000)})
    site = make_site(repository, authenticate=("update",))
    site.client.get("/health")  # the client itself reads its version, once
    return site


def upload(house: Site, number: int) -> TestResponse:
    form = upload_form(f"new-1.{number}.tar.gz", sdist_bytes(Release("new", f"1.{number}")))
    return house.client.post(
        "/", data=form.data, content_type=form.content_type, headers={"Authorization": basic()}
    )


def yank(house: Site) -> TestResponse:
    return house.client.post(
        "/api/v1/projects/acme-core/yank",
        json={"version": "1.0", "reason": "broken"},
        headers={"Authorization": basic()},
    )


@pytest.mark.parametrize("free", range(7))
def test_whatever_is_asked_for_is_answered_or_put_off(house: Site, free: int) -> None:
    with descriptors(free):
        answers = {
            "page": house.get("/simple/acme-core/"),
            "start": house.get("/"),
            "wheel": house.get(WHEEL),
            "large": house.get(LARGE),
            "upload": upload(house, free),
            "yank": yank(house),
        }

    for what, answer in answers.items():
        assert answer.status_code in (200, 503), (what, answer.status)
        if answer.status_code == 503:
            assert "too many open files" in answer.text, what
            assert "owner" not in answer.text
            assert int(answer.headers["Retry-After"]) >= 1


def test_without_any_the_large_file_is_put_off_and_served_later(house: Site) -> None:
    with descriptors(0):
        refused = house.get(LARGE)
    served = house.get(LARGE)

    assert (refused.status_code, served.status_code) == (503, 200)


def test_what_the_log_says_has_nothing_to_do_with_owners(
    house: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with descriptors(0):
        upload(house, 0)
        yank(house)

    assert "too many open files" in caplog.text
    assert "owner" not in caplog.text
    assert "LimitNOFILE" in caplog.text

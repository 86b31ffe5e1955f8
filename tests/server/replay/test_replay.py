"""What is replayed, for whom, and what never is."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable
from pathlib import Path

import pytest
from flask import Flask, request
from packaging.utils import canonicalize_name
from werkzeug.test import EnvironBuilder

from pypitool.catalogue.errors import CatalogueMissing
from pypitool.core.model import Changes
from pypitool.repository.repository import Repository
from pypitool_server.http.wsgi_types import Headers
from pypitool_server.replay.cache import BoundedCache
from pypitool_server.replay.freshness import Freshness
from pypitool_server.replay.front import ReadyAnswer, ReplayFront, mark_replayable
from tests.server.site import JSON, Site, basic, make_site
from tests.support.waiting import LONGEST
from tests.support.wheels import build_wheel

PAGE = "/simple/acme-core/"
WHEEL = "/packages/acme_core-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    "path",
    [
        "/simple/", PAGE, "/simple/nowhere/", "/simple/acme_core", "/acme-core/", WHEEL, f"{WHEEL}.metadata",
        "/pypi/acme-core/json", "/project/acme-core/", "/search?q=acme", "/packages/", "/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_second_answer_is_the_first_one_replayed(site: Site, path: str, method: str) -> None:
    first, second = site.ask(method, path), site.ask(method, path)

    assert [seen.replayed for seen in site.seen] == [False, True]
    assert site.seen[0].size == site.seen[1].size
    assert second.status == first.status
    assert dict(second.headers) == dict(first.headers)
    assert second.data == first.data


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": JSON},
        {"Accept-Encoding": "gzip"},
        {"If-None-Match": '"x"'},
        {"If-Modified-Since": "Fri, 01 Jan 2021 00:00:00 GMT"},
        {"Range": "bytes=0-1"},
        {"If-Range": '"x"'},
    ],
    ids=str,
)
def test_what_chooses_an_answer_is_a_part_of_its_key(site: Site, headers: dict[str, str]) -> None:
    site.get(WHEEL)

    site.client.get(WHEEL, headers=headers)
    asked = site.last_was_replayed
    site.client.get(WHEEL, headers=headers)

    assert (asked, site.last_was_replayed) == (False, True)


def test_headers_that_select_the_same_answer_share_it(site: Site) -> None:
    site.get(PAGE, Accept=JSON, Accept_Encoding="gzip")

    site.get(PAGE, Accept=f"text/html;q=0.1, {JSON}", Accept_Encoding="deflate, gzip;q=1.0")

    assert site.last_was_replayed


@pytest.mark.parametrize("path", ["/simple/-bad-/", "/nowhere/at/all", "/simple/a%00b/"])
def test_what_depends_on_nothing_that_we_know_is_not_kept(site: Site, path: str) -> None:
    for _ in range(2):
        assert site.get(path).status_code in (400, 404)

    assert not site.last_was_replayed


def test_a_refusal_is_never_replayed(repository: Repository) -> None:
    site = make_site(repository, authenticate=("list", "update"))

    refused = [site.get(PAGE).status_code, site.get(PAGE, Authorization=basic(password="no")).status_code]
    answered = site.get(PAGE, Authorization=basic()).status_code

    assert refused == [401, 401]
    assert answered == 200
    assert not any(seen.replayed for seen in site.seen)


def test_credentials_share_the_answers_of_their_class_and_open_none_to_others(repository: Repository) -> None:
    site = make_site(repository, authenticate=("list", "update"))
    for _ in range(2):  # the first one has to be verified, the second is kept
        site.get(PAGE, Authorization=basic())

    again = site.get(PAGE, Authorization=basic())
    without = site.get(PAGE)
    wrong = site.get(PAGE, Authorization=basic(password="wrong"))

    assert (again.status_code, site.seen[2].replayed, site.seen[2].user) == (200, True, "deploy")
    assert (without.status_code, wrong.status_code) == (401, 401)


def test_an_absolute_address_is_not_replayed_under_another_name(site: Site) -> None:
    for host in ("one.example", "two.example", "one.example"):
        answer = site.get("/pypi/acme-core/json", Host=host)

        assert answer.get_json()["urls"][0]["url"].startswith(f"http://{host}/packages/")

    assert [seen.replayed for seen in site.seen] == [False, False, True]


def test_a_part_of_a_small_file_is_replayed_too(site: Site) -> None:
    first, second = (site.get(WHEEL, Range="bytes=0-9") for _ in range(2))

    assert site.last_was_replayed
    assert first.data == second.data
    assert second.status_code == 206


def test_a_large_file_is_read_each_time(repository: Repository) -> None:
    build_wheel(repository.roots[0], "large", "1.0", extra_files={"noise": os.urandom(100_000)})
    site = make_site(repository)

    for _ in range(2):
        assert site.get("/packages/large-1.0-py3-none-any.whl").status_code == 200

    assert not site.last_was_replayed


def test_a_replaced_file_is_not_replayed(site: Site) -> None:
    site.get(WHEEL)
    build_wheel(site.packages, "acme-core", "1.0", extra_files={"new.py": b""})

    site.scan()
    answer = site.get(WHEEL)

    assert answer.data == (site.packages / "acme_core-1.0-py3-none-any.whl").read_bytes()


def test_without_memory_everything_is_answered_anew(repository: Repository) -> None:
    site = make_site(repository, replay_cache=0)

    for _ in range(2):
        assert site.get(PAGE).status_code == 200

    assert not site.last_was_replayed


class OneChange:
    """A catalogue in which one project changes, when it is told so."""

    def __init__(self) -> None:
        self.now = 1
        self.failure: Exception | None = None

    def stamp(self) -> object:
        return self.now

    def serial(self) -> int:
        return self.now

    def changes_since(self, serial: int) -> Changes:
        if self.failure is not None:
            raise self.failure
        changed = {canonicalize_name("numpy")} if serial < self.now else set()
        return Changes(self.now, frozenset(changed))


class Front:
    """A replay cache in front of an application of two views."""

    def __init__(self) -> None:
        self.answered = 0
        self.catalogue = OneChange()
        self.freshness = Freshness(self.catalogue)
        self.app = Flask("small")
        self.app.add_url_rule("/short", "short", self.short)
        self.app.add_url_rule("/slow", "slow", self.slow)
        self.entered, self.leave = threading.Event(), threading.Event()
        self.kept: BoundedCache[Hashable, ReadyAnswer | tuple[str, ...]] = BoundedCache(
            1 << 20, self.freshness.stands
        )
        self.freshness.follow(self.kept)
        self.front = ReplayFront(
            self.app.wsgi_app,
            classify=lambda environ: (0, None),
            check=self.freshness.check,
            answers=self.kept,
            observe=lambda *noted: None,
        )

    def short(self) -> str:
        self.answered += 1
        mark_replayable((), seconds=float(request.args["seconds"]))
        return "short"

    def slow(self) -> str:
        mark_replayable({"numpy"})
        self.entered.set()
        self.leave.wait(LONGEST)
        return "slow"

    def headers(self, path: str, query: str = "") -> Headers:
        """Ask as an engine that adds a header of its own to what it gets."""
        got: Headers = []

        def start_response(status: str, headers: Headers) -> None:
            headers.append(("Server", "engine"))
            got.extend(headers)

        list(self.front(EnvironBuilder(path, query_string=query).get_environ(), start_response))
        return got


def test_an_answer_ends_at_its_deadline() -> None:
    front = Front()

    for seconds in ("60", "60", "0", "0"):
        front.headers("/short", f"seconds={seconds}")

    assert front.answered == 3


def test_an_engine_that_changes_the_headers_changes_only_its_own() -> None:
    front = Front()

    sizes = [len(front.headers("/short", "seconds=60")) for _ in range(3)]

    assert len(set(sizes)) == 1


def test_while_the_catalogue_cannot_be_asked_the_views_answer() -> None:
    front = Front()
    front.headers("/short", "seconds=60")

    front.catalogue.now = 2
    front.catalogue.failure = CatalogueMissing(Path("catalogue.sqlite"), "the file is missing")
    front.headers("/short", "seconds=60")

    assert front.answered == 2


def test_an_answer_from_before_a_change_is_not_kept() -> None:
    front = Front()
    asked = threading.Thread(target=front.headers, args=("/slow",))
    asked.start()
    front.entered.wait(LONGEST)

    front.catalogue.now = 2
    front.freshness.check()
    front.leave.set()
    asked.join(LONGEST)

    assert len(front.kept) == 0

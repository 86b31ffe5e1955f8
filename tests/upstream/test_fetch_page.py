from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from pypitool.core.model import ProjectStatus
from pypitool.core.name_owner import indexes_for
from pypitool.core.upload.credential_choice import Credentials
from pypitool.upstream.fetch_page import KnownPage, UnchangedPage, UpstreamPage, fetch_page, find_page
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import (
    NoSuchProject,
    NotAnIndexPage,
    Stopped,
    UpstreamRefused,
    UpstreamUnavailable,
)
from tests.support.upstream import (
    Dialect,
    FakeUpstream,
    Offer,
    drip,
    portal,
    redirect,
    reset,
    respond,
    stall,
    truncate,
)

A = canonicalize_name("a")
WHEEL = Offer("a-1.0-py3-none-any.whl", b"wheel", requires_python=">=3.9", yanked="bad <b>")
SDIST = Offer("a-1.0.tar.gz", b"sdist")


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        upstream.index.offers["a"] = [WHEEL, SDIST]
        yield upstream


def session(fake: FakeUpstream, **settings: object) -> UpstreamSession:
    upstream = Upstream("fake", fake.url, retries=2)
    return UpstreamSession(replace(upstream, **settings))  # type: ignore[arg-type]


def page(fake: FakeUpstream, **settings: object) -> UpstreamPage:
    found = fetch_page(session(fake, **settings), A)
    assert isinstance(found, UpstreamPage)
    return found


@pytest.mark.parametrize("json", [True, False], ids=["json", "html"])
def test_a_page_is_read_by_the_type_of_the_answer(fake: FakeUpstream, json: bool) -> None:
    fake.index.dialect = Dialect(json=json)

    wheel, sdist = page(fake).candidates

    assert (wheel.filename, wheel.requires_python, wheel.yanked) == (WHEEL.filename, ">=3.9", "bad <b>")
    assert (wheel.sha256, wheel.url) == (WHEEL.digest, f"{fake.root}/files/{WHEEL.filename}")
    assert (sdist.filename, sdist.yanked) == (SDIST.filename, None)
    assert (wheel.size, wheel.upload_time) == ((5, "2026-01-02T03:04:05.678900Z") if json else (None, None))


def test_a_page_without_hashes_gives_candidates_without_hashes(fake: FakeUpstream) -> None:
    fake.index.dialect = Dialect(hashes=False)

    assert page(fake).candidates[0].hashes == frozenset()


def test_a_known_page_is_indexes_for_by_its_etag_and_not_sent_again(fake: FakeUpstream) -> None:
    known = page(fake).known

    again = fetch_page(session(fake), A, known)

    assert again == replace(again, known=known)
    assert isinstance(again, UnchangedPage)
    assert fake.seen[-1].headers["If-None-Match"] == known.etag


def test_a_page_without_an_etag_is_known_by_its_bytes(fake: FakeUpstream) -> None:
    fake.index.dialect = Dialect(json=False, etags=False)

    assert isinstance(fetch_page(session(fake), A, page(fake).known), UnchangedPage)


def test_a_changed_page_is_read_again(fake: FakeUpstream) -> None:
    known = page(fake).known
    fake.index.offers["a"].append(Offer("a-2.0.tar.gz", b"new"))

    again = fetch_page(session(fake), A, known)

    assert isinstance(again, UpstreamPage)
    assert len(again.candidates) == 3


def test_files_of_other_names_and_of_legacy_kinds_are_left_out(fake: FakeUpstream) -> None:
    fake.index.offers["a"] += [
        Offer("b-1.0.tar.gz", b""),
        Offer("a-b-1.0.tar.gz", b""),
        Offer("a-1.0.egg", b""),
        Offer("a-1.0.win32.exe", b""),
        Offer("../a-1.0.tar.gz", b""),
    ]

    found = page(fake)

    assert [candidate.filename for candidate in found.candidates] == [WHEEL.filename, SDIST.filename]


def test_a_quarantined_project_offers_nothing_and_says_so(fake: FakeUpstream) -> None:
    fake.index.offers["a"] = []
    fake.index.statuses["a"] = ("quarantined", "malware")

    found = page(fake)

    assert (found.status, found.status_reason) == (ProjectStatus.QUARANTINED, "malware")
    assert found.candidates == ()


def test_an_unknown_project_is_not_found(fake: FakeUpstream) -> None:
    with pytest.raises(NoSuchProject):
        fetch_page(session(fake), canonicalize_name("b"))

    assert len(fake.seen) == 1


@pytest.mark.parametrize(
    ("action", "says"),
    [
        (portal(), "portal"),
        (respond(200, body=b"<html></html>", Content_Type="text/html"), "lists no file"),
        (respond(200, body=b"{}", Content_Type="application/vnd.pypi.simple.v1+json"), "cannot be read"),
        (respond(200, body=b"{", Content_Type="application/vnd.pypi.simple.v1+json"), "cannot be read"),
        (respond(200, body=b"x", Content_Type="image/png"), "image/png"),
        (respond(200, body=b"x"), "of no type"),
    ],
    ids=["portal", "empty", "no-fields", "broken-json", "picture", "untyped"],
)
def test_a_200_that_is_no_index_page_is_a_failure(fake: FakeUpstream, action: object, says: str) -> None:
    fake.fail("/simple/", action)  # type: ignore[arg-type]

    with pytest.raises(NotAnIndexPage, match=says):
        page(fake)


@pytest.mark.parametrize(
    "action",
    [respond(503, Retry_After="0"), respond(429, Retry_After="0"), reset()],
    ids=["503", "429", "reset"],
)
def test_a_passing_failure_is_tried_again(fake: FakeUpstream, action: object) -> None:
    fake.fail("/simple/", action, times=1)  # type: ignore[arg-type]

    assert page(fake).candidates
    assert len(fake.seen) == 2


def test_a_failure_that_stays_is_given_up_after_the_tries(fake: FakeUpstream) -> None:
    fake.fail("/simple/", respond(503, Retry_After="0"))

    with pytest.raises(UpstreamUnavailable, match="it answers 503, 3 times"):
        page(fake)

    assert len(fake.seen) == 3


def test_a_wait_that_is_too_long_is_not_waited_for(fake: FakeUpstream) -> None:
    fake.fail("/simple/", respond(503, Retry_After="3600"))

    with pytest.raises(UpstreamUnavailable, match="more than 120 s"):
        page(fake)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_not_tried_again(fake: FakeUpstream, status: int) -> None:
    fake.fail("/simple/", respond(status))

    with pytest.raises(UpstreamRefused):
        page(fake)

    assert len(fake.seen) == 1


def test_a_truncated_page_is_a_failure(fake: FakeUpstream) -> None:
    fake.fail("/simple/", truncate(20))

    with pytest.raises(UpstreamUnavailable, match="cut short"):
        page(fake)


def test_a_silent_page_is_a_failure_after_the_timeout(fake: FakeUpstream) -> None:
    fake.fail("/simple/", stall(20, 5))

    with pytest.raises(UpstreamUnavailable, match="timed out"):
        page(fake, timeout=0.2)


def test_a_slow_page_is_read_to_its_end(fake: FakeUpstream) -> None:
    fake.fail("/simple/", drip(100, 0.03))

    assert len(page(fake, timeout=2.5).candidates) == 2


def test_credentials_are_sent_home_and_nowhere_else(fake: FakeUpstream) -> None:
    fake.index.credentials = ("mirror", "secret")
    with FakeUpstream() as other:
        other.index.offers["a"] = [SDIST]
        fake.fail("/simple/", redirect(f"{other.url}a/"), times=1)

        found = page(fake, credentials=Credentials("mirror", "secret"))

        assert "Authorization" in fake.seen[0].headers
        assert "Authorization" not in other.seen[0].headers
        assert found.candidates[0].url.startswith(other.root)
    assert len(page(fake, credentials=Credentials("mirror", "secret")).candidates) == 2


def test_an_address_in_a_message_carries_no_credentials() -> None:
    error = UpstreamUnavailable("https://user:secret@host/simple/a/?sig=1", "it is away")

    assert str(error) == "https://host/simple/a/: it is away"


def test_an_upstream_that_is_not_there_is_named(tmp_path: Path) -> None:
    with FakeUpstream() as gone:
        url = gone.url
    with pytest.raises(UpstreamUnavailable, match=r": connection refused$"):
        fetch_page(UpstreamSession(Upstream("gone", url, retries=0)), A)


def test_a_stop_ends_the_waiting_at_once(fake: FakeUpstream) -> None:
    stop = threading.Event()
    fake.fail("/simple/", respond(503, Retry_After="100"))
    stopper = threading.Timer(0.1, stop.set)
    stopper.start()

    with pytest.raises(Stopped):
        fetch_page(UpstreamSession(Upstream("fake", fake.url), stop), A)

    stopper.join()


def test_the_first_upstream_that_has_a_project_owns_it(fake: FakeUpstream) -> None:
    with FakeUpstream() as second:
        second.index.offers = {"a": [Offer("a-9.0.tar.gz", b"")], "b": [Offer("b-1.0.tar.gz", b"")]}
        sessions = [session(fake, name="first"), session(second, name="second")]

        assert find_page(A, sessions, {}).upstream == "first"
        assert find_page(canonicalize_name("b"), sessions, {}).upstream == "second"
        assert second.paths() == ["/simple/b/"]


def test_a_failure_of_an_earlier_upstream_is_no_reason_to_ask_a_later_one(fake: FakeUpstream) -> None:
    fake.fail("/simple/", respond(500))
    with FakeUpstream() as second:
        second.index.offers["a"] = [SDIST]

        with pytest.raises(UpstreamUnavailable):
            find_page(A, [session(fake, retries=0), session(second, name="second")], {})

        assert second.seen == []


def test_an_upstream_with_its_own_projects_alone_is_indexes_for_them() -> None:
    public, acme = Upstream("public", "http://p/"), Upstream("acme", "http://a/", projects=("acme-*",))

    assert indexes_for(canonicalize_name("acme-core"), [public, acme]) == (acme,)
    assert indexes_for(canonicalize_name("flask"), [public, acme]) == (public,)


def test_known_pages_are_kept_by_upstream(fake: FakeUpstream) -> None:
    known = {"fake": page(fake).known, "other": KnownPage('"x"', "y")}

    assert isinstance(find_page(A, [session(fake)], known), UnchangedPage)

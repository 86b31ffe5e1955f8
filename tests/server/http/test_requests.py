"""Whatever is asked, the answer is an answer: plain sentences, and no 5xx that is not true."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

from pypitool.catalogue.errors import CatalogueDamaged
from pypitool.repository.contact import take_doubt
from pypitool.repository.repository import Repository
from pypitool_server.views.error_answers import install
from tests.server.site import JSON, Site, make_site
from tests.support.repositories import open_repository
from tests.support.wheels import build_wheel

TRUE_5XX = (503, 507)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One application for thousands of requests."""
    with open_repository(tmp_path_factory.mktemp("requests")) as repository:
        build_wheel(repository.roots[0], "acme-core", "1.0")
        build_wheel(repository.roots[0], "large", "1.0", extra_files={"noise": os.urandom(80_000)})
        yield make_site(repository, trusted_proxies=("127.0.0.1",))


def status_of(site: Site, environ: Mapping[str, str]) -> int:
    """Ask with an environment that no client library would let through."""
    built = EnvironBuilder("/").get_environ()
    built["REMOTE_ADDR"] = "127.0.0.1"
    body, status, headers = run_wsgi_app(site.app.wsgi_app, {**built, **environ}, buffered=True)
    list(body)
    assert not any("\n" in value or "\r" in value for value in headers.values())
    return int(status.split()[0])


SEGMENTS = [
    "simple", "packages", "pypi", "project", "search", "json", "acme-core", "Acme_Core", "large", "RPC2",
    "..", "acme_core-1.0-py3-none-any.whl", "large-1.0-py3-none-any.whl", "x.metadata", "x.asc", "", ".",
    "%2e%2e", "legacy", "1.0", "a\r\nb", "a\0b", "\xff", "\xc3\xa9", "\xed\xa0\x80", "a" * 300,
    "%", "{{7*7}}", "health",
]  # fmt: skip
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW", ""]
raw_text = st.text(st.characters(max_codepoint=255), max_size=40)
paths = st.one_of(
    st.lists(st.sampled_from(SEGMENTS), max_size=5).map(lambda parts: "/" + "/".join(parts)),
    raw_text.map(lambda text: "/" + text),
    raw_text,
)
header_values = st.one_of(
    raw_text,
    st.sampled_from(
        [
            JSON, "*/*", "text/html;q=0", "gzip, br;q=0.5", "bytes=0-", "bytes=5-2", "bytes=-5",
            "bytes=99999-", "bytes=" + "9" * 40 + "-", '"x"', 'W/"x"', "*", "Fri, 31 Feb 2021 25:61:61 GMT",
            "evil.example:99999", "[::1]:80", "a, b", "https", "/priv", "//evil.example", "1" * 5000, "-1",
            "chunked", "100-continue", "multipart/form-data", "multipart/form-data; boundary=", "text/xml",
            "Basic Og==", "Basic \xff", "application/x-www-form-urlencoded",
        ]
    ),
)  # fmt: skip
HEADERS = [
    "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING", "HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE", "HTTP_HOST", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_PREFIX", "HTTP_AUTHORIZATION", "CONTENT_TYPE", "HTTP_ORIGIN",
    "HTTP_TRANSFER_ENCODING", "HTTP_COOKIE", "HTTP_EXPECT", "CONTENT_LENGTH", "SERVER_PROTOCOL",
    "REMOTE_ADDR",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(METHODS),
    paths,
    raw_text,
    st.dictionaries(st.sampled_from(HEADERS), header_values, max_size=6),
)
def test_no_request_is_answered_with_a_fault_of_ours(
    shared: Site, method: str, path: str, query: str, headers: dict[str, str]
) -> None:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, **headers}

    status = status_of(shared, environ)

    assert status < 500 or status in TRUE_5XX
    assert status_of(shared, environ) == status, "the second answer differs from the first"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_format_and_any_search_get_an_answer(shared: Site, text: str) -> None:
    for path, key in (("/simple/", "format"), ("/simple/acme_core", "format"), ("/search", "q")):
        answer = shared.client.get(path, query_string={key: text})

        assert answer.status_code in (200, 301)


@pytest.mark.parametrize("path", ["/simple/", "/simple/acme-core/", "/packages/", "/health-not", "/search"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_a_wrong_method_is_told_the_right_ones(shared: Site, method: str, path: str) -> None:
    answer = shared.ask(method, path)

    assert answer.status_code in (404, 405)
    if answer.status_code == 405:
        assert "GET" in answer.headers["Allow"]
    assert answer.content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "path", ["/nowhere/at/all", "/simple/-/", "/packages/x", "/simple/%0d%0aX:%20y/", "/a%00b"]
)
def test_a_refusal_is_a_plain_sentence(shared: Site, path: str) -> None:
    answer = shared.get(path)

    assert answer.status_code in (400, 404)
    assert answer.content_type == "text/plain; charset=utf-8"
    assert "<" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_failure_of_ours_tells_the_log_and_not_the_client(
    shared: Site, caplog: pytest.LogCaptureFixture
) -> None:
    app = Flask("failing")
    app.add_url_rule("/", "fail", lambda: str(1 // 0))
    install(app)

    answer = app.test_client().get("/")

    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text
    assert "Traceback" not in answer.text
    assert "ZeroDivisionError" in caplog.text


def test_no_answer_mentions_where_things_lie_on_the_disk(tmp_path: Path, repository: Repository) -> None:
    site = make_site(repository)

    def damaged() -> str:
        raise CatalogueDamaged(repository.files.catalogue, "file is not a database")

    site.app.add_url_rule("/damaged/it/is", "damaged", damaged)
    answer = site.get("/damaged/it/is")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert "damaged" in answer.text
    assert str(tmp_path) not in answer.text


def test_damage_that_a_request_meets_is_told_to_the_keeper(repository: Repository) -> None:
    site = make_site(repository)

    def damaged() -> str:
        raise CatalogueDamaged(repository.files.catalogue, "file is not a database")

    site.app.add_url_rule("/damaged/it/is", "damaged", damaged)
    site.get("/damaged/it/is")

    assert take_doubt(repository.files)
    assert not take_doubt(repository.files)


def test_a_lost_catalogue_is_said_to_be_missing_for_the_moment(repository: Repository) -> None:
    site = make_site(repository)
    site.get("/simple/")
    repository.catalogue.close()
    for file in repository.state.glob("catalogue.sqlite*"):
        file.unlink()

    answer = site.get("/simple/zope-x/")

    assert answer.status_code in (200, 503)

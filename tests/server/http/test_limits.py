"""How much a request may say: exactly as much passes, one byte more is refused before anybody reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from pypitool_server.http.request_limits import (
    LONGEST_HEADER,
    LONGEST_KEPT,
    LONGEST_TARGET,
    MOST_HEADERS,
    READ,
    shortened,
)
from pypitool_server.http.wsgi_types import Environ
from tests.server.house import make_house
from tests.server.site import Site

PAGE = "/simple/acme-core/"
HEADERS = sorted(key.removeprefix("HTTP_").replace("_", "-").title() for key in READ if "HTTP_" in key)


def sized(environ: Environ, size: int) -> Environ:
    """Fill the headers that nobody reads, so that all are that long together."""
    own = sum(
        len(key.removeprefix("HTTP_")) + len(value)
        for key, value in environ.items()
        if key.startswith("HTTP_") or key in READ
    )
    parts = 10
    each, rest = divmod(size - own - parts * len("X-Fill-0"), parts)
    fill = {f"HTTP_X_FILL_{number}": "x" * each for number in range(parts)}
    return {**environ, **fill, "HTTP_X_FILL_0": "x" * (each + rest)}


@pytest.mark.parametrize(("more", "status"), [(0, 404), (1, 414)])
def test_a_target_of_8_kilobytes_passes_and_a_longer_one_does_not(site: Site, more: int, status: int) -> None:
    path = "/packages/"
    assert site.get(path + "a" * (LONGEST_TARGET - len(path) + more)).status_code == status
    assert site.get(f"{path}?{'a' * (LONGEST_TARGET - len(path) - 1 + more)}").status_code == (
        200 if status == 404 else status
    )


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_is_read_has_at_most_8_kilobytes(site: Site, header: str) -> None:
    passes = site.get(PAGE, **{header: "x" * LONGEST_HEADER})
    refused = site.get("/simple/zope-x/", **{header: "x" * (LONGEST_HEADER + 1)})

    assert passes.status_code not in (431, 500)
    assert refused.status_code == 431
    assert header in refused.text


@pytest.mark.parametrize(
    "header",
    ["Accept", "Accept-Encoding", "If-Modified-Since", "If-None-Match", "If-Range", "Range", "User-Agent",
     "X-Forwarded-For"],
)  # fmt: skip
def test_a_ready_answer_is_for_nobody_who_says_more(site: Site, header: str) -> None:
    for _ in range(2):
        site.get(PAGE)
        site.get(PAGE, **{header: "x" * LONGEST_HEADER})

    assert site.get(PAGE, **{header: "x" * (LONGEST_HEADER + 1)}).status_code == 431


def test_a_header_that_nobody_reads_counts_only_together_with_all(site: Site) -> None:
    sizes = {"/simple/acme-web/": MOST_HEADERS, "/simple/zope-x/": MOST_HEADERS + 1}

    statuses = [
        run_wsgi_app(site.app.wsgi_app, sized(EnvironBuilder(path).get_environ(), size))[1]
        for path, size in sizes.items()
    ]

    assert statuses == ["200 OK", "431 Request Header Fields Too Large"]


def test_the_header_that_names_people_is_one_that_is_read(tmp_path: Path) -> None:
    header = 'header = "Remoteuser"\n[server]\ntrusted-proxies = ["192.0.2.1"]'
    house = make_house(tmp_path, "", more=header)

    with house.repository:
        answers = [
            house.get("/simple/open-lib/", Remoteuser="x" * (LONGEST_HEADER + more)).status_code
            for more in (0, 0, 1)
        ]

    assert answers == [200, 200, 431]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_every_method_is_held_to_them(site: Site, method: str) -> None:
    statuses = [
        site.ask(method, f"/simple/?q={'a' * LONGEST_TARGET}").status_code,
        site.ask(method, PAGE, Accept="a" * (LONGEST_HEADER + 1)).status_code,
    ]

    assert statuses == [414, 431]


def test_what_is_noted_of_a_refused_request_is_short() -> None:
    environ = {"PATH_INFO": "/a", "QUERY_STRING": "b" * LONGEST_TARGET, "wsgi.multithread": True}

    assert shortened(environ) == {**environ, "QUERY_STRING": "b" * LONGEST_KEPT}


def test_two_kilobytes_of_key_are_kept_and_more_are_not(site: Site) -> None:
    site.get(PAGE, If_None_Match='"' + "a" * 1900 + '"')
    site.get(PAGE, If_None_Match='"' + "a" * 1900 + '"')
    short = site.seen[-1].replayed
    site.get(PAGE, If_None_Match='"' + "a" * LONGEST_KEPT + '"')
    site.get(PAGE, If_None_Match='"' + "a" * LONGEST_KEPT + '"')

    assert (short, site.seen[-1].replayed) == (True, False)


def test_the_keys_of_ready_answers_count_as_memory(site: Site) -> None:
    kept = site.app.wsgi_app._answers  # type: ignore[attr-defined]
    site.get(PAGE, If_None_Match='"a"')
    before = kept.size

    site.get(PAGE, If_None_Match='"b' + "b" * 1500 + '"')
    long = kept.size - before
    site.get(PAGE, If_None_Match='"c"')
    short = kept.size - before - long

    assert long - short == 1500

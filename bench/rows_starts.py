"""Rows about starting, memory, and what one changed file costs."""

from __future__ import annotations

import time

from bench.catalogued import files_listed, metric, wait_until_catalogued
from bench.corpora import ADDED, Corpus
from bench.http import fetch
from bench.model import Case, Row, Run, Sample, at_most
from bench.processes import pss_bytes, read_bytes
from bench.rendered import page_path
from bench.rows_pages import AS_JSON, ask_every_page
from bench.servers import NGINX, PYPISERVER, PYPITOOL, Server
from tests.support.waiting import wait_until
from tests.support.wheels import wheel_bytes, wheel_filename

MEGABYTE = 1_000_000


def first_page(run: Run, case: Case) -> Sample | None:
    """Seconds from the start of a server that knows its directory to its first page."""
    page = page_path(case.corpus.small_project)
    if case.server != PYPITOOL:
        return _first_page_of_a_peer(run, case, page)
    run.fleet.get(PYPITOOL, case.corpus)  # so that the directory is known
    run.fleet.release(PYPITOOL, case.corpus)
    server = run.fleet.new(case.corpus)
    try:
        seconds = server.start(page)
        return Sample(seconds, f"{read_bytes(server.pid) / MEGABYTE:.0f} MB read in all")
    finally:
        server.stop()


def first_start(run: Run, case: Case) -> Sample | None:
    """Seconds until a directory that nobody knew is catalogued; the server answers meanwhile."""
    run.fleet.packages(case.corpus)
    server = run.fleet.new(case.corpus, state=run.fleet.fresh_state())
    try:
        began = time.perf_counter()
        answered = server.start("/simple/")
        slowest = _slowest_until_catalogued(server, case.corpus)
        seconds = time.perf_counter() - began
        return Sample(
            seconds, f"first answer after {answered:.2f} s, slowest meanwhile {slowest * 1000:.0f} ms"
        )
    finally:
        server.stop()


def memory(run: Run, case: Case) -> Sample | None:
    """PSS of the process tree after each page was asked for once."""
    run.fleet.get(PYPITOOL, case.corpus)
    run.fleet.release(PYPITOOL, case.corpus)
    server = run.fleet.new(case.corpus)
    try:
        server.start("/health")
        wait_until_catalogued(server.port, case.corpus)
        at_start = pss_bytes(server.pid)
        ask_every_page(server.port, case.corpus)
        return Sample(pss_bytes(server.pid) / MEGABYTE, f"{at_start / MEGABYTE:.0f} MB before")
    finally:
        server.stop()


def one_change(run: Run, case: Case) -> Sample | None:
    """How many pages are made anew when one file was added and every page is asked for again."""
    server = run.fleet.get(PYPITOOL, case.corpus)
    assert server is not None
    added = run.fleet.packages(case.corpus) / wheel_filename(ADDED)
    page = page_path(case.corpus.small_project)
    ask_every_page(server.port, case.corpus)
    before, etag = pages_made(server), _etag(server, page)
    added.write_bytes(wheel_bytes(ADDED))
    wait_until(lambda: _etag(server, page) != etag, what="the page shows the new file", seconds=60)
    ask_every_page(server.port, case.corpus)
    made = pages_made(server) - before
    added.unlink()
    return Sample(made)


def pages_made(server: Server) -> float:
    """How many answers with a project's page were not replayed, as pypitool counts them."""
    time.sleep(1.5)  # the workers add their counts to the common ones each second
    route = 'route="project"'
    answered = metric(server.port, "pypitool_requests_total", route)
    return answered - metric(server.port, "pypitool_replayed_requests_total", route)


def _etag(server: Server, page: str) -> str:
    return fetch(server.port, page, AS_JSON).headers.get("etag", "")


def _first_page_of_a_peer(run: Run, case: Case, page: str) -> Sample | None:
    server = run.fleet.get(case.server, case.corpus)
    if server is None:
        return None
    server.stop()
    return Sample(server.start(page))


def _slowest_until_catalogued(server: Server, corpus: Corpus) -> float:
    slowest = 0.0
    while files_listed(server.port) < corpus.files:
        began = time.perf_counter()
        fetch(server.port, page_path(corpus.small_project), AS_JSON)
        slowest = max(slowest, time.perf_counter() - began)
        time.sleep(0.05)
    return slowest


ONLY_US = (PYPITOOL,)
ROWS = (
    Row("start", "first page after a start, known directory", "s", ("L", "M"), (PYPITOOL, NGINX, PYPISERVER),
        first_page, {"L": (at_most(0.6),)}),
    Row("first-start", "unknown directory catalogued", "s", ("M", "M2", "L"), ONLY_US, first_start,
        {"M": (at_most(15),), "L": (at_most(150),)}, rounds=1),
    Row("memory", "PSS after each page was asked once", "MB", ("M", "M2", "L"), ONLY_US, memory,
        {"M": (at_most(130),), "L": (at_most(260),)}, rounds=1),
    Row("one-change", "pages made anew after one file changed", "pages", ("M",), ONLY_US, one_change,
        {"": (at_most(1),)}, rounds=1),
)  # fmt: skip

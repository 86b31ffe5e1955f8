"""Rows about starting, memory, and what one changed file costs."""

from __future__ import annotations

import time

from bench.catalogued import files_listed, metric, wait_until_catalogued
from bench.corpora import Corpus, upload_wheel
from bench.http import ask, connection, fetch
from bench.model import Case, Row, Run, Sample, at_most
from bench.processes import pss_bytes, read_bytes
from bench.rendered import page_path
from bench.rows_pages import AS_JSON
from bench.servers import NGINX, PYPISERVER, PYPITOOL, Server

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
        _ask_every_page(server, case.corpus)
        return Sample(pss_bytes(server.pid) / MEGABYTE, f"{at_start / MEGABYTE:.0f} MB before")
    finally:
        server.stop()


def one_change(run: Run, case: Case) -> Sample | None:
    """How many pages are made anew when one file was added and every page is asked for again."""
    server = run.fleet.get(PYPITOOL, case.corpus)
    assert server is not None
    name, wheel = upload_wheel(0, 0, str(int(time.time())))
    packages = run.fleet.packages(case.corpus)
    _ask_every_page(server, case.corpus)
    before = pages_made(server)
    (packages / name).write_bytes(wheel)
    _wait_for_status(server, "bench-upload-0-0", 200)
    _ask_every_page(server, case.corpus)
    made = pages_made(server) - before
    (packages / name).unlink()
    _wait_for_status(server, "bench-upload-0-0", 404)
    return Sample(made)


def pages_made(server: Server) -> float:
    """How often a page was rendered, as pypitool counts it."""
    return metric(server.port, "pypitool_pages_rendered_total")


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


def _ask_every_page(server: Server, corpus: Corpus) -> None:
    with connection(server.port) as opened:
        for name in corpus.project_names():
            ask(opened, page_path(name), AS_JSON)
        ask(opened, "/simple/", AS_JSON)


def _wait_for_status(server: Server, project: str, status: int) -> None:
    deadline = time.perf_counter() + 60
    while fetch(server.port, page_path(project), AS_JSON).status != status:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"the page of {project} is not answered with {status} after 60 s")
        time.sleep(0.02)


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

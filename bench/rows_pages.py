"""Rows that wrk measures: requests per CPU second of the server's process tree."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import wrk
from bench.corpora import Corpus
from bench.fleet import PASSWORD, USER
from bench.http import JSON, Unexpected, ask, basic, connection, fetch
from bench.model import Case, Row, Run, Sample, at_least, share_of_nginx
from bench.processes import cpu_seconds
from bench.rendered import ROOT, file_path, page_path
from bench.servers import NGINX, PYPISERVER, PYPITOOL, Server

WARM_UP = 1.0
# Twelve times the best Python peer that was measured when the project began.
TWELVE_PEERS = at_least(22_800)
PAGES = ("M", "S", "L")
EVERYBODY = (PYPITOOL, NGINX, PYPISERVER)
MODERN = (PYPITOOL, NGINX)
AS_JSON = {"Accept": JSON, "Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Request:
    """What wrk asks for, and what the answer must be so that the figure means something."""

    path: str
    headers: Mapping[str, str]
    status: int = 200
    coding: str | None = None


def load(run: Run, server: Server, request: Request, *, spread: Corpus | None = None) -> Sample:
    """Measure one request on one server."""
    _check(server, request)
    wrk.run(server.port, request.path, seconds=WARM_UP, headers=request.headers)
    paths = _all_pages(run, server, spread) if spread else None
    before = cpu_seconds(server.pid)
    done = wrk.run(
        server.port,
        request.path,
        seconds=run.seconds,
        headers=request.headers,
        # Requests that are under way at the end do not count: with sixteen none of pypiserver's would.
        connections=2 if server.name == PYPISERVER else 16,
        paths=paths,
    )
    used = cpu_seconds(server.pid) - before
    return Sample(done.requests / max(used, 0.01), f"{server.name} {done.requests / done.seconds:,.0f}/s")


def page_json(run: Run, case: Case, *, big: bool = False, variant: str = "") -> Sample | None:
    """A project's page as pip and uv ask for it."""
    return _page(run, case, AS_JSON, "gzip", big=big, variant=variant)


def page_html(run: Run, case: Case) -> Sample | None:
    """A project's page in HTML, not compressed."""
    return _page(run, case, {"Accept": "text/html"}, None)


def root_html(run: Run, case: Case) -> Sample | None:
    """The list of all projects in HTML, not compressed."""
    server = run.fleet.get(case.server, case.corpus)
    return None if server is None else load(run, server, Request(ROOT, {"Accept": "text/html"}))


def page_not_modified(run: Run, case: Case) -> Sample | None:
    """A project's page that the client still has."""
    server = run.fleet.get(case.server, case.corpus)
    if server is None:
        return None
    path = page_path(case.corpus.small_project)
    etag = fetch(server.port, path, AS_JSON).headers["etag"]
    return load(run, server, Request(path, {**AS_JSON, "If-None-Match": etag}, status=304))


def page_with_password(run: Run, case: Case) -> Sample | None:
    """The same page behind HTTP Basic with a bcrypt account; nginx answers without asking for one."""
    if case.server == NGINX:
        return page_json(run, case)
    headers = {**AS_JSON, "Authorization": basic(USER, PASSWORD)}
    return _page(run, case, headers, "gzip", variant="auth")


def page_spread(run: Run, case: Case) -> Sample | None:
    """The pages of all projects in turn."""
    server = run.fleet.get(case.server, case.corpus)
    if server is None:
        return None
    request = Request(page_path(case.corpus.small_project), AS_JSON, coding="gzip")
    return load(run, server, request, spread=case.corpus)


def file_body(run: Run, case: Case, *, suffix: str = "") -> Sample | None:
    """A wheel of 2 KB, or its metadata."""
    server = run.fleet.get(case.server, case.corpus)
    if server is None:
        return None
    if case.server == PYPISERVER:
        return load(run, server, Request(f"/packages/{case.corpus.small_wheel}", {}))
    ours = run.fleet.get(PYPITOOL, case.corpus)
    assert ours is not None
    path = file_path(ours.port, case.corpus.small_wheel)
    return load(run, server, Request(path + suffix, {"Accept": "*/*", "Accept-Encoding": "identity"}))


def two_workers(run: Run, case: Case) -> Sample | None:
    """How many times as many requests two workers answer as one does, on the clock."""
    one, two = run.fleet.get(PYPITOOL, case.corpus), run.fleet.get(PYPITOOL, case.corpus, "two workers")
    assert one is not None
    assert two is not None
    path = page_path(case.corpus.small_project)
    rates = []
    for server in (one, two):
        wrk.run(server.port, path, seconds=WARM_UP, headers=AS_JSON, connections=64)
        done = wrk.run(server.port, path, seconds=run.seconds, headers=AS_JSON, connections=64, threads=2)
        rates.append(done.requests / done.seconds)
    return Sample(rates[1] / rates[0], f"{rates[0]:,.0f}/s and {rates[1]:,.0f}/s on {os.cpu_count()} cores")


def _page(
    run: Run,
    case: Case,
    headers: Mapping[str, str],
    coding: str | None,
    *,
    big: bool = False,
    variant: str = "",
) -> Sample | None:
    server = run.fleet.get(case.server, case.corpus, variant)
    if server is None:
        return None
    path = page_path(case.corpus.big_project if big else case.corpus.small_project)
    return load(run, server, Request(path, headers, coding=coding))


def ask_every_page(port: int, corpus: Corpus) -> None:
    """Ask for the page of every project, and for the list of all."""
    with connection(port) as opened:
        for name in corpus.project_names():
            ask(opened, page_path(name), AS_JSON)
        ask(opened, ROOT, AS_JSON)


def _check(server: Server, request: Request) -> None:
    answer = fetch(server.port, request.path, request.headers)
    got = answer.status, answer.headers.get("content-encoding")
    if got != (request.status, request.coding):
        raise Unexpected(server.name, request.path, got, (request.status, request.coding))


def _all_pages(run: Run, server: Server, corpus: Corpus) -> Path:
    ask_every_page(server.port, corpus)  # once, so that what is measured is what can be kept ready
    paths = run.fleet.scratch / f"paths-{corpus.name}"
    paths.write_text("".join(f"{page_path(name)}\n" for name in corpus.project_names()))
    return paths


ROWS = (
    Row("page-json", "small page, JSON gzip", "requests per CPU s", PAGES, MODERN, page_json,
        {"M": (share_of_nginx(25), TWELVE_PEERS)}),
    Row("page-html", "small page, HTML", "requests per CPU s", PAGES, EVERYBODY, page_html,
        {"M": (share_of_nginx(25), TWELVE_PEERS)}),
    Row("page-root", "list of all projects, HTML", "requests per CPU s", ("M", "S"), EVERYBODY, root_html,
        {"M": (share_of_nginx(40),)}),
    Row("page-304", "small page, not modified", "requests per CPU s", PAGES, MODERN, page_not_modified,
        {"M": (share_of_nginx(20),)}),
    Row("page-auth", "small page, Basic auth (bcrypt)", "requests per CPU s", PAGES, MODERN,
        page_with_password, {"M": (share_of_nginx(20),)}),
    Row("page-big", "2,000-file page, JSON gzip", "requests per CPU s", ("M", "L"), MODERN,
        partial(page_json, big=True), {"M": (at_least(10_000),)}),
    Row("page-spread", "pages of all projects in turn, JSON gzip", "requests per CPU s", PAGES, (PYPITOOL,),
        page_spread),
    Row("metadata", ".metadata", "requests per CPU s", PAGES, MODERN, partial(file_body, suffix=".metadata"),
        {"M": (at_least(18_000),)}),
    Row("wheel", "2 KB wheel", "requests per CPU s", PAGES, EVERYBODY, file_body, {"M": (at_least(18_000),)}),
    Row("workers", "two workers against one", "times", ("M",), (PYPITOOL,), two_workers),
)  # fmt: skip

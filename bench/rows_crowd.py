"""The rows about strangers: what a crowd of them costs a client who has done nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from bench.corpora import remove_uploads, upload_wheel
from bench.fleet import PASSWORD, USER
from bench.http import JSON, Answer, ask, basic, connection
from bench.model import Case, Row, Run, Sample, at_most
from bench.rendered import page_path
from bench.rows_uploads import BOUNDARY, upload_form
from bench.servers import PYPITOOL

STRANGERS = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
EVERYBODY = ("127.0.0.1",)  # the client of the row as well
LONGEST_SECONDS = 180.0
LEAST_PAGES = 400
MOST_TRIES = 2
UPLOADED_BYTES = 5_000_000
DOWNLOADED_BYTES = 20_000_000
SETTLED_SECONDS = 3.0


class PutOff(Exception):
    """A body was told to come back, as often as it came."""


def crowd(variant: str, addresses: Sequence[str], run: Run, case: Case) -> Sample | None:
    """How many times longer the 99th percentile of pages is beside a crowd than without, in the same run.

    Bodies of another address go through at the first try, or when they come back once. Those of the crowd's
    own address are served in turn: when the crowd has gone, at the latest.
    """
    server = run.fleet.get(case.server, case.corpus, variant)
    if server is None:
        return None
    headers = {"Authorization": basic(USER, PASSWORD)} if variant else {}
    page, packages = page_path(case.corpus.small_project), run.fleet.packages(case.corpus)
    try:
        large, _ = _upload(server.port, headers, DOWNLOADED_BYTES)
        bodies = (
            partial(_upload, server.port, headers, UPLOADED_BYTES),
            partial(_download, server.port, large, headers),
        )
        quiet = _slow(server.port, page, headers, run.seconds)
        with _strangers(server.port, large, addresses):
            slow = _slow(server.port, page, headers, run.seconds)
            tries = [_tries(body, is_neighbour=addresses == EVERYBODY) for body in bodies]
        for body in bodies:
            body()
    finally:
        remove_uploads(packages)
    note = f"{quiet * 1000:.1f} ms without, {slow * 1000:.1f} with; upload {tries[0]}, download {tries[1]}"
    return Sample(slow / quiet, note)


def _tries(body: Callable[[], tuple[str, int]], *, is_neighbour: bool) -> str:
    try:
        return f"at try {body()[1]}"
    except PutOff:
        if not is_neighbour:
            raise
        return "put off"


@contextmanager
def _strangers(port: int, path: str, addresses: Sequence[str]) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.crowd", str(port), str(LONGEST_SECONDS), path, *addresses]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the crowd did not come")
            time.sleep(SETTLED_SECONDS)
            yield
            if process.poll() is not None:
                raise RuntimeError("the crowd went away")
        finally:
            process.stdin.close()


def _slow(port: int, page: str, headers: Mapping[str, str], seconds: float) -> float:
    """The 99th percentile of pages that are asked for over one connection, a while long."""
    took: list[float] = []
    until = time.perf_counter() + seconds
    with connection(port) as opened:
        while len(took) < LEAST_PAGES or time.perf_counter() < until:
            began = time.perf_counter()
            answer = ask(opened, page, {"Accept": JSON, **headers})
            took.append(time.perf_counter() - began)
            if answer.status != 200:
                raise RuntimeError(f"a page was answered with {answer.status}")
            time.sleep(0.005)
    return sorted(took)[-1 - len(took) // 100]


def _upload(port: int, headers: Mapping[str, str], size: int) -> tuple[str, int]:
    """Upload a wheel, and return where it lies and at which try."""
    filename, wheel = upload_wheel(99, time.time_ns() % 10**9, "0", payload=size)
    form = upload_form(filename, wheel)
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **headers}
    _, tries = _insist(port, partial(_send, form, kind))
    return f"/packages/{filename}", tries


def _download(port: int, path: str, headers: Mapping[str, str]) -> tuple[str, int]:
    answer, tries = _insist(port, partial(_get, path, headers))
    if len(answer.body) < DOWNLOADED_BYTES:
        raise RuntimeError(f"{path} ended after {len(answer.body)} bytes")
    return path, tries


def _insist(port: int, request: Callable[[int], Answer]) -> tuple[Answer, int]:
    """Ask, and come back once if the server says so, and when."""
    for number in range(1, MOST_TRIES + 1):
        answer = request(port)
        if answer.status == 200:
            return answer, number
        if answer.status != 503 or "retry-after" not in answer.headers:
            raise RuntimeError(f"answered with {answer.status} at try {number}: {answer.body[:200]!r}")
        time.sleep(float(answer.headers["retry-after"]))
    raise PutOff


def _send(form: bytes, headers: Mapping[str, str], port: int) -> Answer:
    with connection(port) as opened:
        # As urllib3, and so twine: who is not let finish reads why.
        with suppress(BrokenPipeError, ConnectionResetError):
            opened.request("POST", "/", form, dict(headers))
        answer = opened.getresponse()
        found = {key.lower(): value for key, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())


def _get(path: str, headers: Mapping[str, str], port: int) -> Answer:
    with connection(port) as opened:
        return ask(opened, path, headers)


ROWS = (
    Row("crowd", "page p99 beside a crowd, open index", "times", ("S",), (PYPITOOL,),
        partial(crowd, "", STRANGERS), {"": (at_most(5),)}),
    Row("crowd-closed", "page p99 beside a crowd, closed index", "times", ("S",), (PYPITOOL,),
        partial(crowd, "auth", STRANGERS), {"": (at_most(5),)}),
    Row("crowd-alone", "page p99 in a crowd of one address", "times", ("S",), (PYPITOOL,),
        partial(crowd, "", EVERYBODY), {"": (at_most(5),)}),
)  # fmt: skip

"""The few requests that the benchmark sends itself; load comes from wrk."""

from __future__ import annotations

import base64
import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

HOST = "127.0.0.1"
JSON = "application/vnd.pypi.simple.v1+json"
AS_PIP = f"{JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
NO_HEADERS: Mapping[str, str] = {}


class Unexpected(Exception):
    """A server answered something else than the row measures."""

    def __init__(self, server: str, path: str, got: object, wanted: object) -> None:
        super().__init__(f"{server} answered {got} for {path}, and not {wanted}")


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers in lower case, and the body as it came, perhaps compressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def connection(port: int, *, timeout: float = 60.0) -> Iterator[http.client.HTTPConnection]:
    """Open one connection and close it."""
    opened = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        yield opened
    finally:
        opened.close()


def ask(
    opened: http.client.HTTPConnection,
    path: str,
    headers: Mapping[str, str] = NO_HEADERS,
    method: str = "GET",
) -> Answer:
    """Send one request over an open connection."""
    opened.request(method, path, headers=dict(headers))
    answer = opened.getresponse()
    body = answer.read()
    return Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, body)


def fetch(port: int, path: str, headers: Mapping[str, str] = NO_HEADERS, *, timeout: float = 60.0) -> Answer:
    """Send one request over a connection of its own."""
    with connection(port, timeout=timeout) as opened:
        return ask(opened, path, headers)


def wait_for(port: int, path: str, *, seconds: float, headers: Mapping[str, str] = NO_HEADERS) -> float:
    """Ask until the answer is 200, and return how long that took."""
    began = time.perf_counter()
    while True:
        try:
            if fetch(port, path, headers).status == 200:
                return time.perf_counter() - began
        except (OSError, http.client.HTTPException):
            pass  # not listening yet
        if time.perf_counter() - began > seconds:
            raise TimeoutError(f"no answer from port {port} within {seconds:g} s")
        time.sleep(0.002)


def basic(user: str, password: str) -> str:
    """Write the Authorization header of HTTP Basic."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"

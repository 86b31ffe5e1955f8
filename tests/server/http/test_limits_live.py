"""The limits of a head, as a real server keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest

from pypitool_server.http.request_limits import LONGEST_HEADER, LONGEST_TARGET, MOST_HEADERS
from tests.support.server import HOST, ServerProcess

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("home")
    packages = home / "packages"
    packages.mkdir()
    with ServerProcess(packages, home=home) as started:
        yield started


def answer(server: ServerProcess, path: str, headers: dict[str, str]) -> int:
    """Ask with exactly these headers and Host."""
    with closing(HTTPConnection(HOST, server.port, timeout=30)) as connection:
        connection.putrequest("GET", path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status


def filled(server: ServerProcess, size: int) -> dict[str, str]:
    """Return headers that nobody reads, as long together with Host as is said."""
    left = size - len(f"host{HOST}:{server.port}")
    each, rest = divmod(left - 10 * len("x-fill-0"), 10)
    return {f"x-fill-{number}": "x" * (each + rest * (number == 0)) for number in range(10)}


def test_as_much_as_may_be_said_passes_and_one_byte_more_does_not(server: ServerProcess) -> None:
    target = "/simple/?" + "a" * (LONGEST_TARGET - 9)

    assert answer(server, target, filled(server, MOST_HEADERS)) == 200
    assert answer(server, f"{target}a", {}) == 414
    assert answer(server, "/health?1", filled(server, MOST_HEADERS + 1)) == 431
    assert answer(server, "/health?2", {"User-Agent": "a" * LONGEST_HEADER}) == 200
    assert answer(server, "/health?2", {"User-Agent": "a" * (LONGEST_HEADER + 1)}) == 431


def test_a_head_that_is_longer_than_that_is_not_even_read(server: ServerProcess) -> None:
    server.get("/simple/")  # what is asked for is a ready answer

    assert answer(server, "/simple/", filled(server, 2 * MOST_HEADERS)) == 431

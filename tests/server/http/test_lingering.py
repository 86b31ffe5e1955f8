"""Refused clients that still send come to read the answer, and the time for that ends by the clock."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from pypitool_server.http import lingering as module
from pypitool_server.http.lingering import Lingering
from pypitool_server.http.own_connections import OwnConnections
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of its connections")

PEER = "127.0.0.1"
LARGE = b"x" * 10_000_000


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection: the client's and the engine's."""
    with (
        socket.create_server((PEER, 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
        listening.accept()[0] as server,
    ):
        client.settimeout(20)
        yield client, server


@pytest.fixture
def lingering() -> Iterator[Lingering]:
    with closing(OwnConnections()) as own:
        kept = Lingering(own)
        yield kept
        wait_until(lambda: not kept.count, what="nothing is kept any more", seconds=30)


def refuse(server: socket.socket, lingering: Lingering) -> None:
    """Answer in the middle of a body, and close the connection as an engine does."""
    lingering.keep(PEER)
    server.sendall(b"refused")
    server.close()


def test_a_client_that_sends_on_reads_the_answer(
    ends: tuple[socket.socket, socket.socket], lingering: Lingering
) -> None:
    client, server = ends
    client.sendall(b"half a body")

    refuse(server, lingering)
    client.sendall(LARGE)
    client.shutdown(socket.SHUT_WR)

    assert client.recv(100) == b"refused"
    assert client.recv(100) == b""


def test_the_client_learns_at_once_that_the_connection_is_at_its_end(
    ends: tuple[socket.socket, socket.socket], lingering: Lingering
) -> None:
    client, server = ends
    client.sendall(b"half a body")

    refuse(server, lingering)
    words = [client.recv(100), client.recv(100)]
    client.close()

    assert words == [b"refused", b""]


def test_a_trickle_ends_by_the_clock(
    ends: tuple[socket.socket, socket.socket], lingering: Lingering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.3)
    client, server = ends
    client.sendall(b"half a body")
    refuse(server, lingering)

    def is_reset() -> bool:
        try:
            client.send(b"x")
        except OSError:
            return True
        return False

    wait_until(is_reset, what="the trickle was ended", every=0.05)


def test_nothing_is_read_from_a_connection_that_the_engine_still_has(
    ends: tuple[socket.socket, socket.socket], lingering: Lingering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.3)
    client, server = ends
    client.sendall(b"half a body")

    lingering.keep(PEER)
    client.sendall(b", and the rest")
    wait_until(lambda: not lingering.count, what="it is not kept any more")

    assert server.recv(100) == b"half a body, and the rest"
    server.sendall(b"fine")
    assert client.recv(100) == b"fine"


def test_connections_of_others_are_left_alone(
    ends: tuple[socket.socket, socket.socket], lingering: Lingering
) -> None:
    ends[0].sendall(b"half a body")

    lingering.keep("192.0.2.1")

    assert not lingering.count

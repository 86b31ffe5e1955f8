"""The watch over bodies that fall silent, with real connections."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pypitool_server.http.body_timeout import BodyTimeout
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how long a peer is silent")

# An address of its own: the other ends of the connections are in this process too.
PEER = "127.0.0.2"
PATIENCE = 0.3


@dataclass
class Connection:
    """Both ends of a connection."""

    client: socket.socket
    server: socket.socket

    def say(self, words: bytes) -> None:
        """Let the client say something, and the server hear it."""
        self.client.sendall(words)
        assert self.server.recv(100) == words

    def answer(self, words: bytes) -> None:
        """Let the server answer."""
        self.server.sendall(words)
        assert self.client.recv(100) == words

    @property
    def is_cut(self) -> bool:
        """Whether the server's end has come to an end."""
        self.server.setblocking(False)
        try:
            return self.server.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        finally:
            self.server.setblocking(True)


@pytest.fixture
def connections() -> Iterator[list[Connection]]:
    """Three connections from one peer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        opened = []
        for _ in range(3):
            client = socket.create_connection(listening.getsockname(), source_address=(PEER, 0))
            opened.append(Connection(client, listening.accept()[0]))
        yield opened
        for connection in opened:
            connection.client.close()
            connection.server.close()


def test_only_the_connection_that_stopped_in_the_middle_is_cut(connections: list[Connection]) -> None:
    silent, idle, answered = connections
    idle.say(b"first")
    idle.answer(b"done")
    answered.say(b"request")
    threading.Event().wait(0.05)
    answered.answer(b"the first piece of a long download")
    silent.say(b"half a body")

    with BodyTimeout().over(PEER, PATIENCE) as waiting:
        wait_until(lambda: waiting.silent, what="the silent body was ended", every=0.02)

    assert [connection.is_cut for connection in connections] == [True, False, False]


def test_the_answer_still_reaches_a_peer_that_was_cut(connections: list[Connection]) -> None:
    silent = connections[0]
    silent.say(b"half a body")

    with BodyTimeout().over(PEER, PATIENCE) as waiting:
        wait_until(lambda: waiting.silent, what="the silent body was ended", every=0.02)
    silent.answer(b"408")

    assert silent.is_cut


def test_after_a_permission_to_continue_a_peer_may_be_silent_twice_as_long(
    connections: list[Connection],
) -> None:
    expecting = connections[0]
    expecting.say(b"may I?")
    expecting.answer(b"continue")

    with BodyTimeout().over(PEER, PATIENCE) as waiting:
        wait_until(lambda: waiting.silent, what="the silent body was ended", every=0.02)

    assert expecting.is_cut


def test_the_most_patient_body_of_a_peer_decides_for_all_of_them(connections: list[Connection]) -> None:
    silent = connections[0]
    silent.say(b"half a body")
    watch = BodyTimeout()

    with watch.over(PEER, 60.0) as patient, watch.over(PEER, 0.05) as impatient:
        threading.Event().wait(0.3)

        assert not patient.silent
        assert not impatient.silent
        assert not silent.is_cut


def test_a_peer_that_goes_on_is_left_alone(connections: list[Connection]) -> None:
    slow = connections[0]

    with BodyTimeout().over(PEER, PATIENCE) as waiting:
        for _ in range(5):
            threading.Event().wait(PATIENCE / 3)
            slow.say(b"a little more")

        assert not waiting.silent

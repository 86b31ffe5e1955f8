"""The watch over slow clients, with real connections."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from pypitool.core.pace import Patience
from pypitool_server.http.own_connections import OwnConnections
from pypitool_server.http.slow_connections import Answers, SlowConnections
from tests.support.descriptors import descriptors
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what it has counted")

PATIENCE = Patience(silence=0.3, window=0.6, idle=0.5)
LONG = 60.0


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

    def fill(self) -> None:
        """Let the server send until there is no more room for it."""
        self.server.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self.server.send(b"x" * 65536)

    def read_all(self) -> None:
        """Let the client read to the end."""
        while self.client.recv(65536):
            pass

    @property
    def is_cut(self) -> bool:
        """Whether the server's end has come to an end."""
        self.server.setblocking(False)
        try:
            return self.server.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.server.setblocking(True)


@pytest.fixture
def connections() -> Iterator[list[Connection]]:
    """Three connections from one peer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        opened = []
        for _ in range(3):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(listening.getsockname())
            opened.append(Connection(client, listening.accept()[0]))
        yield opened
        for connection in opened:
            connection.client.close()
            connection.server.close()


@pytest.fixture
def own() -> Iterator[OwnConnections]:
    with closing(OwnConnections()) as found:
        yield found


def peers_of(own: OwnConnections) -> list[int]:
    with own.lock:
        return [connection.number for connection in own.all()]


def test_what_others_connected_to_us_is_found_and_nothing_else(
    connections: list[Connection], own: OwnConnections
) -> None:
    expected = {connection.server.fileno() for connection in connections}

    assert expected <= set(peers_of(own))
    assert not {connection.client.fileno() for connection in connections} & set(peers_of(own))


def test_a_descriptor_that_stands_for_another_connection_is_seen(
    connections: list[Connection], own: OwnConnections
) -> None:
    with own.lock:
        before = {connection.number: connection.identity for connection in own.all()}
    number, other = (connection.server.fileno() for connection in connections[:2])

    os.dup2(other, number)
    with own.lock:
        after = {connection.number: connection.identity for connection in own.all()}

    assert after[number] == before[other] != before[number]


def test_they_are_found_and_ended_when_there_are_no_descriptors(
    connections: list[Connection], own: OwnConnections
) -> None:
    watch = SlowConnections(own, Answers(), PATIENCE)

    with descriptors(0):
        watch_until(watch, connections[0])


def test_bytes_that_wait_for_the_client_are_counted(
    connections: list[Connection], own: OwnConnections
) -> None:
    connections[0].fill()
    connections[1].say(b"half a body")

    samples = {}
    with own.lock:
        for connection in own.all():
            samples[connection.number] = own.sample()
    unread, sending = (samples[connection.server.fileno()] for connection in connections[:2])

    assert unread is not None
    assert sending is not None
    assert unread.waiting > 0
    assert sending.received == len(b"half a body")
    assert not sending.is_owed


def watch_until(watch: SlowConnections, connection: Connection) -> None:
    """Look again and again until a connection is ended."""

    def look() -> bool:
        watch.look()
        return connection.is_cut

    wait_until(look, what="the connection was ended", every=0.05)


def test_only_the_one_that_stopped_in_the_middle_is_cut(
    connections: list[Connection], own: OwnConnections
) -> None:
    silent, going_on, downloading = connections
    watch = SlowConnections(own, Answers(), Patience(0.3, window=LONG, idle=LONG))
    silent.say(b"half a body")
    going_on.say(b"request")
    downloading.say(b"request")

    def look() -> bool:
        going_on.say(b"a little more")
        downloading.answer(b"a piece")
        watch.look()
        return silent.is_cut

    wait_until(look, what="the silent one was ended", every=0.05)

    assert [connection.is_cut for connection in connections] == [True, False, False]


def test_the_answer_still_reaches_a_client_that_was_cut(
    connections: list[Connection], own: OwnConnections
) -> None:
    silent = connections[0]
    silent.say(b"half a body")

    watch_until(SlowConnections(own, Answers(), PATIENCE), silent)
    silent.answer(b"408")

    assert silent.is_cut


def test_a_client_whose_answer_is_being_made_is_left_alone(
    connections: list[Connection], own: OwnConnections
) -> None:
    asking, silent, _ = connections
    answers = Answers()
    watch = SlowConnections(own, answers, Patience(0.3, window=LONG, idle=LONG))
    silent.say(b"half a body")
    time.sleep(1.2)  # more than the second that a request may wait for a thread
    asking.say(b"a whole request")
    answers.begin("127.0.0.1")

    watch_until(watch, silent)
    for _ in range(20):
        watch.look()
        time.sleep(0.03)

    assert not asking.is_cut


def test_a_slow_answer_is_ended_and_nothing_of_it_stays_in_the_kernel(
    connections: list[Connection], own: OwnConnections
) -> None:
    reading = connections[0]
    reading.fill()

    watch_until(SlowConnections(own, Answers(), PATIENCE), reading)
    reading.server.close()

    with pytest.raises(ConnectionResetError):
        reading.read_all()
    linger = connections[1].server.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
    assert struct.unpack("ii", linger) == (0, 0)


def test_a_connection_without_a_request_is_ended(connections: list[Connection], own: OwnConnections) -> None:
    watch_until(SlowConnections(own, Answers(), PATIENCE), connections[0])


def test_a_trickle_is_ended(connections: list[Connection], own: OwnConnections) -> None:
    trickle = connections[0]
    watch = SlowConnections(own, Answers(), Patience(LONG, window=0.5, idle=LONG))

    def look() -> bool:
        if not trickle.is_cut:
            trickle.say(b"x")
        watch.look()
        return trickle.is_cut

    wait_until(look, what="the trickle was ended", every=0.05)


@pytest.mark.usefixtures("connections")
@pytest.mark.process
@pytest.mark.parametrize("came_meanwhile", [False, True], ids=["there before", "came meanwhile"])
def test_a_look_releases_no_lock_of_a_file(
    own: OwnConnections, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, came_meanwhile: bool
) -> None:
    path = tmp_path / "catalogue.sqlite"
    with path.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)  # as SQLite locks, and the counters that workers share
        if came_meanwhile:
            answers = iter([True])  # for the first look at the descriptor it was a connection
            monkeypatch.setattr(stat, "S_ISSOCK", lambda _mode: next(answers, False))
            own._look_at(file.fileno())
            own._look_at(file.fileno())
        else:
            peers_of(own)

        code = "import fcntl, sys\nfcntl.lockf(open(sys.argv[1], 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        ended = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=False)

    assert b"BlockingIOError" in ended.stderr

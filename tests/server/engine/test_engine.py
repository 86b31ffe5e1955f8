"""A real server process and what may happen to it: every case with two workers."""

from __future__ import annotations

import contextlib
import functools
import os
import pty
import signal
import socket
import sqlite3
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.processes import freeze, is_alive, keeper_of, workers_of
from tests.support.server import HOST, ServerProcess, is_listening
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import Release, build_wheel, wheel_bytes, wheel_filename

pytestmark = pytest.mark.live

BIG = 24 * 1024 * 1024
LARGE = Release("large", "1.0")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    directory = tmp_path / "packages"
    build_wheel(directory, "demo", "1.0")
    return directory


@pytest.fixture
def server(packages: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(packages, home=tmp_path, options=["--workers", "2"]) as running:
        wait_until(lambda: len(workers_of(running.pid)) == 2, what="two workers run")
        wait_for_demo(running)
        yield running


def wait_for_demo(server: ServerProcess) -> None:
    wait_until(lambda: server.get("/simple/demo/").status_code == 200, what="the project is listed")


@functools.cache
def big_body() -> bytes:
    return wheel_bytes(LARGE, extra_files={"large/data": os.urandom(BIG)})


def big_wheel(packages: Path, server: ServerProcess) -> str:
    """Put a wheel into the directory that no socket buffer holds, and return its address."""
    wheel = packages / wheel_filename(LARGE)
    wheel.write_bytes(big_body())
    wait_until(lambda: server.get("/simple/large/").status_code == 200, what="the large file is listed")
    return f"/packages/{wheel.name}"


def stalled(server: ServerProcess, path: str) -> socket.socket:
    """Ask for a file, read the first bytes of it, and no more."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    connection.connect((HOST, server.port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


def test_a_second_server_on_the_port_is_refused_with_one_sentence(
    server: ServerProcess, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    second = ServerProcess(other, home=tmp_path, port=server.port)

    ended = subprocess.run(second.command, capture_output=True, text=True, timeout=LONGEST, cwd=tmp_path)

    assert ended.returncode == 1
    assert ended.stdout == ""
    first, *rest = ended.stderr.strip().splitlines()
    assert first == f"error: cannot listen on {HOST}:{server.port}: another server does"
    assert "Traceback" not in "".join(rest)
    assert server.get("/simple/demo/").status_code == 200


def test_a_killed_worker_is_replaced_and_requests_go_on(server: ServerProcess) -> None:
    before = workers_of(server.pid)

    os.kill(before[0], signal.SIGKILL)
    answers = [server.get("/simple/demo/").status_code for _ in range(50)]
    after = wait_until(lambda: two_without(server, before[0]), what="the worker is replaced")

    assert answers == [200] * 50
    assert before[1] in after
    assert (
        "worker 1 ended with exit code -9" in server.log or "worker 2 ended with exit code -9" in server.log
    )


def test_workers_that_crash_again_and_again_never_end_the_server(server: ServerProcess) -> None:
    for _ in range(4):
        killed = workers_of(server.pid)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(functools.partial(two_without, server, *killed), what="workers are started again")

    wait_for_demo(server)


def test_workers_and_keeper_end_when_their_parent_is_killed(server: ServerProcess) -> None:
    keeper = wait_until(lambda: keeper_of(server.pid), what="the keeper runs")
    assert keeper is not None
    family = [*workers_of(server.pid), keeper]

    os.kill(server.pid, signal.SIGKILL)

    wait_until(lambda: not any(map(is_alive, family)), what="they are gone")
    wait_until(lambda: not is_listening(server.url), what="the port is free")


def test_the_keeper_is_started_again_and_ends_with_the_server(server: ServerProcess) -> None:
    first = wait_until(lambda: keeper_of(server.pid), what="the keeper runs")
    assert first is not None

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: keeper_of(server.pid) not in (None, first), what="another keeper runs")
    second = keeper_of(server.pid)
    assert second is not None
    code = server.stop()

    assert code == 0
    assert not is_alive(second)


def test_sigterm_lets_a_running_download_finish(server: ServerProcess, packages: Path) -> None:
    path = big_wheel(packages, server)
    connection = stalled(server, path)
    assert server.process is not None

    server.process.terminate()
    wait_until(lambda: not is_listening(server.url), what="nobody else is let in")
    received = drained(connection)
    code = server.process.wait(LONGEST)

    assert received > BIG
    assert code == 0


def test_workers_may_be_told_to_stop_many_times(server: ServerProcess, packages: Path) -> None:
    path = big_wheel(packages, server)
    connection = stalled(server, path)

    for _ in range(5):
        for pid in workers_of(server.pid):
            # The one that sends nothing has ended, and may be gone by now.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    assert drained(connection) > BIG


def test_sigterm_cuts_a_download_that_takes_too_long(packages: Path, tmp_path: Path) -> None:
    with ServerProcess(packages, home=tmp_path, options=["--workers", "2", "--stop-timeout", "1"]) as server:
        connection = stalled(server, big_wheel(packages, server))
        code = server.stop()

        assert code == 0
        assert drained(connection) < BIG


def test_a_second_signal_cuts_at_once(server: ServerProcess, packages: Path) -> None:
    with stalled(server, big_wheel(packages, server)):
        assert server.process is not None

        server.process.terminate()
        wait_until(lambda: not is_listening(server.url), what="the server is stopping")
        wait_until(lambda: told_again(server), what="it ends, told again and again", every=0.2)

        assert server.process.wait() == 0


def test_two_signals_at_once_are_one_wish(server: ServerProcess, packages: Path) -> None:
    connection = stalled(server, big_wheel(packages, server))
    assert server.process is not None

    server.process.terminate()
    server.process.terminate()
    wait_until(lambda: not is_listening(server.url), what="the server is stopping")

    assert drained(connection) > BIG


def test_interrupting_ends_with_the_code_of_an_interruption(server: ServerProcess) -> None:
    assert server.process is not None

    server.process.send_signal(signal.SIGINT)

    assert server.process.wait(LONGEST) == 130


def test_many_stalled_downloads_do_not_delay_a_page(server: ServerProcess, packages: Path) -> None:
    path = big_wheel(packages, server)
    held = [stalled(server, path) for _ in range(200)]

    answers = [server.get("/simple/demo/").status_code for _ in range(40)]

    # None of the 200 goes on before it is read or closed: a page that waited for one would never come.
    assert answers == [200] * 40
    for connection in held:
        connection.close()


def test_a_queue_of_connections_survives_the_worker_that_did_not_take_them(server: ServerProcess) -> None:
    for pid in workers_of(server.pid):
        freeze(pid)
    waiting = [socket.create_connection((HOST, server.port)) for _ in range(8)]
    for connection in waiting:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    for pid in workers_of(server.pid):
        os.kill(pid, signal.SIGKILL)

    for connection in waiting:
        connection.settimeout(LONGEST)
        with connection:
            assert connection.recv(15) == b"HTTP/1.1 200 OK"


def told_again(server: ServerProcess) -> bool:
    assert server.process is not None
    server.process.terminate()
    return server.process.poll() is not None


def two_without(server: ServerProcess, *gone: int) -> list[int]:
    workers = workers_of(server.pid)
    return workers if len(workers) == 2 and not set(gone) & set(workers) else []


def test_the_server_ends_with_the_terminal_that_it_was_started_in(packages: Path, tmp_path: Path) -> None:
    server = ServerProcess(packages, home=tmp_path, options=["--workers", "2"])

    with in_terminal(server.command) as (process, terminal):
        shown = read_until(terminal, b"index-url")
        wait_until(lambda: len(workers_of(process.pid)) == 2, what="two workers run")
        family = workers_of(process.pid)

    assert process.wait(LONGEST) == 130
    assert b"pip.conf of a client" in shown
    assert not any(map(is_alive, family))


def test_what_only_a_worker_can_see_is_refused_with_its_sentence(
    packages: Path, tmp_path: Path, server: ServerProcess
) -> None:
    server.stop()
    catalogue = packages / ".pypitool" / "catalogue.sqlite"
    with closing(sqlite3.connect(catalogue)) as connection:
        connection.execute("PRAGMA user_version = 999")
        connection.commit()

    ended = subprocess.run(server.command, capture_output=True, text=True, timeout=LONGEST, cwd=tmp_path)

    assert ended.returncode == 8
    assert ended.stderr.startswith(
        f"error: the catalogue {catalogue} has schema 999, made by a newer pypitool"
    )
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("limit", [20, 24, 32, 63])
def test_a_start_with_few_descriptors_is_refused_with_one_sentence(
    packages: Path, tmp_path: Path, limit: int
) -> None:
    command = ServerProcess(packages, home=tmp_path).command
    limited = ["sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh", *command]

    ended = subprocess.run(limited, capture_output=True, text=True, timeout=LONGEST, cwd=tmp_path)

    assert ended.returncode == 7
    assert ended.stderr.startswith(f"error: only {limit} files may be open at once, and a server needs 64\n")
    assert "Traceback" not in ended.stderr


def test_the_fewest_descriptors_that_are_taken_are_enough(packages: Path, tmp_path: Path) -> None:
    server = ServerProcess(packages, home=tmp_path, options=["--workers", "2"])
    limited = ["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh", *server.command]

    with subprocess.Popen(limited, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: is_listening(server.url), what="it listens")
            wait_for_demo(server)
        finally:
            process.terminate()


@contextmanager
def in_terminal(command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a command in a terminal of its own, and close the window at the end."""
    terminal, inner = pty.openpty()
    take = f"import fcntl, os, sys; fcntl.ioctl(0, {termios.TIOCSCTTY}); os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", take, *command],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    try:
        yield process, terminal
    finally:
        os.close(terminal)


def read_until(descriptor: int, text: bytes) -> bytes:
    """Read from a terminal until `text` stands there."""
    seen = b""
    while text not in seen:
        seen += os.read(descriptor, 4096)
    return seen


def drained(connection: socket.socket) -> int:
    """Read to the end, and return how many bytes there were."""
    received = 0
    connection.settimeout(LONGEST)
    with connection:
        try:
            while piece := connection.recv(1 << 20):
                received += len(piece)
        except ConnectionResetError:
            pass
    return received

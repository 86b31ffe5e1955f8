"""Strangers who take their time: whatever they do, others are served."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from tests.support.accounts import write_htpasswd
from tests.support.forms import upload_form
from tests.support.server import HOST, ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import Release, build_wheel, sdist_bytes

pytestmark = pytest.mark.live

THREADS = 64  # 24 of them send, 8 receive, 4 read small bodies, 4 wait for passwords
CROWD = 80
LARGE = "/packages/large-1.0-py3-none-any.whl"
MANY_BYTES = 20_000_000
MINE = "127.0.0.9"  # of somebody who has done nothing


class From(requests.adapters.HTTPAdapter):
    """Requests from one of the addresses of this machine."""

    def init_poolmanager(self, *arguments: object, **options: object) -> None:
        super().init_poolmanager(*arguments, source_address=(MINE, 0), **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with few threads: uploads take a password, everything else is open."""
    home = tmp_path_factory.mktemp("server")
    build_wheel(home / "packages", "acme", "1.0")
    noise = hashlib.shake_128(b"").digest(MANY_BYTES)
    build_wheel(home / "packages", "large", "1.0", extra_files={"noise": noise})
    passwords = write_htpasswd(home / "htpasswd", {"deploy": "secret"})
    options = ["-a", "update", "-P", str(passwords), "--threads", str(THREADS), "--body-timeout", "3s"]
    with ServerProcess(home / "packages", home=home, options=options) as started:
        started.wait_until_listed("acme", "large")
        yield started


@pytest.fixture
def crowd(server: ServerProcess) -> Iterator[list[socket.socket]]:
    """As many connections as there are strangers, from two addresses."""
    with ExitStack() as opened:
        yield [
            opened.enter_context(stranger(server.port, f"127.0.0.{2 + number % 2}"))
            for number in range(CROWD)
        ]


def stranger(port: int, address: str) -> socket.socket:
    """Connect with little room for what comes."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.bind((address, 0))
    client.connect((HOST, port))
    return client


def ask(server: ServerProcess, method: str, path: str, **more: object) -> requests.Response:
    """Send one request from an address that did nothing yet."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", From())
        return session.request(method, server.url + path, timeout=30, **more)  # type: ignore[arg-type]


def others_are_served(server: ServerProcess, name: str) -> list[int]:
    """Return the answers to a page, a large download and an upload."""
    form = upload_form(f"{name}-1.0.tar.gz", sdist_bytes(Release(name, "1.0")))
    kind = {"Content-Type": form.content_type}
    return [
        ask(server, "GET", "/simple/acme/").status_code,
        ask(server, "GET", LARGE).status_code,
        ask(server, "POST", "/", data=form.data, headers=kind, auth=("deploy", "secret")).status_code,
    ]


def post(length: int, kind: str, more: str = "") -> bytes:
    """The head of a request, and the first byte of its body."""
    lines = ("POST / HTTP/1.1", "Host: x", f"Content-Type: {kind}", f"Content-Length: {length}")
    return "".join(f"{line}\r\n" for line in lines).encode() + f"{more}\r\nx".encode()


def has_ended(client: socket.socket, *, trickles: bool = False) -> bool:
    """Tell whether a connection is at its end; `trickles`: try by sending one more byte."""
    client.setblocking(False)
    try:
        if trickles:
            client.send(b"x")
        return client.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def all_ended(crowd: list[socket.socket]) -> bool:
    """Let each send one byte more."""
    ended = [has_ended(client, trickles=True) for client in crowd]
    return all(ended)


def test_calls_of_xml_that_do_not_end(server: ServerProcess, crowd: list[socket.socket]) -> None:
    for client in crowd:
        client.sendall(post(60_000, "text/xml"))

    assert others_are_served(server, "besidecalls") == [200, 200, 200]


def test_refused_uploads_that_trickle_end_by_the_clock(
    server: ServerProcess, crowd: list[socket.socket]
) -> None:
    for client in crowd:
        client.sendall(post(500_000, "multipart/form-data; boundary=x"))

    answered = [client.recv(12) for client in crowd]
    served = others_are_served(server, "besiderefused")

    assert set(answered) == {b"HTTP/1.1 401"}
    assert served == [200, 200, 200]
    wait_until(lambda: all_ended(crowd), what="all of them were ended", every=0.5)


def test_readers_who_read_nothing(server: ServerProcess, crowd: list[socket.socket]) -> None:
    for client in crowd:
        client.sendall(f"GET {LARGE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    served = others_are_served(server, "besidereaders")
    alone = ask(server, "GET", LARGE).content

    assert served == [200, 200, 200]
    assert len(alone) > MANY_BYTES


def test_readers_who_read_nothing_are_ended(server: ServerProcess) -> None:
    with stranger(server.port, "127.0.0.2") as client:
        client.sendall(f"GET {LARGE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        looked = client.recv(12)

        wait_until(lambda: is_reset(client), what="the reader was ended", every=0.5)

    assert looked == b"HTTP/1.1 200"


def is_reset(client: socket.socket) -> bool:
    """Tell whether the other end has given a connection up; nothing is read."""
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def test_wrong_passwords_at_once(server: ServerProcess, crowd: list[socket.socket]) -> None:
    for number, client in enumerate(crowd):
        credentials = base64.b64encode(f"user{number}:wrong".encode()).decode()
        client.sendall(post(1, "multipart/form-data; boundary=x", f"Authorization: Basic {credentials}\r\n"))

    served = others_are_served(server, "besideguesses")
    answers = {client.recv(12) for client in crowd}

    assert served == [200, 200, 200]
    assert answers <= {b"HTTP/1.1 401", b"HTTP/1.1 429", b"HTTP/1.1 503"}

"""Where a server listens: a unix socket, TLS, a free port; and what is refused before anybody is served."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.certificates import Authority, make_authority
from tests.support.processes import is_alive, workers_of
from tests.support.server import HOST, ServerProcess
from tests.support.waiting import LONGEST, wait_until

pytestmark = pytest.mark.live


class UnixConnection(http.client.HTTPConnection):
    """HTTP through a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=LONGEST)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LONGEST)
        self.sock.connect(str(self._path))


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    directory = tmp_path / "packages"
    directory.mkdir()
    return directory


@contextmanager
def on_unix_socket(packages: Path, path: Path) -> Iterator[ServerProcess]:
    options = ["--workers", "2", "--unix-socket", str(path)]
    with ServerProcess(packages, home=packages.parent, options=options, ready_path=None) as server:
        wait_until(lambda: "serves" in server.log, what="the server serves")
        yield server


def status_over(path: Path) -> int:
    connection = UnixConnection(path)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_unix_socket_serves_with_its_permissions_and_goes_with_the_server(
    packages: Path, tmp_path: Path
) -> None:
    path = tmp_path / "pypitool.sock"

    with on_unix_socket(packages, path) as server:
        status, mode = status_over(path), stat.S_IMODE(path.stat().st_mode)
        code = server.stop()

    assert (status, mode, code) == (200, 0o660, 0)
    assert not path.exists()


def test_the_socket_of_a_living_server_is_refused(packages: Path, tmp_path: Path) -> None:
    path = tmp_path / "pypitool.sock"

    with on_unix_socket(packages, path):
        second = ServerProcess(packages, home=tmp_path, options=["--unix-socket", str(path)])
        ended = subprocess.run(second.command, capture_output=True, text=True, timeout=LONGEST, cwd=tmp_path)
        status = status_over(path)

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: cannot listen on unix:{path}: another server does\n")
    assert status == 200


def test_the_socket_of_a_dead_server_is_taken_over(packages: Path, tmp_path: Path) -> None:
    path = tmp_path / "pypitool.sock"
    with on_unix_socket(packages, path) as server:
        server.kill()
    assert path.exists()

    with on_unix_socket(packages, path):
        status = status_over(path)

    assert status == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_tls_with_an_own_authority(packages: Path, authority: Authority) -> None:
    with over_tls(packages, authority) as server:
        modern = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
        answers = {server_status(server.port, authority, version) for version in modern}
        with pytest.raises(ssl.SSLError):
            server_status(server.port, authority, ssl.TLSVersion.TLSv1_1)

    assert answers == {200}


def test_a_renewed_certificate_counts_after_sighup(
    packages: Path, tmp_path: Path, authority: Authority
) -> None:
    old = make_authority(tmp_path)

    with over_tls(packages, old) as server:
        before = workers_of(server.pid)
        old.chain.write_bytes(authority.chain.read_bytes())
        old.key.write_bytes(authority.key.read_bytes())
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: not any(map(is_alive, before)), what="the old workers are gone")

        assert {server_status(server.port, authority, ssl.TLSVersion.TLSv1_3) for _ in range(6)} == {200}


def test_http_2_is_spoken_over_tls(packages: Path, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.ca))
    context.set_alpn_protocols(["h2", "http/1.1"])

    with (
        over_tls(packages, authority) as server,
        socket.create_connection((HOST, server.port)) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as secured,
    ):
        assert secured.selected_alpn_protocol() == "h2"


@contextmanager
def over_tls(packages: Path, authority: Authority) -> Iterator[ServerProcess]:
    options = ["--workers", "2", "--cert", str(authority.chain), "--key", str(authority.key)]
    with ServerProcess(packages, home=packages.parent, options=options, ready_path=None) as server:
        wait_until(lambda: "serves" in server.log, what="the server serves")
        yield server


def server_status(port: int, authority: Authority, version: ssl.TLSVersion) -> int:
    context = ssl.create_default_context(cafile=str(authority.ca))
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # or our own side would refuse the old versions
    context.minimum_version = context.maximum_version = version
    connection = http.client.HTTPSConnection(HOST, port, context=context, timeout=LONGEST)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--cert", "no.pem", "--key", "no.key"],
            "cannot use `{home}/no.pem` for TLS: no such file or directory",
        ),
        (["-P", "no.htpasswd"], "cannot use the password file {home}/no.htpasswd: no such file or directory"),
        (["--welcome", "no.html"], "cannot use the welcome page {home}/no.html: no such file or directory"),
        (
            ["--log-file", "no/dir/log"],
            "cannot write the log file `{home}/no/dir/log`: no such file or directory",
        ),
        (["-i", "192.0.2.1"], "cannot listen on 192.0.2.1:{port}: cannot assign requested address"),
        (
            ["--unix-socket", "packages"],
            "cannot listen on unix:{home}/packages: a file that is no socket lies there",
        ),
    ],
    ids=["certificate", "passwords", "welcome", "log-file", "foreign-address", "no-socket"],
)
def test_what_cannot_work_is_refused_in_one_sentence(
    options: list[str], sentence: str, packages: Path, tmp_path: Path
) -> None:
    server = ServerProcess(packages, home=tmp_path, options=options)

    ended = subprocess.run(server.command, capture_output=True, text=True, timeout=LONGEST, cwd=tmp_path)

    assert ended.returncode == 8
    expected = sentence.format(home=tmp_path, port=server.port)
    assert ended.stderr.splitlines()[0] == f"error: {expected}"
    assert "Traceback" not in ended.stderr


def test_who_names_a_password_file_that_is_not_there_is_told_how_to_make_one(
    packages: Path, tmp_path: Path
) -> None:
    server = ServerProcess(packages, home=tmp_path, options=["-P", "no.htpasswd"])

    ended = subprocess.run(server.command, capture_output=True, text=True, timeout=LONGEST, cwd=tmp_path)

    assert f"hint: `pypitool user add NAME -P {tmp_path}/no.htpasswd` makes it\n" in ended.stderr


def test_a_directory_that_is_not_there_is_refused_in_one_sentence(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "nowhere", home=tmp_path)

    ended = subprocess.run(server.command, capture_output=True, text=True, timeout=LONGEST, cwd=tmp_path)

    assert ended.returncode == 8
    assert ended.stderr.startswith(f"error: the package directory {tmp_path}/nowhere does not exist\n")

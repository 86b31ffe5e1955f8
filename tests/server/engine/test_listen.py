"""Addresses that are ours alone."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from pypitool_server.engine.listen import AddressInUse, CannotListen, TcpListener, UnixListener
from tests.support.waiting import LONGEST

HOST = "127.0.0.1"


def test_a_port_that_others_share_is_refused_as_well() -> None:
    # As granian, gunicorn --reuse-port and others bind.
    with socket.socket() as sharing:
        sharing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sharing.bind((HOST, 0))
        sharing.listen()

        with pytest.raises(AddressInUse, match="another server does"):
            TcpListener(HOST, sharing.getsockname()[1])


def test_workers_have_sockets_of_their_own_and_a_second_server_none() -> None:
    listener = TcpListener(HOST, 0)
    try:
        own = [listener.socket_of(number) for number in range(3)]

        assert len({one.fileno() for one in own}) == 3
        assert {one.getsockname() for one in own} == {(HOST, listener.port)}
        assert set(listener.others(1)) == {own[0], own[2]}
        with pytest.raises(AddressInUse):
            TcpListener(HOST, listener.port)
    finally:
        listener.close()


def test_sockets_of_workers_that_are_no_more_take_no_connections() -> None:
    listener = TcpListener(HOST, 0)
    try:
        for number in range(4):
            listener.socket_of(number)
        listener.shrink(1)
        kept = listener.socket_of(0)
        kept.settimeout(LONGEST)

        for _ in range(8):
            with socket.create_connection((HOST, listener.port)):
                accepted, _ = kept.accept()
                accepted.close()
    finally:
        listener.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "::", "", "0.0.0.0"])
def test_hosts_are_taken_as_people_write_them(host: str) -> None:
    try:
        listener = TcpListener(host, 0)
    except CannotListen:
        pytest.skip("this machine has no IPv6")
    listener.close()


def test_both_kinds_of_loopback_reach_a_server_on_every_address() -> None:
    try:
        listener = TcpListener("::", 0)
    except CannotListen:
        pytest.skip("this machine has no IPv6")
    try:
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, listener.port)).close()
    finally:
        listener.close()


def test_a_host_that_nobody_knows_is_refused_with_a_sentence() -> None:
    with pytest.raises(CannotListen, match=r"^cannot listen on no-such-host\.invalid:80: "):
        TcpListener("no-such-host.invalid", 80)


def test_a_unix_socket_has_its_permissions_from_the_first_moment(tmp_path: Path) -> None:
    path = tmp_path / "own.sock"

    listener = UnixListener(path, 0o600)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    listener.close()
    assert not path.exists()


def test_closing_leaves_the_socket_of_a_successor_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.sock"
    first = UnixListener(path, 0o600)
    path.unlink()
    second = UnixListener(path, 0o600)

    first.close()

    assert path.exists()
    second.close()


def test_a_path_that_is_too_long_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CannotListen, match="too long"):
        UnixListener(tmp_path / ("x" * 200), 0o600)

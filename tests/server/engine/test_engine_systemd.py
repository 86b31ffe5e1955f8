"""What systemd is told."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import ServerProcess
from tests.support.waiting import LONGEST


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(LONGEST)
        yield listening


@pytest.mark.live
def test_the_service_manager_hears_ready_reloading_and_stopping(
    manager: socket.socket, tmp_path: Path
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify")}

    with ServerProcess(
        packages, home=tmp_path, options=["--workers", "2"], environment=environment
    ) as server:
        heard = [manager.recv(500)]
        os.kill(server.pid, signal.SIGHUP)
        heard += [manager.recv(500), manager.recv(500)]
        server.stop()
        heard.append(manager.recv(500))

    assert [words.split(b"\n")[0] for words in heard] == [
        b"READY=1",
        b"RELOADING=1",
        b"READY=1",
        b"STOPPING=1",
    ]
    assert f"serving at 127.0.0.1:{server.port}".encode() in heard[0]

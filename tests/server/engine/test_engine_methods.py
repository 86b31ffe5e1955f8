"""Workers that are forked and workers that are spawned: Python 3.14 spawns where others fork."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.processes import is_alive, workers_of
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

STARTER = """
import multiprocessing, sys
from pypitool.__main__ import main

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv.pop(1))
    sys.exit(main())
"""


class StartedBy(ServerProcess):
    """A server whose workers are started in a way of our choice."""

    method = ""

    @property
    def command(self) -> list[str]:
        """The command line that starts it."""
        starter = self._home / "starter.py"
        starter.write_text(STARTER)
        return [sys.executable, str(starter), self.method, *super().command[3:]]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_server_serves_reloads_heals_and_ends(method: str, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "demo", "1.0")
    server = StartedBy(packages, home=tmp_path, options=["--workers", "2", "--hash-algo", "md5"])
    server.method = method

    with server:
        wait_until(lambda: len(workers_of(server.pid)) == 2, what="two workers run")
        wait_until(lambda: "#md5=" in server.get("/simple/demo/").text, what="the settings arrived")
        first = workers_of(server.pid)
        os.kill(first[0], signal.SIGKILL)
        wait_until(lambda: len(set(workers_of(server.pid)) - {first[0]}) == 2, what="a worker is replaced")
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: not any(map(is_alive, first)), what="the workers are renewed")
        codes = {server.get("/simple/demo/").status_code for _ in range(12)}
        ended = server.stop()

    assert codes == {200}
    assert ended == 0

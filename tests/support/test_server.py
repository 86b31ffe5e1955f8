"""A server that cannot start says why in the failure of its test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.server import ServerDidNotStart, ServerProcess, free_port, is_listening
from tests.support.waiting import NeverHappened, wait_until


@pytest.mark.live
def test_a_server_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, home=tmp_path, options=["--no-such-option"])

    with pytest.raises(ServerDidNotStart, match=r"exit code [12]; its log:\n.+"):
        server.start()

    assert server.process is None


def test_a_free_port_has_no_listener() -> None:
    port = free_port()

    assert not is_listening(f"http://127.0.0.1:{port}")


def test_waiting_ends_with_a_sentence() -> None:
    with pytest.raises(NeverHappened, match=r"not within 0\.05 s: pigs fly; the last look gave 0"):
        wait_until(lambda: 0, what="pigs fly", seconds=0.05)

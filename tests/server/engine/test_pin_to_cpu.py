"""Each worker keeps to one CPU, and two workers to two."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import ServerProcess
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux only")


@pytest.mark.process
def test_threads_that_are_started_later_stay_on_the_same_cpu() -> None:
    code = (
        "import os, threading; from pypitool_server.engine.worker import pin_to_cpu;"
        "pin_to_cpu(7); seen = [];"
        "thread = threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0)));"
        "thread.start(); thread.join(); print(len(seen[0]), seen[0] == os.sched_getaffinity(0))"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.split() == ["1", "True"]


@pytest.mark.live
def test_two_workers_have_a_cpu_each(tmp_path: Path) -> None:
    build_wheel(tmp_path / "packages", "acme", "1.0")
    options = ["--workers", "2", "-a", ".", "-P", "."]
    with ServerProcess(tmp_path / "packages", home=tmp_path, options=options) as server:
        pinned = [cpus for pid in children(server.pid) if len(cpus := os.sched_getaffinity(pid)) == 1]

    # The keeper is not held: it has one thread that works, and that may go where there is room.
    assert len(pinned) == 2
    assert len({min(cpus) for cpus in pinned}) == min(2, len(os.sched_getaffinity(0)))


def children(parent: int) -> list[int]:
    """The processes that a process has started, from any of its threads."""
    tasks = Path(f"/proc/{parent}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]

"""CPU seconds and memory of a process tree are those of all its processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.processes import cpu_seconds, parse_stat, pss_bytes, tree

pytestmark = pytest.mark.process

BURN = "import time\nwhile time.process_time() < 0.2: pass\n"
# Four numbers are added, each of whole ticks.
ROUNDED = 4 / os.sysconf("SC_CLK_TCK")


def test_a_command_with_brackets_and_spaces_in_its_name_is_read() -> None:
    line = "42 (a (b) c) S 1 42 40 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 1 0 5 6 7"

    stat = parse_stat(line)

    assert (stat.pid, stat.parent, stat.session, stat.cpu_ticks) == (42, 1, 40, 127)


def test_children_that_have_ended_count() -> None:
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}])"
    with started(f"{script}; print(flush=True); sys.stdin.read()") as process:
        assert process.stdout is not None
        process.stdout.readline()

        used = cpu_seconds(process.pid)

    assert used >= 0.2 - ROUNDED


def test_the_tree_holds_grandchildren_and_their_memory() -> None:
    nested = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(flush=True); input()'])"
    with started(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {nested!r}])") as process:
        assert process.stdout is not None
        process.stdout.readline()

        members = tree(process.pid)
        memory = pss_bytes(process.pid)

    assert len(members) == 3
    assert memory > 3_000_000


def started(script: str) -> subprocess.Popen[bytes]:
    """Start a Python process with pipes; leaving it closes its stdin, which ends it."""
    return subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )

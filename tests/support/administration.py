"""The administrator's commands, run as a process beside a running server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.clients import ClientFailed, Ran
from tests.support.environment import scrubbed
from tests.support.waiting import LONGEST


def pypitool(home: Path, *arguments: str | Path) -> str:
    """Run `pypitool` with these arguments, which must succeed, and return what it printed."""
    command = [sys.executable, "-m", "pypitool", *(str(argument) for argument in arguments)]
    ended = subprocess.run(
        command, env=scrubbed(os.environ, home=home), cwd=home, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LONGEST, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise ClientFailed(Ran(" ".join(command), ended.returncode, ended.stdout))
    return ended.stdout

"""A process of its own that restores a state and is killed before its n-th change of a name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

from pypitool.repository.backup import restore
from tests.support.imports import ROOT
from tests.support.waiting import LONGEST

CHANGES = ("link", "rename", "replace", "unlink", "rmdir")


def killed(file: Path, state: Path, number: int) -> bool:
    """Restore and kill; False: it had ended before."""
    command = [sys.executable, "-m", "tests.support.restorer", str(file), str(state), str(number)]
    ended = subprocess.run(command, timeout=LONGEST, check=False, cwd=ROOT)
    assert ended.returncode in (0, -signal.SIGKILL)
    return ended.returncode != 0


def main(file: str, state: str, number: str) -> None:
    """Restore, and be killed."""
    numbers = count()

    def dying(change: Any) -> Any:
        def changing(*args: Any, **kwargs: Any) -> Any:
            if next(numbers) == int(number):
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*args, **kwargs)

        return changing

    for change in CHANGES:
        setattr(os, change, dying(getattr(os, change)))
    restore(Path(file), Path(state))


if __name__ == "__main__":
    main(*sys.argv[1:])

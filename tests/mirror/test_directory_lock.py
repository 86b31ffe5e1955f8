from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pypitool.core.errors import exit_code
from pypitool.core.state_files import HiddenFiles
from pypitool.mirror.run import DirectoryLocked, lock_directory

HOLD = f"""
import sys
from pathlib import Path
from {lock_directory.__module__} import lock_directory
with lock_directory(Path(sys.argv[1]), "pypitool sync nightly"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.process
def test_a_second_run_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"

        with pytest.raises(DirectoryLocked) as caught, lock_directory(tmp_path, "pypitool sync"):
            pass

        first.kill()

    assert f"`pypitool sync nightly` (process {first.pid}, since 20" in str(caught.value)
    assert exit_code(caught.value) == 6


@pytest.mark.process
def test_a_run_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()
        first.kill()

    with lock_directory(tmp_path, "pypitool sync"):
        assert str(os.getpid()) in HiddenFiles(tmp_path).mirror_lock.read_text()


def test_a_lock_can_be_taken_again_after_the_run(tmp_path: Path) -> None:
    for _ in range(2):
        with lock_directory(tmp_path, "pypitool sync"):
            assert HiddenFiles(tmp_path).mirror_lock.exists()


def test_a_holder_that_has_not_written_itself_down_is_still_a_holder(tmp_path: Path) -> None:
    with lock_directory(tmp_path, "pypitool sync"):
        HiddenFiles(tmp_path).mirror_lock.write_text("")

        with pytest.raises(DirectoryLocked, match="locked by another run"), lock_directory(tmp_path, "again"):
            pass

"""Tiny file systems, for tests about disks that are full."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted_disk(place: Path, *, megabytes: int) -> Iterator[Path]:
    """Mount an empty file system of this size, or skip the test with the reason."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tiny disk needs root")
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def make_read_only(place: Path) -> None:
    """Let a mounted disk refuse every write from now on."""
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)

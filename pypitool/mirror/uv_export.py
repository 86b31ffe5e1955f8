"""A lock of uv's own as a pylock: `uv export`, which reads the project beside it and asks nobody."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.lock_kinds import UV_EXPORT
from pypitool.host import scratch_directory
from pypitool.mirror.uv_program import uv_environment, uv_program

_LOCK, _PROJECT = "uv.lock", "pyproject.toml"
_TIMEOUT = 120.0
_QUIETLY = ("--quiet", "--no-header", "--no-config", "--no-cache", "--offline", "--no-python-downloads")


class NotExported(PypitoolError):
    """uv made no pylock of its lock."""

    kind = Kind.INVALID
    sentence = "uv does not export it: {reason}"
    reason: str


def project_beside(lock: Path) -> Path | None:
    """Return the description of the project that a lock of uv belongs to, if it is there."""
    project = lock.with_name(_PROJECT)
    return project if project.is_file() else None


def exported(lock: Path, project: Path, environ: Mapping[str, str]) -> str:
    """Return a lock of uv as a pylock, with all extras and no development groups."""
    with scratch_directory() as place:
        folder = str(place)
        own = uv_environment(environ, folder)
        if lock.name == _LOCK:
            return _exported_in(lock.parent, own)
        # uv knows its lock by the name alone.
        shutil.copyfile(project, Path(folder) / _PROJECT)
        shutil.copyfile(lock, Path(folder) / _LOCK)
        return _exported_in(Path(folder), own)


def _exported_in(folder: Path, environ: Mapping[str, str]) -> str:
    _, *words = UV_EXPORT.split()
    try:
        command = [uv_program(), *words, *_QUIETLY, "--python", sys.executable, "--color", "never"]
        ended = subprocess.run(
            command, env=environ, capture_output=True, text=True, encoding="utf-8",
            timeout=_TIMEOUT, check=False, stdin=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise NotExported(f"it did not end within {_TIMEOUT:g} s") from error
    except (OSError, UnicodeDecodeError) as error:
        raise NotExported(str(error)) from error
    if ended.returncode != 0:
        raise NotExported(_in_one_line(ended.stderr) or f"exit code {ended.returncode}")
    return ended.stdout


def _in_one_line(text: str) -> str:
    return " ".join(text.split()).removeprefix("error: ")

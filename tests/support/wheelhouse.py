"""A folder with a wheel of all that an installation on the system's Python needs: no index is asked then.

It is fetched once for each machine and each list of dependencies; nobody changes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from tests.support.imports import ROOT
from tests.support.missing_parts import PartMissing
from tests.support.recipes import cache_directory

# Debian's own, and that of an image made from it: what pyenv and uv install is another one.
SYSTEM_PYTHON = Path("/usr/bin/python3")
# What builds us, and what pipx installs beside.
TOOLS = ("build", "editables", "hatchling>=1.26", "pip", "setuptools", "wheel")
LONGEST_SECONDS = 600.0


def wheelhouse(cache: Path, environ: Mapping[str, str]) -> Path:
    """Return the folder, filled unless it is there."""
    target = cache / f"wheels-{_mark()}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{target.name}.lock").open("w") as lock:
        # Several pytest workers want it at once; one fills it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _fill(target, environ)
    return target


def _mark() -> str:
    """Name what the folder depends on: another list of dependencies, or another Python, is another folder."""
    if not SYSTEM_PYTHON.exists():
        raise PartMissing(str(SYSTEM_PYTHON), "it is not installed")
    version = subprocess.run([SYSTEM_PYTHON, "-VV"], capture_output=True, text=True, check=True).stdout
    return sha256(repr((version, TOOLS, (ROOT / "pyproject.toml").read_text())).encode()).hexdigest()[:12]


def _fill(target: Path, environ: Mapping[str, str]) -> None:
    partial, venv = target.with_name(f"{target.name}.partial"), target.with_name(f"{target.name}.venv")
    for folder in (partial, venv):
        shutil.rmtree(folder, ignore_errors=True)
    # The full version of Python counts: what 3.11.7 takes need not fit the 3.11.2 of Debian.
    _call([str(SYSTEM_PYTHON), "-m", "venv", str(venv)], environ)
    _call([str(venv / "bin/pip"), "install", "--quiet", "--upgrade", "pip"], environ)
    words = ["download", "--quiet", "--only-binary=:all:", "--dest", str(partial), str(ROOT), *TOOLS]
    _call([str(venv / "bin/pip"), *words], environ)
    shutil.rmtree(venv)
    partial.rename(target)


def _call(command: list[str], environ: Mapping[str, str]) -> None:
    try:
        ended = subprocess.run(
            command, env=environ, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise PartMissing("a folder of wheels", f"{' '.join(command)} took too long") from None
    if ended.returncode:
        raise PartMissing("a folder of wheels", f"{' '.join(command)} failed: {ended.stderr[-2000:]}")


if __name__ == "__main__":  # beside the tests, so that none waits for it
    print(wheelhouse(cache_directory(os.environ), os.environ))

"""A small Debian with its own Python and systemd: what images are built upon, and what a container boots.

It is made once for each machine, out of packages alone; who wants to change it takes a copy.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from tests.support.missing_parts import PartMissing
from tests.support.recipes import cache_directory

SUITE = "bookworm"
INCLUDED = (
    "python3",
    "python3-venv",
    "ca-certificates",
    "systemd",
    "systemd-sysv",
    "dbus",
    "udev",
    "procps",
)
LONGEST_SECONDS = 600.0
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def debian_root(cache: Path, environ: Mapping[str, str]) -> Path:
    """Return the root directory of the Debian, made unless it is there; nobody changes it."""
    name = sha256(repr((SUITE, INCLUDED)).encode()).hexdigest()[:12]
    target = cache / f"debian-{SUITE}-{name}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{target.name}.lock").open("w") as lock:
        # Several pytest workers want it at once; one makes it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _make(target, environ)
    return target


def copy_of(root: Path, target: Path) -> Path:
    """Copy the Debian, owners and all, to where it may be changed."""
    subprocess.run(["cp", "-a", str(root), str(target)], check=True)
    return target


def _make(target: Path, environ: Mapping[str, str]) -> None:
    path = f"{environ.get('PATH', '')}:{SBIN}"
    program = shutil.which("debootstrap", path=path)
    if program is None or os.geteuid() != 0:
        raise PartMissing("debootstrap", "it is not installed" if program is None else "it needs root")
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [program, "--variant=minbase", f"--include={','.join(INCLUDED)}", SUITE, str(partial)]
    ended = subprocess.run(
        command, env={**environ, "PATH": path}, capture_output=True, text=True, check=False,
        timeout=LONGEST_SECONDS,
    )  # fmt: skip
    if ended.returncode:
        raise PartMissing("debootstrap", f"it failed: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    partial.rename(target)


if __name__ == "__main__":  # beside the tests, so that none waits for it
    print(debian_root(cache_directory(os.environ), os.environ))

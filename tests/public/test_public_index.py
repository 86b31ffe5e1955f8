"""Opt-in (`make test-live`): a real set of about 40 pins from the public PyPI, installed without it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pypitool.core.mirror.targets import Platform
from tests.support.environment import scrubbed
from tests.support.server import ServerProcess

ROOTS = (
    "apscheduler", "cryptography", "fastapi", "flask", "httpx", "jinja2", "numpy", "orjson", "pydantic",
    "pytest", "pyyaml", "requests[socks]", "rich", "sqlalchemy", "twine", "uvicorn[standard]",
)  # fmt: skip
TARGETS = {
    "ubuntu22": ("3.10", "manylinux_2_35_x86_64"),
    "ubuntu24-arm": ("3.12", "manylinux_2_39_aarch64"),
    "windows": ("3.12", "win_amd64"),
    "mac": ("3.12", "macosx_14_0_arm64"),
}
HOST = (f"3.{sys.version_info.minor}", f"manylinux_2_{platform.libc_ver()[1].partition('.')[2]}_x86_64")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    targets = "\n".join(
        f'{name} = {{ python = "{python}", platform = "{machine}" }}'
        for name, (python, machine) in {**TARGETS, "host": HOST}.items()
    )
    (tmp_path / "requirements.in").write_text("\n".join(ROOTS) + "\n")
    (tmp_path / "config.toml").write_text(
        f'[server]\npackages = "packages"\n[targets]\n{targets}\n[set.real]\nlock = "pylock.toml"\n'
    )
    return tmp_path


def run(directory: Path, environ: dict[str, str], *words: str) -> str:
    command = [sys.executable, "-m", *words]
    ended = subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, check=False)
    print(f"$ {' '.join(words)}\n{ended.stdout}{ended.stderr}"[-3000:])
    assert ended.returncode == 0
    return ended.stdout


@pytest.mark.public
@pytest.mark.timeout(600)
def test_a_real_set_is_mirrored_for_four_machines_and_installs_offline(
    directory: Path, machine_environment: dict[str, str]
) -> None:
    # The proxies and authorities of this machine lead to the public index; its pip settings do not count.
    environ = {
        **scrubbed(machine_environment, home=directory),
        **{name: value for name, value in machine_environment.items() if name.endswith("CA_BUNDLE")},
    }
    names = [word for name in (*TARGETS, "host") for word in ("--target", name)]
    lock = ("pypitool", "lock", "-r", "requirements.in", "-o", "pylock.toml", "--config", "config.toml")
    run(directory, environ, *lock, *names)

    run(directory, environ, "pypitool", "sync", "--config", "config.toml")
    again = run(directory, environ, "pypitool", "sync", "--locked", "--config", "config.toml")

    assert "nothing has changed" in again
    with ServerProcess(directory / "packages", home=directory) as server:
        index = ("--index-url", f"{server.url}/simple/", "--only-binary", ":all:", "--quiet")
        server.wait_until_listed("flask")
        offline = scrubbed(os.environ, home=directory, HTTPS_PROXY="http://127.0.0.1:9")
        run(directory, offline, "pip", "install", "--target", "installed", *index, *ROOTS)
        for python, machine in TARGETS.values():
            words = ("install", "--dry-run", "--ignore-installed", "--target", "elsewhere")
            pip = ("pip", *words, *_with_older(machine), "--python-version", python, *index)
            # pip judges markers on this machine (#4289): what it would not install there is named plainly.
            plain = [root for root in ROOTS if not root.startswith("uvicorn")]
            run(directory, offline, *pip, *plain)
    assert (directory / "installed" / "flask").is_dir()


def _with_older(machine: str) -> list[str]:
    """Name every platform that a machine takes: pip's --platform means one tag alone."""
    return [word for tag in Platform.parse(machine).tags for word in ("--platform", tag)]

"""Somebody at a Debian or Ubuntu of today who types what a document says, word for word.

A home of their own, the system's Python, and a network and a mount namespace: port 8080 is free there,
`/opt` and `/srv` are theirs, and the index that pip, pipx and uv ask is a folder of wheels.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.clients import ClientFailed, Ran
from tests.support.environment import scrubbed
from tests.support.imports import ROOT
from tests.support.missing_parts import program, without

LONGEST_SECONDS = 300.0
# Folders of the machine that documents name, and that a test must neither find nor fill.
OWN_FOLDERS = ("/opt", "/srv", "/var/backups", "/var/log", "/etc/systemd/system")
# Where the documents say that the server is.
SERVER = "pypi.acme.example"
# What no clone of the repository has.
NOT_IN_A_CLONE = (".git", ".venv", "dist", "packages", ".work", "__pycache__", ".*_cache", ".hypothesis")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A person with an empty home, who is root on their machine."""

    home: Path
    wheels: Path

    @classmethod
    def arrive(cls, home: Path, wheels: Path) -> Newcomer:
        """Give somebody a home, with uv and `sudo` at hand."""
        tools = home / ".tools"
        tools.mkdir(parents=True)
        for name in ("uv", "twine"):
            (tools / name).symlink_to(Path(sys.executable).parent / name)
        # Root needs none, and a small machine has none.
        sudo = tools / "sudo"
        sudo.write_text('#!/bin/sh\nexec "$@"\n')
        sudo.chmod(0o755)
        for folder in OWN_FOLDERS:
            (home / "machine" / folder[1:]).mkdir(parents=True)
        (home / "machine" / "hosts").write_text(f"127.0.0.1 localhost {SERVER}\n")
        return cls(home, wheels)

    def clone(self) -> Path:
        """Give them the files of the repository."""
        target = self.home / "checkout"
        shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*NOT_IN_A_CLONE), symlinks=True)
        return target

    def types(self, lines: Sequence[str], *, where: Path | None = None, **variables: str) -> str:
        """Run lines of a shell, each of which must succeed; return all that was printed."""
        ran = self.tries(lines, where=where, **variables)
        if ran.code:
            raise ClientFailed(ran)
        return ran.output

    def tries(self, lines: Sequence[str], *, where: Path | None = None, **variables: str) -> Ran:
        """Run lines of a shell up to the first that fails."""
        script = "\n".join(("set -e", *self._machine(), *lines))
        # The last of the namespaces kills whatever a line has left behind.
        command = [program("unshare"), "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if os.geteuid() != 0:
            command.append("--map-root-user")
        ended = subprocess.run(
            [*command, "bash", "-c", script], cwd=where or self.home, env=self._environment(variables),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=LONGEST_SECONDS, check=False,
        )  # fmt: skip
        return Ran("\n".join(lines), ended.returncode, ended.stdout)

    def _machine(self) -> Iterator[str]:
        yield f"{program('ip')} link set lo up"
        machine = self.home / "machine"
        for folder in OWN_FOLDERS:
            if not Path(folder).is_dir():
                without(f"{folder} is not there")
            yield f"mount --bind {shlex.quote(str(machine / folder[1:]))} {folder}"
        yield f"mount --bind {shlex.quote(str(machine / 'hosts'))} /etc/hosts"

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        path = [self.home / ".local/bin", self.home / ".tools", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        here = {
            "PATH": os.pathsep.join(map(str, path)),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            # pip takes that for "do not": what is compiled helps later starts, and there are few.
            "PIP_NO_COMPILE": "0",
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(self.wheels),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_CACHE_DIR": str(self.home / ".cache/uv"),
        }
        return scrubbed(os.environ, home=self.home, **{**here, **variables})


def console(text: str) -> list[str]:
    """Return the lines that a document lets people type, without their comments."""
    typed = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    return [re.sub(r"\s+# .*", "", line) for line in typed]


def blocks(text: str) -> list[str]:
    """Return what stands in each block of a document that people type from."""
    return re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def printed(block: str) -> str:
    """Return what a block says that its last command prints."""
    return block.rpartition("\n$ ")[2].partition("\n")[2]


def chapter(text: str, heading: str) -> str:
    """Return the part of a document under a heading, up to the next one of its rank or above."""
    rank = len(heading.partition(" ")[0])
    _, found, rest = f"\n{text}".partition(f"\n{heading}\n")
    assert found, heading
    return re.split(rf"^#{{1,{rank}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]

"""Real clients: programs of one environment, run without anybody's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.environment import scrubbed

LONGEST_RUN = 200.0


class ClientFailed(AssertionError):
    """A client ended with another code than it should; the message carries its output."""

    def __init__(self, ran: Ran) -> None:
        super().__init__(f"{ran.command} ended with exit code {ran.code}:\n{ran.output}")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a client ended: exit code, and stdout and stderr as they came."""

    command: str
    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Client:
    """The programs in `bin_directory`, with `home` as their home directory and working directory."""

    bin_directory: Path
    home: Path

    @classmethod
    def beside_us(cls, home: Path) -> Client:
        """Take the programs that were installed with the project: pip, uv, twine."""
        return cls(Path(sys.executable).parent, home)

    @property
    def python(self) -> Path:
        """The interpreter of this environment."""
        return self.bin_directory / "python"

    def run(
        self,
        program: str,
        *arguments: str | Path,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> Ran:
        """Run a program to its end, whatever that is."""
        command = [str(self.bin_directory / program), *(str(argument) for argument in arguments)]
        ended = subprocess.run(
            command, cwd=cwd or self.home, env=self.environment(environment or {}), input=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            timeout=LONGEST_RUN, check=False,
        )  # fmt: skip
        return Ran(" ".join(command), ended.returncode, ended.stdout)

    def succeed(
        self,
        program: str,
        *arguments: str | Path,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> str:
        """Run a program that must end with 0, and return its output."""
        ran = self.run(program, *arguments, cwd=cwd, environment=environment, stdin=stdin)
        if ran.code != 0:
            raise ClientFailed(ran)
        return ran.output

    def fail(
        self,
        program: str,
        *arguments: str | Path,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run a program that must not end with 0, and return its output."""
        ran = self.run(program, *arguments, cwd=cwd, environment=environment)
        if ran.code == 0:
            raise ClientFailed(ran)
        return ran.output

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """The environment that its programs see."""
        path = f"{self.bin_directory}{os.pathsep}{os.environ['PATH']}"
        here = {
            "PATH": path,
            "COLUMNS": "200",
            # Without it clients wait for the password store of a desktop.
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "UV_CACHE_DIR": str(self.home / "uv-cache"),
        }
        return scrubbed(os.environ, home=self.home, **{**here, **more})

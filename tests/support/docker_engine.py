"""A real Docker in a network of its own: nothing of this machine's network or containers is touched.

Containers have published ports and names as anywhere; whoever asks them stands in that network too.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.environment import scrubbed
from tests.support.missing_parts import PATH, program, without
from tests.support.processes import is_alive
from tests.support.waiting import LONGEST, wait_until

LONGEST_RUN = 300.0
# By folder: who started one and is not the last to use it leaves it running.
_DAEMONS: dict[Path, subprocess.Popen[bytes]] = {}


class DockerFailed(AssertionError):
    """A command of Docker ended with another code than 0."""

    def __init__(self, ended: subprocess.CompletedProcess[str]) -> None:
        super().__init__(f"{' '.join(ended.args)} ended with {ended.returncode}:\n{said(ended)}")


def said(ended: subprocess.CompletedProcess[str]) -> str:
    """Return all that a program has printed."""
    return f"{ended.stdout}{ended.stderr}"


@dataclass(frozen=True)
class Engine:
    """A Docker engine, and the network that it is in."""

    folder: Path
    client: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Keep every other process of the tests from the same thing."""
        with self.folder.with_name(f"{self.folder.name}.{what}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def pid(self) -> int:
        """The process id of the daemon."""
        return int((self.folder / "pid").read_text())

    def try_to(
        self, *words: str | Path, cwd: Path | None = None, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of Docker to its end, whatever that is."""
        return subprocess.run(
            [self.client, *map(str, words)], env={**self.environment, **environment}, input=stdin, cwd=cwd,
            capture_output=True, text=True, errors="replace", timeout=LONGEST_RUN, check=False,
        )  # fmt: skip

    def do(self, *words: str | Path, cwd: Path | None = None, stdin: str = "", **environment: str) -> str:
        """Run a command of Docker that must end with 0, and return what it printed."""
        ended = self.try_to(*words, cwd=cwd, stdin=stdin, **environment)
        if ended.returncode:
            raise DockerFailed(ended)
        return ended.stdout.strip()

    def in_its_network(self, *command: str | Path) -> list[str]:
        """Return the command that runs another one in the network of the engine."""
        return ["nsenter", "-t", str(self.pid), "-n", *map(str, command)]

    def curl(self, url: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Ask an address in the network of the engine."""
        words = ["curl", "--silent", "--show-error", "--max-time", "60", *options, url]
        return subprocess.run(
            self.in_its_network(*words), env=self.environment, capture_output=True, text=True,
            errors="replace", timeout=LONGEST_RUN, check=False,
        )  # fmt: skip

    def answers(self, url: str, *options: str) -> bool:
        """Say whether something answers there, and well."""
        return self.curl(url, "--fail", *options).returncode == 0

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what Docker knows of a container or an image."""
        found: dict[str, Any] = json.loads(self.do("inspect", name))[0]
        return found


@dataclass(frozen=True)
class Container:
    """A container that was started in the background."""

    engine: Engine
    name: str

    @property
    def log(self) -> str:
        """What it has printed."""
        return said(self.engine.try_to("logs", self.name))

    @property
    def state(self) -> dict[str, Any]:
        """What Docker says of it: Running, ExitCode, Health."""
        found: dict[str, Any] = self.engine.inspect(self.name)["State"]
        return found

    @property
    def pid(self) -> int:
        """Its process 1, as it is called outside."""
        return int(self.state["Pid"])

    @property
    def url(self) -> str:
        """Where its port 8080 is in the network of the engine, whether it is published or not."""
        return f"http://{self.engine.inspect(self.name)['NetworkSettings']['IPAddress']}:8080"

    def wait_for(self, url: str, *options: str) -> None:
        """Wait until it answers there, or has ended."""
        wait_until(
            lambda: self.engine.answers(url, *options) or not self.state["Running"], what=f"{url} answers"
        )
        assert self.state["Running"], self.log

    def exec(self, *words: str | Path, stdin: str = "") -> str:
        """Run a command in it that must end with 0."""
        return self.engine.do("exec", *(["-i"] if stdin else []), self.name, *words, stdin=stdin)

    def wait_until_ended(self) -> int:
        """Wait until it has ended, and return its exit code."""
        return int(self.engine.do("wait", self.name))

    def user(self) -> tuple[int, int]:
        """Return who its process 1 is: user and group."""
        status = dict(
            line.split(":", 1)
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines()
            if ":" in line
        )
        return int(status["Uid"].split()[0]), int(status["Gid"].split()[0])


@dataclass(frozen=True)
class Compose:
    """A real compose, as a plug-in of Docker, in a folder with a compose file."""

    engine: Engine
    folder: Path

    def do(self, *words: str, stdin: str = "") -> str:
        """Run a command of it that must end with 0."""
        return self.engine.do("compose", *words, cwd=self.folder, stdin=stdin)

    def try_to(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of it to its end, whatever that is."""
        return self.engine.try_to("compose", *words, cwd=self.folder)


@contextmanager
def shared_engine(folder: Path, environ: Mapping[str, str]) -> Iterator[Engine]:
    """Give the engine in this folder, which the first who wants it starts, and the last one ends."""
    engine = _engine(folder, environ)
    folder.mkdir(exist_ok=True)
    users = folder / "users"
    with engine.alone("users"):
        count = int(users.read_text()) if users.exists() else 0
        if not _runs(engine):
            _start(engine)
        users.write_text(str(count + 1))
    try:
        yield engine
    finally:
        with engine.alone("users"):
            count = int(users.read_text()) - 1
            users.write_text(str(count))
            if count == 0:
                _stop(engine)


def _engine(folder: Path, environ: Mapping[str, str]) -> Engine:
    if os.geteuid() != 0:
        without("Docker needs root")
    program("dockerd")
    # Debian's own brings BuildKit; another one that stands before it on the path may not.
    debian = Path("/usr/bin/docker")
    client = str(debian) if debian.exists() else program("docker")
    ours = scrubbed(
        environ, home=folder, PATH=PATH, DOCKER_HOST=f"unix://{folder}/socket", DOCKER_BUILDKIT="1",
        DOCKER_CONFIG=str(folder / "config"),
    )  # fmt: skip
    return Engine(folder, client, ours)


def _runs(engine: Engine) -> bool:
    return (engine.folder / "pid").exists() and is_alive(engine.pid)


def _start(engine: Engine) -> None:
    folder = engine.folder
    daemon = [
        program("dockerd"), "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec",
        "--pidfile", f"{folder}/pid", "-H", f"unix://{folder}/socket",
    ]  # fmt: skip
    # What is mounted on the machine later is seen by the daemon, and nothing that it mounts is seen outside.
    words = [
        "unshare",
        "--net",
        "--mount",
        "--propagation",
        "slave",
        "sh",
        "-c",
        'ip link set lo up && exec "$@"',
    ]
    with (folder / "log").open("ab") as log:
        process = _DAEMONS[folder] = subprocess.Popen(
            [*words, "sh", *daemon], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=engine.environment,
            start_new_session=True,
        )  # fmt: skip
    wait_until(
        lambda: process.poll() is not None or not engine.try_to("version").returncode, what="Docker answers"
    )
    if process.poll() is not None:
        without(f"Docker does not start: {(folder / 'log').read_text()[-2000:]}")


def _stop(engine: Engine) -> None:
    running = engine.do("ps", "--quiet").split()
    if running:
        engine.do("kill", *running)
    pid = engine.pid
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not is_alive(pid), what="Docker has ended", seconds=LONGEST)
    shutil.rmtree(engine.folder / "data", ignore_errors=True)


def load_base(engine: Engine, root: Path, name: str) -> None:
    """Make an image of a Debian's root directory, as far as images have it."""
    skipped = ("./var/cache/apt/archives/*", "./var/lib/apt/lists/*", "./usr/bin/python")
    archive = subprocess.Popen(
        ["tar", "-C", str(root), *(f"--exclude={one}" for one in skipped), "-c", "."], stdout=subprocess.PIPE
    )
    ended = subprocess.run(
        [engine.client, "import", "-", name], stdin=archive.stdout, env=engine.environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert archive.stdout is not None
    archive.stdout.close()
    assert archive.wait() == 0
    if ended.returncode:
        raise DockerFailed(ended)


def words_of(line: str, **filled: object) -> Sequence[str]:
    """Split a command line as it stands in a tutorial, after {name} was filled in."""
    return line.format(**filled).split()

"""A real `pypitool serve` process on a free loopback port."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.support.environment import scrubbed
from tests.support.waiting import LONGEST, NeverHappened, wait_until

HOST = "127.0.0.1"


class ServerDidNotStart(AssertionError):
    """The server ended, or did not answer in time; the message carries its log."""

    def __init__(self, command: Sequence[str], code: int | None, log: str) -> None:
        state = "did not answer" if code is None else f"ended with exit code {code}"
        super().__init__(f"{' '.join(command)} {state}; its log:\n{log}")


class ServerProcess:
    """Start `pypitool serve` on `packages` when entered, stop it when left.

    with ServerProcess(packages, home=tmp_path, options=["--workers", "2"]) as server:
        server.get("/simple/")
    """

    def __init__(
        self,
        *packages: Path,
        home: Path,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        port: int | None = None,
        fallback: bool = False,
        line: str | None = None,
        ready_path: str | None = "/health",
        ready_seconds: float = LONGEST,
    ) -> None:
        """Prepare a server; `home` is a scratch directory for its HOME, its log and its working directory.

        `line` replaces everything after the program's name; {port} and ~ are filled in.
        """
        self.port = port or free_port()
        self.packages = packages
        self.process: subprocess.Popen[bytes] | None = None
        self._home = home
        self._options = [*options, *([] if fallback else ["--disable-fallback"])]
        self._environment = environment or {}
        self._line = line
        self._ready = ready_path, ready_seconds
        self._log_path = home / f"server-{self.port}.log"

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> str:
        """What it has written to stdout and stderr."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    @property
    def pid(self) -> int:
        """The process id of the parent process."""
        assert self.process is not None, "the server is not running"
        return self.process.pid

    @property
    def command(self) -> list[str]:
        """The command line that starts it."""
        if self._line is not None:
            words = self._line.format(port=self.port).replace("~", str(self._home))
            return [sys.executable, "-m", "pypitool", *shlex.split(words)]
        address = ["-i", HOST, "-p", str(self.port)]
        serve = [sys.executable, "-m", "pypitool", "serve", *address, *self._options]
        return [*serve, *(str(directory) for directory in self.packages)]

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is not None:
            print(f"--- log of {self.url} ---\n{self.log}")

    def start(self) -> None:
        """Start it, and return when it answers."""
        environment = scrubbed(os.environ, home=self._home, **self._environment)
        with self._log_path.open("ab") as log:
            # A session of its own: what is left of it can be ended together, whoever its parent is then.
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment,
                cwd=self._home, start_new_session=True,
            )  # fmt: skip
        path, seconds = self._ready
        if path is not None:
            self._wait_ready(path, seconds)

    def stop(self, *, seconds: float = LONGEST) -> int:
        """Ask it to end (SIGTERM), kill what is left, and return the exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise NeverHappened("the server ended after SIGTERM", seconds, self.log) from None
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill every process of it at once, as a power failure would."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def url_of(self, path: str = "/", *, user: str = "", password: str = "") -> str:
        """Write an address of this server, with credentials when they are given."""
        credentials = f"{user}:{password}@" if user else ""
        return f"http://{credentials}{HOST}:{self.port}{path}"

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send one request on a connection of its own; redirects are not followed unless asked for."""
        arguments = {"timeout": 30, "allow_redirects": False, **arguments}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.url + path, **arguments)

    def get(self, path: str, **arguments: Any) -> requests.Response:
        """Send a GET."""
        return self.request("GET", path, **arguments)

    def post(self, path: str, **arguments: Any) -> requests.Response:
        """Send a POST."""
        return self.request("POST", path, **arguments)

    def wait_until_listed(self, *projects: str, auth: tuple[str, str] | None = None) -> None:
        """Wait until these projects have pages: a server answers before it has read its directories."""
        for project in projects:
            wait_until(partial(self._lists, project, auth), what=f"{project} is listed")

    def _lists(self, project: str, auth: tuple[str, str] | None) -> bool:
        return self.get(f"/simple/{project}/", auth=auth).ok

    def _wait_ready(self, path: str, seconds: float) -> None:
        try:
            wait_until(lambda: self._answers(path), what=f"{self.url}{path} answers", seconds=seconds)
        except NeverHappened:
            self._fail(None)

    def _answers(self, path: str) -> bool:
        assert self.process is not None
        if (code := self.process.poll()) is not None:
            self._fail(code)
        try:
            return self.get(path, timeout=LONGEST).ok
        except requests.ConnectionError:
            return False

    def _fail(self, code: int | None) -> None:
        command, log = self.command, self.log
        self.kill()
        raise ServerDidNotStart(command, code, log)


def free_port() -> int:
    """Find a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def is_listening(url: str) -> bool:
    """Say whether something accepts connections there."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((parts.hostname, parts.port)) == 0

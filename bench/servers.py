"""The servers that are compared, each a process tree with a log file of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench import http
from tests.support.environment import scrubbed
from tests.support.server import free_port

PYPITOOL = "pypitool"
PYPISERVER = "pypiserver"
NGINX = "nginx"
DEVPI = "devpi"
DEVPI_USER, DEVPI_PASSWORD = "root", "bench"


class Unavailable(Exception):
    """A server cannot be started on this machine."""


@dataclass(slots=True)
class Server:
    """One running server: its name, its port and its first process."""

    name: str
    command: Sequence[str]
    port: int
    scratch: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """The process at the root of its tree, leader of a session of its own."""
        assert self.process is not None, f"{self.name} is not running"
        return self.process.pid

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.scratch / f"{self.name}-{self.port}.log"

    def start(self, ready: str, *, seconds: float = 60.0) -> float:
        """Start it, and return how long it took until `ready` was answered with 200."""
        environment = scrubbed(os.environ, home=self.scratch)
        began = time.perf_counter()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                cwd=self.scratch, env=environment, start_new_session=True,
            )  # fmt: skip
        try:
            # devpi has nothing but pages for who asks as pip does.
            headers = {"Accept": http.AS_PIP} if ready.startswith("/simple/") else {}
            http.wait_for(self.port, ready, seconds=seconds, headers=headers)
        except TimeoutError:
            self.stop()
            raise Unavailable(f"{self.name} did not answer; its log is {self.log}") from None
        return time.perf_counter() - began

    def stop(self) -> None:
        """End it and everything that it started."""
        if self.process is None:
            return
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None


def pypitool(scratch: Path, packages: Path, state: Path, options: Sequence[str] = ()) -> Server:
    """Prepare pypitool with one worker, access log and metrics on, as it is by default."""
    port = free_port()
    serve = [
        sys.executable,
        "-m",
        "pypitool",
        "serve",
        "-i",
        http.HOST,
        "-p",
        str(port),
        "--disable-fallback",
    ]
    return Server(PYPITOOL, [*serve, "--state", str(state), *options, str(packages)], port, scratch)


def pypiserver(scratch: Path, packages: Path) -> Server:
    """Prepare pypiserver as its documentation starts it, installed into an environment of its own."""
    program = scratch / "pypiserver-venv" / "bin" / "pypi-server"
    if not program.exists():
        install(program.parent.parent, ["pypiserver[cache]"])
    port = free_port()
    options = ["-i", http.HOST, "-p", str(port), "-a", ".", "-P", ".", "--disable-fallback"]
    return Server(PYPISERVER, [str(program), "run", *options, str(packages)], port, scratch)


def devpi(scratch: Path, files: Path) -> Server:
    """Prepare devpi as its documentation starts it, without a mirror, and with its files in `files`."""
    programs = scratch / "devpi-venv" / "bin"
    if not (programs / "devpi-server").exists():
        install(programs.parent, ["devpi-server"])
    if not files.exists():
        init = [str(programs / "devpi-init"), "--serverdir", str(files), "--no-root-pypi"]
        init += ["--root-passwd", DEVPI_PASSWORD]
        subprocess.run(init, check=True, capture_output=True)
    port = free_port()
    options = ["--serverdir", str(files), "--host", http.HOST, "--port", str(port)]
    return Server(DEVPI, [str(programs / "devpi-server"), *options], port, scratch)


def nginx(scratch: Path, tree: Path) -> Server:
    """Prepare nginx with one worker over a rendered tree; it logs nothing."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise Unavailable("nginx is not installed")
    port = free_port()
    configuration = scratch / f"nginx-{port}.conf"
    configuration.write_text(_nginx_configuration(port, tree, scratch))
    return Server(NGINX, [program, "-c", str(configuration), "-p", str(scratch)], port, scratch)


NGINX_CONFIGURATION = """\
daemon off;
{user}
worker_processes 1;
pid {scratch}/nginx-{port}.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    client_body_temp_path {scratch}/nginx-tmp;
    proxy_temp_path {scratch}/nginx-tmp;
    fastcgi_temp_path {scratch}/nginx-tmp;
    uwsgi_temp_path {scratch}/nginx-tmp;
    scgi_temp_path {scratch}/nginx-tmp;
    types {{
        text/html html;
        application/vnd.pypi.simple.v1+json json;
    }}
    default_type application/octet-stream;
    map $http_accept $format {{
        default html;
        "~simple.v1\\+json" json;
    }}
    server {{
        listen 127.0.0.1:{port};
        root {tree};
        gzip_static on;
        location /simple/ {{ index index.$format; }}
        location /packages/ {{ }}
    }}
}}
"""


def _nginx_configuration(port: int, tree: Path, scratch: Path) -> str:
    # As root its worker would become "nobody", who may not enter the directory of the checkout.
    user = "user root;" if os.getuid() == 0 else ""
    return NGINX_CONFIGURATION.format(port=port, tree=tree, scratch=scratch, user=user)


def install(environment: Path, requirements: Sequence[str]) -> None:
    """Install a program into an environment of its own, or raise `Unavailable`."""
    python = environment / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    except subprocess.CalledProcessError as error:
        shutil.rmtree(environment, ignore_errors=True)
        raise Unavailable(f"{' '.join(requirements)} cannot be installed: {error}") from error

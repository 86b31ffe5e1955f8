"""Real proxies in front of a server: nginx, HAProxy, Caddy and Apache, each with its own configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pypitool.core.proxy_headers import dropping_lines
from tests.support.server import HOST, free_port, is_listening
from tests.support.waiting import wait_until

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
IN_CI = "CI" in os.environ
MODULES = Path("/usr/lib/apache2/modules")


@dataclass(frozen=True)
class FrontProxy:
    """A proxy: its program, and the configuration that passes everything on."""

    name: str
    program: str
    words: Callable[[Path], Sequence[str]]
    text: Callable[[Path, int, int, Sequence[str]], str]  # folder, port, the server's port, lines for headers

    def __str__(self) -> str:
        return self.name

    @contextmanager
    def before(self, port: int, folder: Path, lines: Sequence[str]) -> Iterator[str]:
        """Run it in front of the server with this port, and yield its address."""
        program = shutil.which(self.program, path=PATH)
        if program is None:
            assert not IN_CI, f"{self.program} has to be there"
            pytest.skip(f"{self.program} is not installed")
        folder.mkdir()
        own = free_port()
        config = folder / "proxy.conf"
        config.write_text(self.text(folder, own, port, lines))
        environment = {"PATH": PATH, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, *self.words(config)], stdout=output, stderr=output, env=environment, cwd=folder
            )
        url = f"http://{HOST}:{own}"
        try:
            wait_until(
                lambda: is_listening(url) or process.poll() is not None, what=f"{self.name} listens on {url}"
            )
            assert process.poll() is None, log.read_text()
            yield url
        finally:
            process.terminate()
            process.wait(30)

    def lines_for(self, *headers: str) -> list[str]:
        """Return what the documents tell to drop every other spelling of headers."""
        told = [dict(dropping_lines(header)).get(self.name, "") for header in headers]
        return [line for lines in told for line in lines.split("; ") if not line.startswith("nothing")]


def _nginx(folder: Path, own: int, port: int, lines: Sequence[str]) -> str:
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
        pid {folder}/pid; error_log stderr; worker_processes 1; daemon off; events {{}}
        http {{
          access_log off; {temporary}
          server {{
            listen {HOST}:{own};
            {" ".join(lines)}
            location / {{
              proxy_pass http://{HOST}:{port};
              proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
              proxy_set_header Forwarded "for=$remote_addr";
              proxy_set_header X-Remote-User ""; proxy_set_header Remoteuser "";
            }}
          }}
        }}
    """


def _haproxy(folder: Path, own: int, port: int, lines: Sequence[str]) -> str:
    del folder
    rules = "".join(f"\n  {line}" for line in lines)
    return f"""
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend f
  bind {HOST}:{own}
  http-request del-header X-Remote-User
  http-request del-header Remoteuser
  http-request del-header Forwarded{rules}
  option forwardfor
  default_backend b
backend b
  server s {HOST}:{port}
"""


def _caddy(folder: Path, own: int, port: int, lines: Sequence[str]) -> str:
    rules = "".join(f"\n  {line}" for line in lines)
    return f"""
{{
  admin off
  auto_https off
  storage file_system {folder}/storage
}}
http://{HOST}:{own} {{
  request_header -X-Remote-User
  request_header -Remoteuser
  request_header -Forwarded{rules}
  reverse_proxy {HOST}:{port}
}}
"""


def _apache(folder: Path, own: int, port: int, lines: Sequence[str]) -> str:
    modules = "".join(
        f"LoadModule {name}_module {MODULES}/mod_{name}.so\n"
        for name in ("mpm_event", "authz_core", "proxy", "proxy_http", "headers")
    )
    rules = "\n".join(lines)
    return f"""
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
Listen {HOST}:{own}
{modules}
User www-data
Group www-data
ErrorLog /dev/stderr
ProxyRequests Off
RequestHeader unset X-Remote-User
RequestHeader unset Remoteuser
RequestHeader unset Forwarded
{rules}
ProxyPass / http://{HOST}:{port}/ nocanon
"""


FRONT_PROXIES = (
    FrontProxy("nginx", "nginx", lambda config: ["-c", str(config), "-e", "stderr"], _nginx),
    FrontProxy("HAProxy", "haproxy", lambda config: ["-f", str(config), "-db"], _haproxy),
    FrontProxy(
        "Caddy", "caddy", lambda config: ["run", "--config", str(config), "--adapter", "caddyfile"], _caddy
    ),
    FrontProxy("Apache", "apache2", lambda config: ["-f", str(config), "-DFOREGROUND"], _apache),
)

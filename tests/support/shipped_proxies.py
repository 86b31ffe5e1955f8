"""The proxies' configurations in `deploy/`, run as they are shipped but for ports, paths and names."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import Authority
from tests.support.imports import ROOT
from tests.support.missing_parts import program
from tests.support.server import HOST
from tests.support.waiting import wait_until

DEPLOY = ROOT / "deploy"
NAME = "pypi.acme.example"
PREFIX = "/pypi/"
SOCKET = "/run/pypitool/pypitool.sock"
UPSTREAM = "127.0.0.1:8080"
CHAIN = f"/etc/ssl/{NAME}/fullchain.pem"
KEY = f"/etc/ssl/{NAME}/privkey.pem"
BOTH = f"/etc/ssl/{NAME}/haproxy.pem"
# What goes with it stands in its head, one `# key = value` each.
_KEY_LINE = re.compile(r"^# ([a-z-]+ = .+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a test has what the shipped file has elsewhere."""

    folder: Path
    own: int
    server: int
    packages: Path
    authority: Authority

    @property
    def socket(self) -> Path:
        """Where a server listens that has no port."""
        return self.folder / "server.sock"

    @property
    def both(self) -> Path:
        """The certificate and its key in one file."""
        return self.folder / "both.pem"


@dataclass(frozen=True)
class ShippedProxy:
    """A proxy: its program, its file in `deploy/`, and what of that a test has elsewhere."""

    name: str
    file: str
    program: str
    words: Callable[[Path], Sequence[str]]
    replaced: Callable[[Places], Mapping[str, str]]

    def __str__(self) -> str:
        return self.name

    @property
    def text(self) -> str:
        """The file as it is shipped."""
        return (DEPLOY / self.file).read_text()

    @property
    def settings(self) -> str:
        """The lines of the server's configuration that go with it, as it is shipped."""
        return "[server]\n" + "".join(f"{line}\n" for line in _KEY_LINE.findall(self.text))

    def settings_at(self, places: Places) -> str:
        """The same lines for a test."""
        port, socket = f"port = {places.server}", str(places.socket)
        return self.settings.replace("port = 8080", port).replace(SOCKET, socket)

    @contextmanager
    def running(self, places: Places) -> Iterator[str]:
        """Run it, and yield the address of the server at it, without a slash at the end."""
        found = program(self.program)
        config = places.folder / "proxy.conf"
        config.write_text(replaced(self.text, self.replaced(places)))
        places.both.write_bytes(places.authority.chain.read_bytes() + places.authority.key.read_bytes())
        log = places.folder / "proxy.log"
        environment = {"HOME": str(places.folder), "XDG_DATA_HOME": str(places.folder)}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [found, *self.words(config)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=places.folder,
            )  # fmt: skip
        try:
            url = f"https://{HOST}:{places.own}"
            wait_until(lambda: _listens(places.own) or process.poll() is not None, what=f"{self} listens")
            assert process.poll() is None, log.read_text()
            yield url.replace(HOST, "localhost") + PREFIX.rstrip("/")
        finally:
            process.terminate()
            process.wait(30)


def replaced(text: str, table: Mapping[str, str]) -> str:
    """Replace what stands in a shipped file; what does not stand there is a fault."""
    for shipped, ours in table.items():
        assert shipped in text, f"the shipped file has no {shipped!r}"
        text = text.replace(shipped, ours)
    return text


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _nginx(places: Places) -> dict[str, str]:
    folder = places.folder
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    return {
        # Below a test's folder nobody else may look; the group of the socket has a test of its own.
        "user www-data;": "user root;",
        "pid /run/nginx.pid;": f"pid {folder}/pid;",
        "error_log /var/log/nginx/error.log;": f"error_log {folder}/error.log;",
        "access_log /var/log/nginx/access.log;": f"access_log {folder}/access.log; {temporary}",
        f"server unix:{SOCKET};": f"server unix:{places.socket};",
        "listen 443 ssl": f"listen {HOST}:{places.own} ssl",
        CHAIN: str(places.authority.chain),
        KEY: str(places.authority.key),
        "alias /var/lib/pypitool/packages/;": f"alias {places.packages}/;",
    }


def _haproxy(places: Places) -> dict[str, str]:
    # Who is not root cannot become somebody else, and need not.
    users = {} if os.geteuid() == 0 else {"    user haproxy\n    group haproxy\n": ""}
    return {
        **users,
        "log /dev/log local0": "log stderr local0",
        "bind :443 ": f"bind {HOST}:{places.own} ",
        BOTH + " alpn": f"{places.both} alpn",
        UPSTREAM: f"{HOST}:{places.server}",
    }


def _caddy(places: Places) -> dict[str, str]:
    return {
        "admin localhost:2019": f"admin unix/{places.folder}/admin.sock",
        f"https://{NAME}:443 {{": f"https://localhost:{places.own} {{\n\tbind {HOST}",
        CHAIN: str(places.authority.chain),
        KEY: str(places.authority.key),
        UPSTREAM: f"{HOST}:{places.server}",
    }


def _apache(places: Places) -> dict[str, str]:
    folder = places.folder
    return {
        "ServerRoot /etc/apache2": f"ServerRoot {folder}",
        "DefaultRuntimeDir /run": f"DefaultRuntimeDir {folder}",
        "PidFile /run/apache2.pid": f"PidFile {folder}/pid",
        "ErrorLog /var/log/apache2/error.log": f"ErrorLog {folder}/error.log",
        "Listen 443": f"Listen {HOST}:{places.own}",
        "<VirtualHost *:443>": f"<VirtualHost *:{places.own}>",
        CHAIN: str(places.authority.chain),
        KEY: str(places.authority.key),
        f"http://{UPSTREAM}": f"http://{HOST}:{places.server}",
    }


NGINX = ShippedProxy(
    "nginx", "nginx.conf", "nginx", lambda config: ["-c", str(config), "-g", "daemon off;"], _nginx
)
HAPROXY = ShippedProxy(
    "HAProxy", "haproxy.cfg", "haproxy", lambda config: ["-f", str(config), "-db"], _haproxy
)
CADDY = ShippedProxy(
    "Caddy", "Caddyfile", "caddy",
    lambda config: ["run", "--config", str(config), "--adapter", "caddyfile"], _caddy,
)  # fmt: skip
APACHE = ShippedProxy(
    "Apache", "apache.conf", "apache2", lambda config: ["-f", str(config), "-DFOREGROUND"], _apache
)
SHIPPED = (NGINX, HAPROXY, CADDY, APACHE)

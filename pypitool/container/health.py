"""Whether the server of a container answers: asked where it listens, however it was told where that is."""

from __future__ import annotations

import os
import socket
import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING

from pypitool.container.become import become, state_is_mounted
from pypitool.core.container import environment
from pypitool.core.errors import Kind, PypitoolError

if TYPE_CHECKING:
    from pypitool.config.server_table import ServerSettings

PROC = Path("/proc")
LONGEST_SECONDS = 8.0
_OURS = ("-I", "/usr/local/bin/pypitool")  # as the first line of that file, in the image, starts it
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}


class NoServer(PypitoolError):
    """Nothing of ours is at work in the container."""

    kind = Kind.UNAVAILABLE
    sentence = "no server is at work here"


class Unhealthy(PypitoolError):
    """The server does not answer, or not well."""

    kind = Kind.UNAVAILABLE
    sentence = "{address}: {reason}"
    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class HealthPage:
    """Where the server answers whether it lives."""

    host: str
    port: int
    path: str
    is_tls: bool
    unix_socket: Path | None = None

    def __str__(self) -> str:
        if self.unix_socket is not None:
            return f"unix:{self.unix_socket}:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_tls else 'http'}://{host}:{self.port}{self.path}"

    def ask(self) -> None:
        """Ask, and raise `Unhealthy` for every other answer than that it lives."""
        connection = self._connection()
        try:
            connection.request("GET", self.path, headers={"Host": "localhost", "User-Agent": "pypitool"})
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            raise Unhealthy(str(self), str(error) or type(error).__name__) from error
        finally:
            connection.close()
        if status != 200:
            raise Unhealthy(str(self), f"answered {status}")

    def _connection(self) -> HTTPConnection:
        if self.unix_socket is not None:
            return _UnixConnection(self.unix_socket, self.is_tls)
        if self.is_tls:
            return HTTPSConnection(self.host, self.port, timeout=LONGEST_SECONDS, context=_unverified())
        return HTTPConnection(self.host, self.port, timeout=LONGEST_SECONDS)


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, is_tls: bool) -> None:
        super().__init__("localhost", timeout=LONGEST_SECONDS)
        self._path, self._is_tls = path, is_tls

    def connect(self) -> None:
        channel = socket.socket(socket.AF_UNIX)
        channel.settimeout(LONGEST_SECONDS)
        channel.connect(os.fspath(self._path))
        self.sock = _unverified().wrap_socket(channel) if self._is_tls else channel


def health_page(server: ServerSettings) -> HealthPage:
    """Return where a server with these settings says that it lives."""
    prefix = server.server_base_url.rstrip("/")
    host = _ANYWHERE.get(server.host, server.host)
    is_tls = server.cert is not None
    return HealthPage(host, server.port, f"{prefix}{server.health_endpoint}", is_tls, server.unix_socket)


def _unverified() -> ssl.SSLContext:
    # It asks its own container: the name in the certificate is that of another address.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def command_lines() -> Iterator[tuple[str, ...]]:
    """Yield the words that each process of ours in this container was started with, the oldest first."""
    for pid in sorted(int(name) for name in os.listdir(PROC) if name.isdigit()):
        try:
            words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            # With `--pid host` those of other containers are seen too.
            is_here = os.readlink(PROC / str(pid) / "ns/mnt") == os.readlink(PROC / "self/ns/mnt")
        except OSError:
            continue
        if is_here and tuple(words[1:3]) == _OURS:
            yield tuple(words[3:])


def settings_of(lines: Iterator[tuple[str, ...]]) -> ServerSettings | None:
    """Return the settings of the server among processes; None: they do something else, and serve nobody."""
    from pypitool.cli.served import settings_of_server

    environ = environment(os.environ, state_is_mounted=state_is_mounted())
    found = False
    for words in lines:
        found = True
        settings = settings_of_server(words, environ)
        if settings is not None:
            return settings.server
    if not found:
        raise NoServer()
    return None


def main() -> int:
    """Say whether the server answers: 0 if it does, or if the container has another task."""
    try:
        become(serves=False)
        server = settings_of(command_lines())
        if server is None:
            print("no server: the container does something else")
            return 0
        page = health_page(server)
        page.ask()
    except PypitoolError as error:
        print(f"error: {error}")
        return 1
    print(f"{page} answers")
    return 0


if __name__ == "__main__":
    sys.exit(main())

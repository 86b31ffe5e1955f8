"""The address under which clients find this machine's server, as far as its configuration tells.

Apart from the settings: whoever only reads those does not pay for what clients are told.
"""

from __future__ import annotations

import socket

from pypitool.config.server_table import ServerSettings
from pypitool.core.client_config import server_url

EVERYWHERE = ("0.0.0.0", "::", "*", "")


def name_of_this_machine() -> str:
    """Return a name under which the LAN may know this machine."""
    return socket.gethostname() or "localhost"


def own_address(server: ServerSettings, hostname: str, port: int | None = None) -> str:
    """Return the address of the server for its clients, with a slash at its end."""
    by_name = server.host in EVERYWHERE or server.unix_socket is not None
    return address_at(server, hostname if by_name else server.host, port)


def address_at(server: ServerSettings, host: str, port: int | None = None) -> str:
    """Return the address of the server under one host."""
    # What speaks to a socket decides on its own port, which is nobody's to guess.
    shown = None if server.unix_socket is not None else port or server.port
    return server_url(host, shown, tls=server.cert is not None, prefix=server.server_base_url)

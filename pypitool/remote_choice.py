"""Which server elsewhere is meant, as whom one speaks to it, and how it is reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from pypitool.config.checks import url as checked_url
from pypitool.config.mirror_settings import RemoteSettings
from pypitool.config.values import BadValue, did_you_mean
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.upload.addresses import server_of
from pypitool.core.upload.credential_choice import Credentials
from pypitool.upload.credentials import Ask, Login, Places
from pypitool.upstream.page_model import Upstream
from pypitool.upstream.session import UpstreamSession


class BadServerAddress(PypitoolError):
    """An address that is none of a web server."""

    kind: ClassVar[Kind] = Kind.USAGE

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"--url: {self.reason}"


class UnknownRemote(PypitoolError):
    """A remote that is not configured."""

    kind: ClassVar[Kind] = Kind.USAGE

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = tuple(known)
        self.hint = f"there is {', '.join(known)}" if known else "no remote is configured"

    def __str__(self) -> str:
        return f"there is no [remote.{self.name}]" + did_you_mean(self.name, self.known)


@dataclass(frozen=True, slots=True)
class ChosenRemote:
    """A server elsewhere, and where credentials for it are looked for."""

    url: str  # with a slash at its end, without credentials
    places: Places
    remote: RemoteSettings | None
    ca: Path | None

    def credentials(self, ask: Ask | None = None) -> Credentials | None:
        """Return as whom one speaks to it; None: as nobody in particular."""
        places = self.places
        asked = Places(places.url, places.environ, places.login, places.remote, ask=ask)
        return asked.credentials()

    @property
    def is_exposed(self) -> bool:
        """Whether others may listen to what is sent there."""
        parts = urlsplit(self.url)
        return parts.scheme != "https" and not _is_loopback(parts.hostname or "")

    def connect(self, credentials: Credentials | None) -> UpstreamSession:
        """Return a session with it, in which nothing is tried twice."""
        proxy = None if self.remote is None else self.remote.proxy
        return UpstreamSession(
            Upstream("remote", self.url, retries=0, credentials=credentials, ca=self.ca, proxy=proxy)
        )


def choose_remote(
    url: str | None,
    name: str | None,
    remotes: Sequence[RemoteSettings],
    environ: Mapping[str, str],
    *,
    user: str | None = None,
    password: str | None = None,
    ca: Path | None = None,
) -> ChosenRemote:
    """Find out which server is meant: the one at an address, or the remote of a name."""
    remote = None
    if url is None:
        remote = next((one for one in remotes if one.name == name), None)
        if remote is None:
            raise UnknownRemote(name or "", [one.name for one in remotes])
        url = remote.url
    else:
        try:
            url = checked_url(url)
        except BadValue as fault:
            raise BadServerAddress(str(fault)) from None
    variable = environ.get("PYPITOOL_CA")
    authorities = ca or (Path(variable) if variable else None) or (remote.ca if remote else None)
    places = Places(url, environ, Login(user, password), remote)
    return ChosenRemote(server_of(url), places, remote, authorities)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

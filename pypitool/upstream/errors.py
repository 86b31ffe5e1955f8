"""What can go wrong with an upstream; addresses in messages never carry credentials."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit, urlunsplit

from pypitool.core.errors import Kind, PypitoolError


def redacted(url: str) -> str:
    """Return an address without user and password, and without a query that may hold a signature."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


class UpstreamError(PypitoolError):
    """An upstream did not give what it was asked for."""

    kind: ClassVar[Kind] = Kind.UNAVAILABLE

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = redacted(url)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


class UpstreamUnavailable(UpstreamError):
    """It cannot be reached, or keeps saying that it cannot serve."""


class CutShort(UpstreamUnavailable):
    """An answer began and did not come to its end; what has arrived of a file can be continued."""


class UpstreamRefused(UpstreamError):
    """It wants other credentials."""

    kind: ClassVar[Kind] = Kind.UNAUTHORIZED
    hint = "set auth = { user, password-env } on the upstream, or put the host into ~/.netrc"


class NoSuchProject(UpstreamError):
    """It answers, and does not have the project."""

    kind: ClassVar[Kind] = Kind.NOT_FOUND


class NotAnIndexPage(UpstreamError):
    """It answers 200 with something that is no page of the project: a portal, a login, an empty page."""

    kind: ClassVar[Kind] = Kind.INVALID


class UnusableCertificates(PypitoolError):
    """A file of authorities, or of our own certificate, that cannot be used."""

    kind: ClassVar[Kind] = Kind.CONFIG
    hint = "it has to be a file in PEM form; one of our own certificate holds its key too"

    def __init__(self, file: Path, error: OSError) -> None:
        super().__init__(file, error)
        self.file = file
        self.reason = getattr(error, "reason", None) or error.strerror or "it cannot be read"

    def __str__(self) -> str:
        return f"the certificates of {self.file} cannot be used: {self.reason}"


class Stopped(PypitoolError):
    """The run was told to stop; what was asked for is no longer wanted."""

    kind: ClassVar[Kind] = Kind.UNAVAILABLE

    def __str__(self) -> str:
        return "stopped"

"""What can go wrong with an upstream; addresses in messages never carry credentials."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pypitool.core.errors import Kind, PypitoolError


def redacted(url: str) -> str:
    """Return an address without user and password, and without a query that may hold a signature."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.rpartition("@")[2].partition("?")[0]
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


class UpstreamError(PypitoolError):
    """An upstream did not give what it was asked for."""

    kind = Kind.UNAVAILABLE
    sentence = "{url}: {reason}"
    url: str
    reason: str

    def __post_init__(self) -> None:
        self.url = redacted(self.url)
        super().__post_init__()


class UpstreamUnavailable(UpstreamError):
    """It cannot be reached, or keeps saying that it cannot serve."""


class Unreachable(UpstreamUnavailable):
    """No request came to an answer: there is no connection, no way there, no such host, or no TLS."""


class Untrusted(Unreachable):
    """Its certificate is none that we trust."""

    hint = "if it is yours, name the authority that signed its certificate: `--ca FILE`, or `ca` in its table"


class TooSlow(UpstreamUnavailable):
    """It sent too little for too long; everything that was under way was ended."""

    sentence = "{url}: the upstream {reason}"


class GivenUp(UpstreamUnavailable):
    """It was not asked, because others have asked in vain."""

    sentence = "{url} was not asked: {reason}"


class AddressRefused(UpstreamError):
    """It names an address to which a client must not be led."""

    kind = Kind.INVALID


class CutShort(UpstreamUnavailable):
    """An answer began and did not come to its end; what has arrived of a file can be continued."""


class UpstreamRefused(UpstreamError):
    """It wants other credentials."""

    kind = Kind.UNAUTHORIZED
    hint = "set auth = {{ user, password-env }} on the upstream, or put the host into ~/.netrc"


class NoSuchProject(UpstreamError):
    """It answers, and does not have the project."""

    kind = Kind.NOT_FOUND


class NotAnIndexPage(UpstreamError):
    """It answers 200 with something that is no page of the project: a portal, a login, an empty page."""

    kind = Kind.INVALID


class UnusableCertificates(PypitoolError):
    """A file of authorities, or of our own certificate, that cannot be used."""

    kind = Kind.CONFIG
    sentence = "the certificates of {file} cannot be used: {reason}"
    hint = "it has to be a file in PEM form; one of our own certificate holds its key too"
    file: Path
    reason: str


class Stopped(PypitoolError):
    """The run was told to stop; what was asked for is no longer wanted."""

    kind = Kind.UNAVAILABLE
    ends_the_turn = True
    sentence = "stopped"

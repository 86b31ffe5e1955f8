"""The keys of an issuer of OpenID Connect, asked for over https: two small documents, and no way around."""

from __future__ import annotations

import json
import ssl
import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from pypitool import __version__
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.text import printable

if TYPE_CHECKING:
    from http.client import HTTPResponse

SECONDS = 5.0  # for each of the two documents
LARGEST = 1024**2
_PIECE = 16 * 1024
_CONFIGURATION = "/.well-known/openid-configuration"


class IssuerUnavailable(PypitoolError):
    """The keys of an issuer cannot be had at this moment."""

    kind: ClassVar[Kind] = Kind.UNAVAILABLE

    def __init__(self, issuer: str, reason: str) -> None:
        super().__init__(issuer, reason)
        self.issuer = issuer
        self.reason = reason

    def __str__(self) -> str:
        return f"the issuer {self.issuer} cannot be asked for its keys: {self.reason}"


def fetch_keys(issuer: str, ca: PurePath | None = None) -> list[Any]:
    """Return the keys of an issuer as its JWK set has them."""
    fetch = _Fetch(issuer, ca)
    # OpenID Connect Discovery 1.0, 4.1: "If the Issuer value contains a path component, any terminating /
    # MUST be removed before appending /.well-known/openid-configuration."
    configuration = fetch.document(issuer.rstrip("/") + _CONFIGURATION)
    # 4.3: "The issuer value returned MUST be identical to the Issuer URL that was directly used to retrieve
    # the configuration information."
    if configuration.get("issuer") != issuer:
        raise IssuerUnavailable(issuer, f"it says that it is {printable(str(configuration.get('issuer')))}")
    address = configuration.get("jwks_uri")
    if not isinstance(address, str) or not _is_https(address):
        raise IssuerUnavailable(issuer, "its jwks_uri is no https address")
    keys = fetch.document(address).get("keys")
    if not isinstance(keys, list):
        raise IssuerUnavailable(issuer, "its JWK set has no keys")
    return keys


class _Fetch:
    def __init__(self, issuer: str, ca: PurePath | None) -> None:
        # Imported here: a server without publishers does not pay for it.
        import urllib.request

        class NoRedirects(urllib.request.HTTPRedirectHandler):
            """Lets a redirect be the failure that it is here."""

            def redirect_request(self, *args: object, **kwargs: object) -> None:
                """Follow nothing."""

        self._issuer = issuer
        try:
            # With `cafile` no other authority is trusted.
            context = ssl.create_default_context(cafile=None if ca is None else str(ca))
        except OSError as error:  # ssl.SSLError is one
            raise IssuerUnavailable(issuer, f"its `ca` cannot be used: {error}") from error
        self._opener = urllib.request.build_opener(NoRedirects, urllib.request.HTTPSHandler(context=context))
        self._opener.addheaders = [("User-Agent", f"pypitool/{__version__}"), ("Accept", "application/json")]

    def document(self, url: str) -> dict[str, Any]:
        try:
            found = json.loads(self._body(url))
        except (ValueError, RecursionError) as error:
            raise IssuerUnavailable(self._issuer, f"what {url} answers is no JSON") from error
        except OSError as error:  # URLError and what sockets raise
            raise IssuerUnavailable(self._issuer, f"{url}: {getattr(error, 'reason', error)}") from error
        if not isinstance(found, dict):
            raise IssuerUnavailable(self._issuer, f"what {url} answers is no JSON object")
        return found

    def _body(self, url: str) -> bytes:
        from http.client import HTTPException
        from urllib.error import HTTPError

        ends = time.monotonic() + SECONDS
        try:
            with self._opener.open(url, timeout=SECONDS) as answer:
                return self._read(url, answer, ends)
        except HTTPError as error:
            with error:  # it is an answer too, and holds the connection
                raise IssuerUnavailable(self._issuer, f"{url} answers {error.code}") from error
        except HTTPException as error:
            raise IssuerUnavailable(self._issuer, f"what {url} answers is no HTTP") from error

    def _read(self, url: str, answer: HTTPResponse, ends: float) -> bytes:
        body = bytearray()
        # read1 and not read: a trickle must not hide the time that passes.
        while piece := answer.read1(_PIECE):
            body += piece
            if len(body) > LARGEST:
                raise IssuerUnavailable(self._issuer, f"what {url} answers is longer than {LARGEST} bytes")
            if time.monotonic() > ends:
                raise IssuerUnavailable(self._issuer, f"{url} takes longer than {SECONDS:g} s")
        if answer.length:
            raise IssuerUnavailable(self._issuer, f"what {url} answers is cut short")
        return bytes(body)


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)

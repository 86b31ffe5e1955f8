"""The keys of issuers of OpenID Connect: kept for an hour, good for a day without an answer.

They are asked for over https, in two small documents, and again when they change; no redirect is followed.
"""

from __future__ import annotations

import json
import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Generic, TypeVar
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
KEPT_SECONDS = 3600.0
# Who signs with a key of its own makes us ask, so it is not asked at each such request.
ASKED_AGAIN_SECONDS = 60.0
OLD_SECONDS = 24 * 3600.0
# Where there is nothing to go on with, who waits is told to come back soon.
TRIED_AGAIN_SECONDS = 1.0

_log = logging.getLogger(__name__)

K = TypeVar("K")
Fetch = Callable[[str, PurePath | None], list[Any]]


class IssuerUnavailable(PypitoolError):
    """The keys of an issuer cannot be had at this moment."""

    kind = Kind.UNAVAILABLE
    sentence = "the issuer {issuer} cannot be asked for its keys: {reason}"
    issuer: str
    reason: str


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


class IssuerKeys(Generic[K]):
    """The keys of any number of issuers, by the `kid` that tokens name."""

    def __init__(
        self,
        read: Callable[[list[Any]], Mapping[str, K]],
        *,
        fetch: Fetch = fetch_keys,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`read` makes keys of what a JWK set holds."""
        self._read = read
        self._fetch = fetch
        self._clock = clock
        self._rings: dict[tuple[str, PurePath | None], _Ring[K]] = {}

    def find(self, issuer: str, ca: PurePath | None, kid: str) -> K | None:
        """Return a key of an issuer, None when it has none of this name; asks it when that may help."""
        ring = self._rings.get((issuer, ca))
        if ring is None:
            made = _Ring(issuer, lambda: self._read(self._fetch(issuer, ca)), self._clock)
            ring = self._rings.setdefault((issuer, ca), made)
        return ring.find(kid)


class _Ring(Generic[K]):
    """The keys of one issuer; one thread asks for them, the others wait for what it hears."""

    def __init__(self, issuer: str, fetch: Callable[[], Mapping[str, K]], clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, K] = {}
        self._heard: float | None = None
        self._tried: float | None = None
        self._failure: IssuerUnavailable | None = None

    def find(self, kid: str) -> K | None:
        # Without the lock first: who holds it may be waiting for the issuer.
        if self._is_younger(KEPT_SECONDS) and kid in self._keys:
            return self._keys[kid]
        with self._lock:
            if self._is_due(kid):
                self._ask()
            return self._found(kid)

    def _found(self, kid: str) -> K | None:
        failure = self._failure
        if failure is None:
            return self._keys.get(kid)
        if self._is_younger(OLD_SECONDS) and kid in self._keys:
            return self._keys[kid]
        # A key that came while the issuer was away, perhaps: nobody can tell.
        raise IssuerUnavailable(failure.issuer, failure.reason) from failure

    def _is_due(self, kid: str) -> bool:
        if self._tried is None:
            return True
        since = self._clock() - self._tried
        if not self._is_younger(OLD_SECONDS):
            return since >= TRIED_AGAIN_SECONDS
        if self._failure is None and self._is_younger(KEPT_SECONDS) and kid in self._keys:
            return False  # another thread has asked while this one waited
        return since >= ASKED_AGAIN_SECONDS

    def _ask(self) -> None:
        try:
            self._keys = self._fetch()
            self._heard = self._clock()
            self._failure = None
        except IssuerUnavailable as error:
            _log.warning("%s", error)
            self._failure = error
        # After the asking: it may have taken longer than what is waited in between.
        self._tried = self._clock()

    def _is_younger(self, seconds: float) -> bool:
        return self._heard is not None and self._clock() - self._heard < seconds

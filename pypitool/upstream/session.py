"""A session with one index: one TLS context, and retries that a stop can end at once."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from logging import getLogger
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_netrc_auth, select_proxy
from urllib3.exceptions import HTTPError

from pypitool import __version__
from pypitool.core.address_judgement import WebAddress, host_of, is_same_host, may_see_credentials, refusal
from pypitool.upstream.listing import joined
from pypitool.upstream.tls import tls_context
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import AddressRefused, CutShort, Stopped, UpstreamUnavailable, redacted

_CONNECT_TIMEOUT = 10.0
_MOST_REDIRECTS = 10
_PIECE = 64 * 1024
RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
# What was sent may have been taken before a 500: whoever asks has to look, not the one who repeats.
_RETRIED_UPLOADS = frozenset({429, 502, 503, 504})

Response = requests.Response
log = getLogger(__name__)


class Body(Protocol):
    """What is sent: of a known length, in pieces, and as often as it takes."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


class _SharedContext(HTTPAdapter):
    """One TLS context for all: requests reads the bundle at each connection (25 ms to first byte, 5.5 so)."""

    def __init__(self, context: Callable[[], ssl.SSLContext], connections: int) -> None:
        self._context = context
        super().__init__(pool_connections=8, pool_maxsize=connections)

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        place, settings = super().build_connection_pool_key_attributes(*args, **kwargs)
        if place["scheme"] == "https":
            settings["ssl_context"] = self._context()
        return place, settings

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        del conn, url, verify, cert  # the context verifies


class _Session(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        self._proxies_to: dict[str, Any] = {}

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        del proxies, verify  # never given; a bundle of the environment is in our context already
        return {
            "proxies": self.proxies or self._usual(url),
            "stream": stream,
            "verify": self.verify,
            "cert": cert,
        }

    def is_proxied(self, url: str) -> bool:
        """Tell whether a proxy asks in our place, and looks for the host too."""
        return select_proxy(url, self.proxies or self._usual(url)) is not None

    def _usual(self, url: str) -> Any:
        # requests reads the whole environment for each request: a third of what a request costs.
        place = url[: url.find("/", len("https://"))]
        if place not in self._proxies_to:
            settings = super().merge_environment_settings(url, {}, None, None, None)
            self._proxies_to[place] = settings["proxies"]
        return self._proxies_to[place]


class UpstreamSession:
    """Requests to one upstream, from any thread."""

    def __init__(self, upstream: Upstream, stop: threading.Event | None = None) -> None:
        self.upstream = upstream
        self._stop = stop or threading.Event()
        self._lock = threading.Lock()
        self._requests = 0
        self._context: ssl.SSLContext | None = None
        self._hosts: dict[str, tuple[str, ...]] = {}
        self._session = _Session()
        self._session.verify = upstream.verified
        self._session.headers["User-Agent"] = f"pypitool/{__version__}"
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _SharedContext(self._tls, upstream.workers))
        if upstream.proxy:
            self._session.proxies = {"http": upstream.proxy, "https": upstream.proxy}
        if upstream.ca or upstream.client_cert:
            self._tls()  # what cannot be used is told at once

    @property
    def requests(self) -> int:
        """How many requests were sent, retries and redirects included."""
        return self._requests

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str], *, within: str | None = None) -> Iterator[Response]:
        """Open an answer for reading; statuses worth a retry have been retried, others are the caller's.

        With `within` a redirect to an address that does not begin so is not followed: it is the answer.
        """
        response = self._retried(url, lambda: self._got(url, headers, within), RETRIED_STATUSES)
        if response.status_code in RETRIED_STATUSES:
            response.close()
            raise UpstreamUnavailable(url, self._asked_in_vain(response))
        try:
            yield response
        finally:
            response.close()

    @contextmanager
    def post(self, url: str, body: Body, headers: Mapping[str, str]) -> Iterator[Response]:
        """Send a body and open the answer; no redirect is followed, and retries send it anew.

        The answer may be one that was retried in vain: what it says is for who wanted to send.
        """
        with self.send("POST", url, body, headers) as response:
            yield response

    @contextmanager
    def send(
        self, method: str, url: str, body: Body | bytes | None, headers: Mapping[str, str]
    ) -> Iterator[Response]:
        """Do what `post` does, by another method."""
        response = self._retried(url, lambda: self._once(method, url, headers, body), _RETRIED_UPLOADS)
        try:
            yield response
        finally:
            response.close()

    def _tls(self) -> ssl.SSLContext:
        # Not before a connection needs it: it takes 80 ms, and many an upstream of a LAN has no TLS.
        with self._lock:
            if self._context is None:
                self._context = tls_context(
                    self.upstream.ca,
                    verified=self.upstream.verified,
                    client_cert=self.upstream.client_cert,
                    usual_bundle=DEFAULT_CA_BUNDLE_PATH,
                )
            return self._context

    def _retried(self, url: str, send: Callable[[], Response], retried: Collection[int]) -> Response:
        attempt = 0
        while True:
            attempt += 1
            last = attempt > self.upstream.retries
            try:
                response = send()
            except (requests.ConnectionError, requests.Timeout) as error:
                # A certificate that is not trusted will not be at the next try either.
                if last or isinstance(_cause(error), ssl.SSLCertVerificationError):
                    # From what began it: that we have no descriptors is not the upstream's fault.
                    raise UpstreamUnavailable(url, _short(error)) from _cause(error)
                self._wait(wait_before_retry(attempt, None, 0, _now()) or 0, url, _short(error))
                continue
            wait = None
            if response.status_code in retried and not last:
                wait = self._asked_wait(attempt, response)
            if wait is None:
                return response
            response.close()
            self._wait(wait, url, f"it answers {response.status_code}")

    def _asked_wait(self, attempt: int, response: Response) -> float | None:
        after = response.headers.get("Retry-After")
        return wait_before_retry(attempt, after, self.upstream.retry_after_max, _now())

    def _asked_in_vain(self, response: Response) -> str:
        if self._asked_wait(1, response) is None:
            longest = self.upstream.retry_after_max
            return f"it answers {response.status_code} and asks to come back in more than {longest:g} s"
        return f"it answers {response.status_code}, {self.upstream.retries + 1} times"

    def _got(self, url: str, headers: Mapping[str, str], within: str | None) -> Response:
        self._judge(url, url, None)
        response = self._once("GET", url, headers)
        for _ in range(_MOST_REDIRECTS):
            # requests follows by itself too, but asks nobody where to.
            location = self._session.get_redirect_target(response)
            target = joined(response.url, location or "")
            if location is None or (within is not None and not _is_within(target, within)):
                return response
            response.close()
            self._judge(url, target, response.url)
            response = self._once("GET", target, headers)
        if within is None and response.is_redirect:
            response.close()
            raise UpstreamUnavailable(url, "it redirects in a circle")
        return response

    def _judge(self, url: str, target: str, before: str | None) -> None:
        """Raise `AddressRefused` for an address to which nobody is to be led: by a page, or by a redirect."""
        is_what = refusal(self._place(self.upstream.index, target), self._place(target, target), before)
        if is_what is not None:
            leads = "it is" if before is None else f"it redirects to {redacted(target)}, which is"
            raise AddressRefused(url, f"{leads} {is_what}")

    def _place(self, url: str, target: str) -> WebAddress:
        host = host_of(url)
        if host is None or is_same_host(self.upstream.index, target) or self._session.is_proxied(url):
            return WebAddress(url)
        if host not in self._hosts:
            self._hosts[host] = _addresses(host)
        return WebAddress(url, self._hosts[host])

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | bytes | None = None,
    ) -> Response:
        if self._stop.is_set():
            raise Stopped()
        self._count()
        try:
            response = self._session.request(
                method,
                url,
                headers=dict(headers),
                data=body,
                stream=True,
                timeout=(_CONNECT_TIMEOUT, self.upstream.timeout),
                auth=self._auth(url),
                allow_redirects=False,
            )
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise UpstreamUnavailable(url, "it is no http address") from error
        return response

    def _count(self) -> None:
        with self._lock:
            self._requests += 1

    def _wait(self, seconds: float, url: str, why: str) -> None:
        log.info("%s: %s; trying again in %g s", redacted(url), why, seconds)
        if self._stop.wait(seconds):
            raise Stopped()

    def _auth(self, url: str) -> HTTPBasicAuth | Callable[[Any], Any] | None:
        if self.upstream.anonymous:
            return _as_it_is
        # None lets requests look into ~/.netrc, which is kept by host.
        if self.upstream.credentials is None or not may_see_credentials(self.upstream.index, url):
            return None
        known = self.upstream.credentials
        # As bytes: of texts requests takes Latin-1, and servers read UTF-8 (RFC 7617, 2.1).
        return HTTPBasicAuth(known.user.encode(), known.password.encode())


def _as_it_is(request: Any) -> Any:
    return request


def netrc_credentials(url: str) -> tuple[str, str] | None:
    """Return what `~/.netrc`, or the file that NETRC names, has for the host of an address."""
    return get_netrc_auth(url)


def read_bounded(response: Response, limit: int) -> bytes:
    """Read a whole body, decoded, or raise when it is longer than `limit`, cut short, or silent."""
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in response.iter_content(_PIECE):
            size += len(piece)
            if size > limit:
                raise UpstreamUnavailable(response.url, f"its answer is longer than {limit} bytes")
            pieces.append(piece)
    except requests.RequestException as error:
        raise CutShort(response.url, f"its answer was cut short ({_short(error)})") from error
    return b"".join(pieces)


def read_pieces(response: Response, size: int = 256 * 1024) -> Iterator[bytes]:
    """Read a body piece by piece as it was sent, or raise when it is cut short or silent."""
    try:
        # Never decoded: some servers call a `.tar.gz` gzip-encoded, and its hash is of the bytes as they are.
        yield from response.raw.stream(size, decode_content=False)
    except (HTTPError, OSError) as error:
        raise CutShort(response.url, f"its answer was cut short ({_short(error)})") from error


def _addresses(host: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()  # nothing can be connected to either
    return tuple(str(each[4][0]) for each in found)


def _is_within(url: str, index: str) -> bool:
    # The same address with TLS is the same place.
    return url.startswith((index, index.replace("http://", "https://", 1)))


def _short(error: Exception) -> str:
    cause = _cause(error)
    if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, ssl.SSLError):
        return cause.strerror.lower()  # without the number that Python puts before it
    return str(cause) or type(cause).__name__


def _cause(error: BaseException) -> BaseException:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _now() -> datetime:
    return datetime.now(timezone.utc)


def wait_before_retry(attempt: int, retry_after: str | None, longest: float, now: datetime) -> float | None:
    """Return the seconds before try `attempt + 1`, or None when the server asks for more than `longest`."""
    asked = parse_retry_after(retry_after, now)
    if asked is not None:
        return asked if asked <= longest else None
    return min(_FIRST_WAIT * 2.0 ** (attempt - 1), _LONGEST_WAIT)


def parse_retry_after(header: str | None, now: datetime) -> float | None:
    """Read Retry-After in both forms: seconds, or a date."""
    if header is None or not header.strip():
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header.strip())
    moment = parse_http_date(header)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def parse_http_date(header: str) -> datetime | None:
    """Read the moment of a header; None when it is none."""
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError):
        return None
    # `-0000` is UTC too (RFC 5322, 3.3), and comes back without a zone.
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)

"""HTTP of the client side: one session, one TLS context, retries that a stop can end at once."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import HTTPError

from pypitool import __version__
from pypitool.core.retrying import RETRIED_STATUSES, wait_before_retry
from pypitool.upstream.errors import CutShort, Stopped, UpstreamUnavailable, redacted
from pypitool.upstream.model import Upstream

_CONNECT_TIMEOUT = 10.0
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_PIECE = 64 * 1024

Response = requests.Response


class _SharedContext(HTTPAdapter):
    """Reads the CA bundle once: requests does at each new connection (25 ms to first byte, 5.5 ms so)."""

    def __init__(self, context: ssl.SSLContext, connections: int) -> None:
        self._context = context
        super().__init__(pool_connections=8, pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        del conn, url, verify, cert  # the context verifies


class _Session(requests.Session):
    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:
        settings = super().merge_environment_settings(*args, **kwargs)
        # A bundle of the environment is in our context already; as a path it would be read again each time.
        settings["verify"] = self.verify
        return settings


class UpstreamSession:
    """Requests to one upstream, from any thread."""

    def __init__(self, upstream: Upstream, stop: threading.Event | None = None) -> None:
        self.upstream = upstream
        self._stop = stop or threading.Event()
        self._counting = threading.Lock()
        self._requests = 0
        self._session = _Session()
        self._session.verify = upstream.verified
        self._session.headers["User-Agent"] = f"pypitool/{__version__}"
        context = _tls_context(upstream.ca, verified=upstream.verified)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _SharedContext(context, upstream.workers))
        if upstream.proxy:
            self._session.proxies = {"http": upstream.proxy, "https": upstream.proxy}

    @property
    def requests(self) -> int:
        """How many requests were sent, retries and redirects included."""
        return self._requests

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> Iterator[Response]:
        """Open an answer for reading; statuses worth a retry have been retried, others are the caller's."""
        response = self._retried(url, headers)
        try:
            yield response
        finally:
            response.close()

    def _retried(self, url: str, headers: Mapping[str, str]) -> Response:
        attempt = 0
        while True:
            attempt += 1
            last = attempt > self.upstream.retries
            try:
                response = self._once(url, headers)
            except (requests.ConnectionError, requests.Timeout) as error:
                if last:
                    raise UpstreamUnavailable(url, _short(error)) from error
                self._wait(wait_before_retry(attempt, None, 0, _now()), url, "")
                continue
            if response.status_code not in RETRIED_STATUSES:
                return response
            answer, after = f"it answers {response.status_code}", response.headers.get("Retry-After")
            response.close()
            if last:
                raise UpstreamUnavailable(url, f"{answer}, {attempt} times")
            self._wait(wait_before_retry(attempt, after, self.upstream.retry_after_max, _now()), url, answer)

    def _once(self, url: str, headers: Mapping[str, str]) -> Response:
        if self._stop.is_set():
            raise Stopped()
        self._count(1)
        timeout = (_CONNECT_TIMEOUT, self.upstream.timeout)
        try:
            response = self._session.get(
                url, headers=dict(headers), stream=True, timeout=timeout, auth=self._auth(url)
            )
        except requests.TooManyRedirects as error:
            raise UpstreamUnavailable(url, "it redirects in a circle") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise UpstreamUnavailable(url, "it is no http address") from error
        self._count(len(response.history))
        _refuse_downgrade(url, response)
        return response

    def _count(self, sent: int) -> None:
        with self._counting:
            self._requests += sent

    def _wait(self, seconds: float | None, url: str, answer: str) -> None:
        if seconds is None:
            longest = self.upstream.retry_after_max
            raise UpstreamUnavailable(url, f"{answer} and asks to come back in more than {longest:g} s")
        if self._stop.wait(seconds):
            raise Stopped()

    def _auth(self, url: str) -> tuple[str, str] | None:
        # None lets requests look into ~/.netrc, which is kept by host.
        if self.upstream.credentials is None or _origin(url) != _origin(self.upstream.index):
            return None
        return self.upstream.credentials.user, self.upstream.credentials.password


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


def _tls_context(ca: Path | None, *, verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    given = ca or next((Path(os.environ[name]) for name in _BUNDLES if os.environ.get(name)), None)
    context.load_verify_locations(given if given is not None else DEFAULT_CA_BUNDLE_PATH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _refuse_downgrade(url: str, response: Response) -> None:
    if urlsplit(url).scheme == "https" and urlsplit(response.url).scheme != "https":
        response.close()
        raise UpstreamUnavailable(url, f"it redirects to {redacted(response.url)}, which is not https")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default


def _short(error: Exception) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
    return str(cause) or type(cause).__name__


def _now() -> datetime:
    return datetime.now(timezone.utc)

"""A session with one index: one TLS context, retries that are told, and a stop that ends all at once."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timezone
from typing import Any

import requests
from requests.auth import HTTPBasicAuth
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_netrc_auth

from pypitool import __version__
from pypitool.core.address_judgement import WebAddress, host_of, is_same_host, may_see_credentials, refusal
from pypitool.core.giving_up import MOST_UNREACHED, WINDOW_SECONDS, UpstreamPace
from pypitool.core.limits import FILE_BYTES
from pypitool.core.retry_wait import wait_before_retry
from pypitool.upstream.answer_bodies import Body, WholeAnswer, read_bounded
from pypitool.upstream.lean_requests import LeanSession, SharedContext, place_of
from pypitool.upstream.lines import Lines
from pypitool.upstream.listing import joined
from pypitool.upstream.reasons import cause, is_of_tls, short
from pypitool.upstream.tls import tls_context
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import (
    AddressRefused,
    CutShort,
    Unreachable,
    Untrusted,
    UpstreamUnavailable,
    redacted,
)
from pypitool.upstream.watch import Watch

_CONNECT_TIMEOUT = 10.0
_MOST_REDIRECTS = 10
RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
# What was sent may have been taken before a 500: whoever asks has to look, not the one who repeats.
_RETRIED_UPLOADS = frozenset({429, 502, 503, 504})

Response = requests.Response
Tell = Callable[[str], None]


class UpstreamSession:
    """Requests to one upstream, from any thread."""

    def __init__(
        self,
        upstream: Upstream,
        stop: threading.Event | None = None,
        tell: Tell | None = None,
        *,
        finishes: bool = False,
        most_unreached: int = MOST_UNREACHED,
        largest: int = FILE_BYTES.most,
    ) -> None:
        """`tell` hears of each wait before another try; `finishes`: a stop lets what has begun arrive."""
        self.upstream = upstream
        self._tell = tell or (lambda text: None)
        self._told = ""
        self._lock = threading.Lock()
        self._requests = 0
        self._context: ssl.SSLContext | None = None
        self._hosts: dict[str, tuple[str, ...]] = {}
        self._places: set[str] = set()  # that were judged, and may be asked
        self._lines = Lines(largest)
        self._watch = Watch(
            redacted(upstream.index),
            self._lines,
            stop or threading.Event(),
            UpstreamPace(silence=max(WINDOW_SECONDS, 2 * upstream.timeout)),
            finishes=finishes,
            most_unreached=most_unreached,
        )
        self._session = LeanSession()
        self._session.verify = upstream.verified
        self._session.headers.update({"User-Agent": f"pypitool/{__version__}", "Accept-Encoding": "gzip"})
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, SharedContext(self._tls, self._lines, upstream.workers))
        if upstream.proxy:
            self._session.proxies = {"http": upstream.proxy, "https": upstream.proxy}
        if upstream.ca or upstream.client_cert:
            self._tls()  # what cannot be used is told at once

    @property
    def requests(self) -> int:
        """How many requests were sent, retries and redirects included."""
        return self._requests

    @property
    def has_answered(self) -> bool:
        """Whether anything has come back, be it a refusal."""
        return self._watch.has_answered

    def close(self) -> None:
        """Close every connection."""
        self._watch.close()
        self._session.close()

    def asked_for(self, project: Hashable) -> AbstractContextManager[None]:
        """Ask for a project within; when it was no use for some in a row, no other one is begun."""
        return self._watch.asked_for(project)

    def read(
        self, url: str, headers: Mapping[str, str], limit: int, *, within: str | None = None
    ) -> WholeAnswer:
        """Return an answer that was read to its end; one that breaks off is asked for again."""
        attempt = 0
        while True:
            attempt += 1
            try:
                with self._lines.at_most(limit), self.get(url, headers, within=within) as response:
                    body = read_bounded(response, limit) if response.status_code == 200 else b""
                is_redirect = response.is_redirect
                return WholeAnswer(response.url, response.status_code, response.headers, body, is_redirect)
            except CutShort as error:
                if not self.may_retry(attempt, url, error.reason):
                    raise

    def may_retry(self, attempt: int, url: str, why: str) -> bool:
        """Wait until it is time for another try, and say so; False: there is none."""
        with self._lines.asking():
            return self._waited(wait_before_retry(attempt, None, 0, _now()) or 0, attempt, url, why)

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str], *, within: str | None = None) -> Iterator[Response]:
        """Open an answer for reading; statuses worth a retry have been retried, others are the caller's.

        With `within` a redirect to an address that does not begin so is not followed: it is the answer.
        """

        def ask() -> Response:
            with self._lines.asking():
                return self._got(url, headers, within)

        response = self._retried(url, ask, RETRIED_STATUSES)
        if response.status_code in RETRIED_STATUSES:
            response.close()
            raise UpstreamUnavailable(url, self._asked_in_vain(response))
        try:
            yield response
            # A body without a length seems to come to its end when its connection is ended.
            self._watch.check(url)
        except CutShort:
            self._watch.check(url)
            raise
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
                self._context.sslsocket_class = self._lines.tls_socket()
            return self._context

    def _retried(self, url: str, send: Callable[[], Response], retried: Collection[int]) -> Response:
        attempt = 0
        while True:
            attempt += 1
            try:
                response = send()
            except (requests.ConnectionError, requests.Timeout) as error:
                self._watch.check(url)
                fault = self._fault(url, error)
                where = self.upstream.index if isinstance(fault, Unreachable) else url
                # A certificate that is not trusted will not be at the next try either.
                if is_of_tls(error) or not self.may_retry(attempt, where, fault.reason):
                    # From what began it: that we have no descriptors is not the upstream's fault.
                    raise fault from cause(error)
                continue
            wait = self._asked_wait(attempt, response) if response.status_code in retried else None
            with ExitStack() as unless_returned:
                unless_returned.callback(response.close)
                why = f"it answers {response.status_code}"
                if wait is None or not self._waited(wait, attempt, url, why):
                    unless_returned.pop_all()
                    return response

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
        place = place_of(target)
        if before is None and place in self._places:
            return
        is_what = refusal(self._place(self.upstream.index, target), self._place(target, target), before)
        if is_what is not None:
            leads = "it is" if before is None else f"it redirects to {redacted(target)}, which is"
            raise AddressRefused(url, f"{leads} {is_what}")
        if before is None:
            self._places.add(place)

    def _place(self, url: str, target: str) -> WebAddress:
        host = host_of(url)
        if host is None or is_same_host(self.upstream.index, target) or self._session.is_proxied(url):
            return WebAddress(url)
        if host not in self._hosts:
            self._hosts[host] = self._addresses(host)
        return WebAddress(url, self._hosts[host])

    def _addresses(self, host: str) -> tuple[str, ...]:
        try:
            return tuple(str(each[4][0]) for each in self._lines.look_up(host, None))
        except OSError:
            return ()  # nothing can be connected to either

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | bytes | None = None,
    ) -> Response:
        self._watch.begin(url)
        with self._lock:
            self._requests += 1
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
        self._watch.has_answered = True
        return response

    def _waited(self, seconds: float, attempt: int, url: str, why: str) -> bool:
        if attempt > self.upstream.retries:
            return False
        self._say(
            f"{redacted(url)}: {why}; trying again in {seconds:g} s ({attempt} of {self.upstream.retries})"
        )
        return self._watch.pause(seconds, url)

    def _say(self, text: str) -> None:
        # Once, although all who ask have the same to tell.
        with self._lock:
            is_news, self._told = text != self._told, text
        if is_news:
            self._tell(text)

    def _fault(self, url: str, error: Exception) -> UpstreamUnavailable:
        reason = short(error)
        if isinstance(error, requests.exceptions.ReadTimeout):
            return UpstreamUnavailable(url, reason)
        if isinstance(error, requests.exceptions.ProxyError):
            reason = f"the proxy {redacted(self._session.proxy_to(url) or '')}: {reason}"
        kind = Untrusted if isinstance(cause(error), ssl.SSLCertVerificationError) else Unreachable
        return kind(url, reason)

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


def _is_within(url: str, index: str) -> bool:
    # The same address with TLS is the same place.
    return url.startswith((index, index.replace("http://", "https://", 1)))


def _now() -> datetime:
    return datetime.now(timezone.utc)

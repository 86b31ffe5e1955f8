"""The part of requests that we use, without what it does anew for each request."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.hooks import default_hooks
from requests.utils import get_netrc_auth, select_proxy

from pypitool.upstream.lines import Lines

# An address in which requests finds nothing to change: no user, no escape, no query, no `.` or `..`.
_PLAIN_ADDRESS = re.compile(
    r"https?://[a-z0-9][a-z0-9.-]*(?::[1-9][0-9]*)?(?:/(?!\.)[\w~!$&'()*+,;=:@.-]*)+", re.ASCII
)


def place_of(url: str) -> str:
    """Return what comes before the path of an address."""
    end = url.find("/", len("https://"))
    return url if end < 0 else url[:end]


class SharedContext(HTTPAdapter):
    """One TLS context for all: requests reads the bundle at each connection (25 ms to first byte, 5.5 so).

    And lines of ours, to a proxy too.
    """

    def __init__(self, context: Callable[[], ssl.SSLContext], lines: Lines, connections: int) -> None:
        self._context, self._pools = context, lines.pools()
        super().__init__(pool_connections=8, pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        place, settings = super().build_connection_pool_key_attributes(*args, **kwargs)
        if place["scheme"] == "https":
            settings["ssl_context"] = self._context()
        return place, settings

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        del conn, url, verify, cert  # the context verifies


class LeanSession(requests.Session):
    """A session that works out once what is the same for each request to a place."""

    def __init__(self) -> None:
        super().__init__()
        self._netrc: dict[str, Any] = {}
        self._proxies_to: dict[str, Any] = {}

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        del proxies, verify  # never given; a bundle of the environment is in our context already
        return {
            "proxies": self.proxies or self._usual(url),
            "stream": stream,
            "verify": self.verify,
            "cert": cert,
        }

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        url = str(request.url)
        if request.data or len(self.cookies) or not _PLAIN_ADDRESS.fullmatch(url):
            return super().prepare_request(request)
        # What is left of it where there is neither a body nor a cookie, and nothing to quote in the address:
        # a quarter of what requests needs, who reads `~/.netrc` each time too.
        prepared = requests.PreparedRequest()
        prepared.prepare_method(request.method)
        prepared.url, prepared.hooks = url, default_hooks()
        prepared.prepare_headers({**self.headers, **request.headers})
        prepared.prepare_cookies({})
        if auth := request.auth or self._usual_auth(url):
            prepared.prepare_auth(auth)
        return prepared

    def is_proxied(self, url: str) -> bool:
        """Tell whether a proxy asks in our place, and looks for the host too."""
        return self.proxy_to(url) is not None

    def proxy_to(self, url: str) -> str | None:
        """Return the address of that proxy."""
        found: str | None = select_proxy(url, self.proxies or self._usual(url))
        return found

    def _usual_auth(self, url: str) -> Any:
        place = place_of(url)
        if place not in self._netrc:
            self._netrc[place] = get_netrc_auth(url)
        return self._netrc[place]

    def _usual(self, url: str) -> Any:
        # requests reads the whole environment for each request: a third of what a request costs.
        place = place_of(url)
        if place not in self._proxies_to:
            settings = super().merge_environment_settings(url, {}, None, None, None)
            self._proxies_to[place] = settings["proxies"]
        return self._proxies_to[place]

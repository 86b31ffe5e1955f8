"""The address under which a client sees the server, for the few answers that need an absolute one."""

from __future__ import annotations

import re
from urllib.parse import quote

from pypitool_server.gateway import Environ
from pypitool_server.proxies import TrustedProxies

# Everything else in these headers was written by somebody who wants it printed on a page.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_SCHEME = re.compile("https?")

_OWN = ("wsgi.url_scheme", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME")
_FORWARDED = ("REMOTE_ADDR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PREFIX")


class External:
    """Reads the address from the request, and from `X-Forwarded-*` where the peer is a trusted proxy."""

    def __init__(self, proxies: TrustedProxies, *, mount: str, behind_proxy: bool) -> None:
        self._proxies = proxies
        self._mount = mount.rstrip("/")
        # The keys of the environment that `base_url` reads, for `mark_replayable`.
        self.uses = _OWN + _FORWARDED if behind_proxy else _OWN

    def base_url(self, environ: Environ) -> str:
        """Return the address of the start page, with its last slash."""
        scheme, host, prefix = environ["wsgi.url_scheme"], _host(environ), environ.get("SCRIPT_NAME", "")
        if self._proxies.trusts(environ.get("REMOTE_ADDR") or ""):
            scheme = _forwarded(environ, "PROTO", _SCHEME) or scheme
            host = _forwarded(environ, "HOST", _HOST) or host
            prefix = _forwarded(environ, "PREFIX", _PREFIX) or prefix
        return f"{scheme}://{host}{quote(prefix.rstrip('/'))}{self._mount}/"


def _host(environ: Environ) -> str:
    named = environ.get("HTTP_HOST", "")
    if _HOST.fullmatch(named):
        return str(named)
    return f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"


def _forwarded(environ: Environ, what: str, pattern: re.Pattern[str]) -> str | None:
    # The last value is the one that the proxy next to us has added.
    value = str(environ.get(f"HTTP_X_FORWARDED_{what}", "")).rpartition(",")[2].strip().rstrip("/")
    return value if pattern.fullmatch(value) else None

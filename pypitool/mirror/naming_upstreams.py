"""The upstreams that a command line names, over those of the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from pypitool.core.upload.credential_choice import Credentials
from pypitool.upstream.page_model import Upstream


def with_flags(
    configured: Sequence[Upstream],
    *,
    index: str | None = None,
    extra: Sequence[str] = (),
    proxy: str | None = None,
    ca: Path | None = None,
    trusted: Sequence[str] = (),
    allow_unhashed: bool = False,
) -> tuple[Upstream, ...]:
    """Return the upstreams to ask: `index` replaces the configured ones, `extra` ones follow."""
    asked = list(configured) if index is None else [upstream_at("index", index)]
    asked += [upstream_at(f"extra{number}", url) for number, url in enumerate(extra, 1)]
    return tuple(
        replace(
            upstream,
            proxy=proxy or upstream.proxy,
            ca=ca or upstream.ca,
            verified=upstream.verified and urlsplit(upstream.index).hostname not in _hosts(trusted),
            allow_unhashed=upstream.allow_unhashed or allow_unhashed,
        )
        for upstream in asked
    )


def upstream_at(name: str, url: str) -> Upstream:
    """Return an upstream by its address; user and password move out of it."""
    parts = urlsplit(url)
    credentials = None
    if parts.username is not None:
        credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    return Upstream(name, f"{bare.rstrip('/')}/", credentials=credentials)


def _hosts(trusted: Sequence[str]) -> set[str]:
    # pip takes `host` and `host:port`; for our one question the host is enough.
    return {host.partition(":")[0] for host in trusted}

"""Requests that a page of somebody else's made a browser send."""

from __future__ import annotations

from flask import request

from pypitool.core.errors import Kind, PypitoolError
from pypitool_server.services import services


class FromAnotherSite(PypitoolError):
    """A page of somebody else's made a browser send this, with the credentials that the browser keeps."""

    kind = Kind.FORBIDDEN

    def __str__(self) -> str:
        return "changes from the pages of other sites are refused"


def refuse_other_sites() -> None:
    """Raise `FromAnotherSite` unless the current request comes from no page, or from one of ours."""
    # No cookie is ever read, but browsers send Basic credentials along by themselves.
    origin = request.headers.get("Origin")
    if origin is not None and _host(origin) != _host(services().external.base_url(request.environ)):
        raise FromAnotherSite
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise FromAnotherSite


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].lower()

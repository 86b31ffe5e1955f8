"""What a request asks for: the form of a page by its headers of negotiation, and the values of its query."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs

from flask import request

from pypitool.core.index.http import MediaType, accepts_gzip, negotiate

FORM = "pypitool.form"
# Clients send a handful of different headers; whoever sends more only makes us think again.
MOST_REMEMBERED = 1024


class PageForm(NamedTuple):
    """One form of a page, and a short name for it by which ready answers are found."""

    name: str
    media: MediaType | None  # None: the client takes none of those that there are
    zipped: bool


@lru_cache(MOST_REMEMBERED)
def form_of(accept: str | None, coding: str | None) -> PageForm:
    """Return what `Accept` and `Accept-Encoding` select."""
    media, zipped = negotiate(accept), accepts_gzip(coding)
    return PageForm(f"{media.name if media else 'none'} {'gzip' if zipped else ''}", media, zipped)


def asked_form() -> PageForm:
    """Return the form that the current request asks for; `?format=` names a type before the headers do."""
    environ = request.environ
    accept = environ.get("HTTP_ACCEPT")
    # The front of replay has read the headers before, where it was asked.
    form: PageForm = environ.get(FORM) or form_of(accept, environ.get("HTTP_ACCEPT_ENCODING"))
    named = queried("format") if request.query_string else None
    return form if named is None else form._replace(media=negotiate(accept, named))


def queried(name: str) -> str | None:
    """Return the first value of a name in the query of the current request."""
    # Not `request.args`: it raises an error of Unicode for bytes that nobody has escaped.
    query = request.query_string.decode("utf-8", "replace")
    return next(iter(parse_qs(query, keep_blank_values=True).get(name, ())), None)

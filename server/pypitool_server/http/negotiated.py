"""What a request asks for: the form of a page by its headers of negotiation, and the values of its query."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs

from flask import request

from pypitool.core.index.http import MediaType, accepts_gzip, negotiate
from pypitool_server.http.request_limits import LONGEST_KEPT, length_of

FORM = "pypitool.form"
# Clients send a handful of different headers; whoever sends more only makes us think again.
MOST_REMEMBERED = 1024


class PageForm(NamedTuple):
    """One form of a page, and a short name for it by which ready answers are found."""

    name: str
    media: MediaType | None  # None: the client takes none of those that there are
    zipped: bool


# In the place of a form: the headers are too long to be a part of anything that is kept.
LONG = PageForm("long", None, zipped=False)


def form_of(accept: str | None, coding: str | None) -> PageForm:
    """Return what `Accept` and `Accept-Encoding` select."""
    media, zipped = negotiate(accept), accepts_gzip(coding)
    return PageForm(f"{media.name if media else 'none'} {'gzip' if zipped else ''}", media, zipped)


class RememberedForms(dict[tuple[str | None, str | None], PageForm]):
    """What the two headers select, by the two of them; `LONG` for those that are too long to be kept."""

    def __missing__(self, headers: tuple[str | None, str | None]) -> PageForm:
        if length_of(headers) > LONGEST_KEPT:
            return LONG
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        form = self[headers] = form_of(*headers)
        return form


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

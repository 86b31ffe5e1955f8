"""`/api/v1/`: what the command line needs to manage a server from afar."""

from __future__ import annotations

from flask import Blueprint, Response, request

from pypitool import __version__
from pypitool_server.views import answers
from pypitool_server.views.api import audit, owners, projects, rights, runs, tokens, users
from pypitool_server.views.api.requests import refuse_tricked
from pypitool_server.views.request_body import WITH_BODY

# Raised when something that older clients rely on is no longer so.
API_VERSION = 1


def blueprint() -> Blueprint:
    """Return the addresses of the API, relative to `answers.API`."""
    api = Blueprint("api", __name__)
    api.before_request(_guarded)
    # Without its slash as well: a redirect would have to know how clients see us.
    api.add_url_rule(answers.API, "root", root, strict_slashes=False)
    for subject in (projects, owners, users, tokens, runs, rights, audit):
        for method, address, view in subject.ROUTES:
            name = f"{method} {address.replace('.', '_')}"
            api.add_url_rule(f"{answers.API}{address}", name, view, methods=[method])
    return api


def root() -> Response:
    """Answer which version of the API this is: who is not allowed anything may ask that."""
    return answers.document({"api": API_VERSION, "version": __version__})


def _guarded() -> None:
    if request.method in WITH_BODY:
        refuse_tricked()

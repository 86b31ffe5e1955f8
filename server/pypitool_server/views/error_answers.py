"""The one place where failures become answers: a status and a sentence, never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from pypitool.catalogue.errors import CatalogueDamaged
from pypitool.core.errors import Kind, PypitoolError, http_status, without_descriptors
from pypitool.repository.contact import put_doubt
from pypitool_server.services import services
from pypitool_server.views.answers import API, document, text

# A client that meets "unavailable" waits this long, unless the error knows better.
RETRY_AFTER = 1
KEY = "pypitool.api"

# The kinds that the API tells apart: there is no command line that could be wrong.
_API_KINDS: Mapping[Kind, Kind] = {Kind.USAGE: Kind.INVALID}
_KINDS_BY_STATUS: Mapping[int, Kind] = {
    401: Kind.UNAUTHORIZED,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    405: Kind.NOT_FOUND,
    409: Kind.CONFLICT,
    503: Kind.UNAVAILABLE,
}


def install(app: Flask, mount: str = "") -> None:
    """Answer every failure of `app`: in plain text, or as a document to who speaks to the API."""
    app.extensions[KEY] = f"{mount}{API}"
    app.register_error_handler(PypitoolError, refused)
    app.register_error_handler(HTTPException, refused_by_flask)
    app.register_error_handler(Exception, failed)


def refused(error: PypitoolError) -> Response:
    """Answer with the status of the error's kind and its own sentence."""
    error = without_descriptors(error) or error
    status = http_status(error)
    if status >= 500:
        advice = f" ({error.hint})" if error.hint else ""
        logging.getLogger(__name__).warning("%s %r: %s%s", request.method, request.path, error, advice)
    if isinstance(error, CatalogueDamaged):
        put_doubt(services().repository.files)
    # What has to be done about a failure of the server itself is for who runs it: the log has it. Over
    # the API it may well be who runs it that asks.
    is_told = status < 500 or (error.kind is Kind.CONFIG and _is_of_api(request.path))
    hint = error.hint if is_told and error.hint else None
    answer = _answer(status, error.kind, _public(str(error)), _public(hint) if hint else None)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER)
    # A challenge, or a better time to come back.
    answer.headers.update(getattr(error, "headers", {}))
    return answer


def refused_by_flask(error: HTTPException) -> Response:
    """Answer what Flask itself refuses: no such address, wrong method, a body that is too large."""
    status = error.code or 500
    kind = _KINDS_BY_STATUS.get(status, Kind.INTERNAL if status >= 500 else Kind.INVALID)
    answer = _answer(status, kind, error.name.lower())
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def failed(error: Exception) -> Response:
    """Answer a fault of ours; only the log says which."""
    known = without_descriptors(error)
    if known is not None:
        return refused(known)
    logging.getLogger(__name__).error("%s %r", request.method, request.path, exc_info=error)
    return _answer(500, Kind.INTERNAL, "internal error: the server's log says more")


def _answer(status: int, kind: Kind, message: str, hint: str | None = None) -> Response:
    if _is_of_api(request.path):
        fault = {"kind": _API_KINDS.get(kind, kind).value, "message": message, "hint": hint}
        # A command that is carried out here has a command line all the same, somewhere else.
        words = {"words": True} if kind is Kind.USAGE else {}
        return document({"error": {**fault, **words}}, status)
    # Who posts a form has no command of this machine; who speaks to the API has one of ours, most likely.
    if hint is None or "`pypitool " in hint:
        return text(f"{message}\n", status)
    return text(f"{message}\nhint: {hint}\n", status)


def _is_of_api(path: str) -> bool:
    return f"{path}/".startswith(current_app.extensions[KEY])


def _public(sentence: str) -> str:
    # The sentences are written for the server's own console: clients learn no path of its disk.
    for directory in services().directories:
        sentence = sentence.replace(f"{directory}/", "")
    return sentence

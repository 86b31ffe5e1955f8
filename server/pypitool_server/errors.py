"""The one place where failures become answers: a status and a sentence, never a traceback."""

from __future__ import annotations

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from pypitool.asking import doubt_catalogue
from pypitool.catalogue.errors import CatalogueDamaged
from pypitool.core.errors import PypitoolError, http_status
from pypitool_server.answers import text
from pypitool_server.services import services

# A client that meets "unavailable" waits this long, unless the error knows better.
RETRY_AFTER = 1


def install(app: Flask) -> None:
    """Answer every failure of `app` in plain text."""
    app.register_error_handler(PypitoolError, refused)
    app.register_error_handler(HTTPException, refused_by_flask)
    app.register_error_handler(Exception, failed)


def refused(error: PypitoolError) -> Response:
    """Answer with the status of the error's kind and its own sentence."""
    status = http_status(error)
    if status >= 500:
        hint = f" ({error.hint})" if error.hint else ""
        logging.getLogger(__name__).warning("%s %r: %s%s", request.method, request.path, error, hint)
    if isinstance(error, CatalogueDamaged):
        doubt_catalogue(services().repository.state)
    answer = text(_sentences(error), status)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER)
    # A challenge, or a better time to come back.
    answer.headers.update(getattr(error, "headers", {}))
    return answer


def refused_by_flask(error: HTTPException) -> Response:
    """Answer what Flask itself refuses: no such address, wrong method, a body that is too large."""
    answer = text(f"{error.name.lower()}\n", error.code or 500)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def failed(error: Exception) -> Response:
    """Answer a fault of ours; only the log says which."""
    logging.getLogger(__name__).error("%s %r", request.method, request.path, exc_info=error)
    return text("internal error: the server's log says more\n", 500)


def _sentences(error: PypitoolError) -> str:
    # What has to be done about a failure of the server itself is for who runs it: the log has it.
    hint = None if http_status(error) >= 500 else error.hint
    sentences = f"{error}\n" if hint is None else f"{error}\nhint: {hint}\n"
    # The sentences are written for the server's own console: clients learn no path of its disk.
    for directory in services().directories:
        sentences = sentences.replace(f"{directory}/", "")
    return sentences

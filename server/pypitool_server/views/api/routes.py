"""`/api/v1/`: each row of `pypitool.manage.actions` at its address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, Response, request

from pypitool import __version__
from pypitool.core.names import normalize
from pypitool.core.rights.right import Right
from pypitool.manage.action import API_VERSION, Action, Who
from pypitool.manage.actions import ACTIONS
from pypitool.repository.releases import NotHeld
from pypitool_server.access.refusals import RightMissing
from pypitool_server.services import services
from pypitool_server.views import answers
from pypitool_server.views.api.callers import SUBJECTS, asker, is_admin
from pypitool_server.views.api.requests import refuse_forgery, said
from pypitool_server.views.not_held import refuse_while_reading
from pypitool_server.views.request_body import WITH_BODY


def blueprint() -> Blueprint:
    """Return the addresses of the API, relative to `answers.API`."""
    api = Blueprint("api", __name__)
    api.before_request(_guarded)
    # Without its slash as well: a redirect would have to know how clients see us.
    api.add_url_rule(answers.API, "root", root, strict_slashes=False)
    for kind, actions in ACTIONS.items():
        for action in actions:
            name = f"{action.method} {action.address.replace('.', '_')}"
            view = _view(action, SUBJECTS[kind])
            api.add_url_rule(f"{answers.API}{action.address}", name, view, methods=[action.method])
    return api


def root() -> Response:
    """Answer which version of the API this is: who is not allowed anything may ask that."""
    return answers.document({"api": API_VERSION, "version": __version__})


def _guarded() -> None:
    if request.method in WITH_BODY:
        refuse_forgery()


def _view(action: Action, subject: Callable[[], object]) -> Callable[..., Response]:
    def view(**words: Any) -> Response:
        if action.asks is not None:
            told = {**words, **said(action)}
            with _allowed(action.asks(subject(), **told), words):
                return _carried_out(action, subject, told)
        with _allowed(action.who, words):
            return _carried_out(action, subject, {**words, **said(action)})

    return view


def _carried_out(action: Action, subject: Callable[[], object], told: dict[str, Any]) -> Response:
    reply = action.run(subject(), **told)
    document = reply.document
    whole = document if isinstance(document, (dict, list)) else list(document)
    return answers.document(whole, action.status, outcome=reply.outcome)


@contextmanager
def _allowed(who: Right | Who, words: dict[str, Any]) -> Iterator[None]:
    """Let who may go on; a project that is hidden from the caller is not held."""
    if isinstance(who, Right):
        name = words["name"]
        try:
            services().access.require(who, normalize(name), absent=NotHeld(name))
            yield
        except NotHeld:
            # What is not known may be there all the same; hidden or not, the answer is one.
            refuse_while_reading()
            raise
        return
    if who is Who.ADMIN:
        services().access.require_everywhere(Right.ADMIN)
    elif who is Who.PERSON and not is_admin() and not asker().caller.has_password:
        raise RightMissing(asker().name, Right.ADMIN)
    yield

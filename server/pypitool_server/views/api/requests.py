"""What requests to the API say, in a query or a body, and how web pages are kept from sending them."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

from flask import request

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.text import printable
from pypitool.manage.action import Action, Field
from pypitool_server.services import services
from pypitool_server.views.api.callers import actor
from pypitool_server.views.request_body import refuse_other_sites, small_body
from pypitool_server.views.upload import ReadOnly

JSON = "application/json"
LARGEST_BODY = 1024**2

_WORDS = {str: "a text", bool: "true or false", int: "a whole number", list: "a list of texts"}


class NotJson(PypitoolError):
    """A body of another type: forms are what web pages can send anywhere."""

    kind = Kind.INVALID
    status = 415

    sentence = f"the body has to be {JSON}"


class BadBody(PypitoolError):
    """A body or a query that does not say what is needed."""

    kind = Kind.INVALID
    sentence = "{reason}"
    reason: str


def refuse_forgery() -> None:
    """Let only changes pass that somebody wants who has said so, and that a web page cannot make."""
    actor()
    if _has_body() and request.mimetype != JSON:
        raise NotJson
    refuse_other_sites()
    if services().settings.server.read_only:
        raise ReadOnly


def said(action: Action) -> dict[str, Any]:
    """Read what the current request says to an action: by its parameters, and what is absent is absent."""
    if not action.fields:
        return {}
    word, given = ("parameter", _query()) if action.method == "GET" else ("field", _body())
    for name in given:
        if name not in {field.name for field in action.fields}:
            raise BadBody(f"unknown {word} `{printable(name)}`")
    found = {field: _checked(field, given.get(field.name)) for field in action.fields}
    for field, value in found.items():
        if value is None and field.is_needed:
            raise BadBody(f"missing {word} `{field.name}`")
    return {field.parameter: value for field, value in found.items() if value is not None}


def _has_body() -> bool:
    environ = request.environ
    return bool(environ.get("HTTP_TRANSFER_ENCODING")) or (environ.get("CONTENT_LENGTH") or "0") != "0"


def _query() -> dict[str, str | None]:
    for name, texts in request.args.lists():
        if len(texts) > 1:
            raise BadBody(f"`{printable(name)}` is asked for several times")
    return {name: text or None for name, text in request.args.items()}


def _body() -> dict[str, Any]:
    body = small_body(services(), LARGEST_BODY)
    try:
        said = json.loads(body)
        body.decode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BadBody("the body is not JSON") from error
    if not isinstance(said, dict):
        raise BadBody("the body is no JSON object")
    return said


def _checked(field: Field, value: Any) -> Any:
    if value is None:
        return None
    kind = field.kind if field.kind in _WORDS else str
    texts = value if isinstance(value, list) else [value]
    if type(value) is not kind or (kind is list and not all(isinstance(one, str) for one in texts)):
        raise BadBody(f"`{field.name}` has to be {_WORDS[kind]}")
    for text in texts:
        try:
            str(text).encode()
        except UnicodeEncodeError as error:  # half of a character, which JSON can write as `\ud800`
            raise BadBody(f"`{field.name}` is no text") from error
    if field.kind is ip_address:
        return _address(value)
    if kind is not field.kind and value not in {one.value for one in field.kind}:
        known = ", ".join(one.value for one in field.kind)
        raise BadBody(f"`{field.name}` has to be one of {known}")
    return value


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise BadBody(f"`{printable(text)}` is not an address") from error

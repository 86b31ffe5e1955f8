"""What a request to the API has to be: in somebody's name, and of a form that no web page can send."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any, ClassVar

from flask import request

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import Actor
from pypitool.core.rights.right import Right
from pypitool.core.text import printable
from pypitool_server.access.auth import Principal
from pypitool_server.access.refusals import CHALLENGE, RightMissing
from pypitool_server.services import services
from pypitool_server.views.request_body import current_body, refuse_other_sites
from pypitool_server.views.upload import ReadOnly

JSON = "application/json"
LARGEST_BODY = 1024**2

_WORDS = {str: "a text", bool: "true or false", int: "a whole number", list: "a list of texts"}


class NameNeeded(PypitoolError):
    """A change that nobody in particular has asked for: it could not be recorded who did it."""

    kind = Kind.UNAUTHORIZED
    headers: ClassVar[Mapping[str, str]] = CHALLENGE

    def __str__(self) -> str:
        return "changes take a user name and a password, or a token"


class NotJson(PypitoolError):
    """A body of another type: forms are what web pages can send anywhere."""

    kind = Kind.INVALID
    status = 415

    def __str__(self) -> str:
        return f"the body has to be {JSON}"


class BadBody(PypitoolError):
    """A body or a query that does not say what is needed."""

    kind = Kind.INVALID

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def refuse_tricked() -> None:
    """Let only changes pass that somebody wants who has said so, and that a web page cannot make."""
    actor()
    if _has_body() and request.mimetype != JSON:
        raise NotJson
    refuse_other_sites()
    if services().settings.server.read_only:
        raise ReadOnly


def actor() -> Actor:
    """Return in whose name the current request changes something, even where anybody might."""
    principal = asker()
    return Actor(principal.who, services().access.client(request.environ) or None, principal.means)


def asker() -> Principal:
    """Return who asks; nobody in particular is refused."""
    principal = services().access.principal()
    if principal is None:
        raise NameNeeded
    return principal


def is_admin() -> bool:
    """Tell whether who asks is admin of everything."""
    try:
        services().access.require_everywhere(Right.ADMIN)
    except RightMissing:
        return False
    return True


def asked_once(needed: Sequence[str], optional: Sequence[str] = ()) -> dict[str, str]:
    """Read the query; what is optional and not there is empty."""
    said = request.args
    for name in said:
        if name not in (*needed, *optional):
            raise BadBody(f"unknown parameter `{printable(name)}`")
        if len(said.getlist(name)) > 1:
            raise BadBody(f"`{printable(name)}` is asked for several times")
    for name in needed:
        if not said.get(name):
            raise BadBody(f"missing parameter `{name}`")
    return {name: said.get(name, "") for name in (*needed, *optional)}


def parsed_address(text: str) -> str:
    """Return an address as rules read it; none is none."""
    try:
        return text and str(ip_address(text))
    except ValueError as error:
        raise BadBody(f"`{printable(text)}` is not an address") from error


def fields(needed: Mapping[str, type], optional: Mapping[str, type] | None = None) -> dict[str, Any]:
    """Read the JSON object in the body; what is optional and not there is None."""
    known = {**needed, **(optional or {})}
    said = _document()
    for name in said:
        if name not in known:
            raise BadBody(f"unknown field `{printable(name)}`")
    found = {name: _checked(name, said.get(name), kind) for name, kind in known.items()}
    for name in needed:
        if found[name] is None:
            raise BadBody(f"missing field `{name}`")
    return found


def _has_body() -> bool:
    environ = request.environ
    return bool(environ.get("HTTP_TRANSFER_ENCODING")) or (environ.get("CONTENT_LENGTH") or "0") != "0"


def _document() -> dict[str, Any]:
    with services().bodies.taken():
        body = b"".join(current_body().pieces(LARGEST_BODY))
    try:
        said = json.loads(body)
        body.decode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BadBody("the body is not JSON") from error
    if not isinstance(said, dict):
        raise BadBody("the body is no JSON object")
    return said


def _checked(name: str, value: Any, kind: type) -> Any:
    if value is None:
        return None
    texts = value if isinstance(value, list) else [value]
    if type(value) is not kind or (kind is list and not all(isinstance(one, str) for one in texts)):
        raise BadBody(f"`{name}` has to be {_WORDS[kind]}")
    for text in texts:
        try:
            str(text).encode()
        except UnicodeEncodeError as error:  # half of a character, which JSON can write as `\ud800`
            raise BadBody(f"`{name}` is no text") from error
    return value

"""The API of tokens: everybody's own ones, and all of them for admins of everything."""

from __future__ import annotations

from flask import Response

from pypitool.core.rights.right import Right
from pypitool.core.rights.tokens import Token
from pypitool.manage.here import TokensHere
from pypitool_server.access.refusals import RightMissing
from pypitool_server.services import services
from pypitool_server.views import answers
from pypitool_server.views.api.requests import actor, asker, fields, is_admin

LIFE = "90d"


def listed() -> Response:
    """Answer with the tokens that there are for who asks."""
    return answers.document(_tokens().listed())


def create() -> Response:
    """Make a token: an admin one for a machine, everybody else a personal one."""
    if not is_admin() and not asker().caller.has_password:
        # A token that has leaked must not outlive itself.
        raise RightMissing(asker().name, Right.ADMIN)
    said = fields({"name": str, "may": list}, {"projects": list, "expires": str})
    made = _tokens().create(said["name"], said["projects"] or ("*",), said["may"], said["expires"] or LIFE)
    return answers.document(made, 201)


def revoke(word: str) -> Response:
    """End a token."""
    document, has_changed = _tokens().revoke(word)
    return answers.document(document, outcome="changed" if has_changed else "unchanged")


ROUTES = (
    ("GET", "tokens", listed),
    ("POST", "tokens", create),
    ("DELETE", "tokens/<path:word>", revoke),
)


def _tokens() -> TokensHere:
    who = asker().who
    repository = services().repository
    if is_admin():
        return TokensHere(repository, actor())

    def is_own(token: Token) -> bool:
        return who in (token.owner, token.who)

    return TokensHere(repository, actor(), who, is_own)

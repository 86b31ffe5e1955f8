"""The API of explanations: for admins of everything, and for anybody about himself."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from pypitool.access.explain import Circumstances, Question, circumstances, explain, question
from pypitool.core.rights.effective import Claim
from pypitool.core.rights.right import Right
from pypitool_server.access.refusals import RightMissing
from pypitool_server.services import services
from pypitool_server.views import answers
from pypitool_server.views.api.requests import BadBody, asked_once, asker, is_admin, parsed_address


def may() -> Response:
    """Explain one decision."""
    here = services()
    said = asked_once(("who", "action", "project"), ("from",))
    catalogue = here.repository.catalogue
    address = parsed_address(said["from"])
    asked = question(said["who"], _right(said["action"]), said["project"], address, catalogue)
    around = circumstances(asked, catalogue, overwrites=here.settings.server.overwrite)
    if not is_admin():
        if asked.who != asker().who:
            raise RightMissing(asker().name, Right.ADMIN)
        around = _not_telling(asked, around)
    return answers.document(explain(here.access.rules, asked, around).document())


ROUTES = (("GET", "may", may),)


def _right(word: str) -> Right:
    try:
        return Right(word)
    except ValueError as error:
        known = ", ".join(right.value for right in Right)
        raise BadBody(f"`action` has to be one of {known}") from error


def _not_telling(asked: Question, around: Circumstances) -> Circumstances:
    """Leave out whether a project is there, where its asker could not find that out otherwise."""
    rules = services().access.rules
    lists, uploads = (replace(asked, action=right) for right in (Right.LIST, Right.UPLOAD))
    untold = replace(around, is_new=False)
    may_know = explain(rules, lists, untold).may or explain(rules, uploads, untold).may
    return around if may_know or rules.may_begin(Claim.of(asked.caller)) else untold

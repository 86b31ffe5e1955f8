"""The API of the mirror's runs, for admins of everything."""

from __future__ import annotations

from flask import Response

from pypitool.core.rights.right import Right
from pypitool.manage.runs import RunsHere
from pypitool_server.services import services
from pypitool_server.views import answers


def listed() -> Response:
    """Answer with every run, newest first."""
    return answers.document(_runs().listed())


def run(number: int) -> Response:
    """Answer with what one run did."""
    return answers.document(_runs().run(number))


ROUTES = (
    ("GET", "runs", listed),
    ("GET", "runs/<int:number>", run),
)


def _runs() -> RunsHere:
    here = services()
    here.access.require_everywhere(Right.ADMIN)
    return RunsHere(here.repository.state, is_own=True)

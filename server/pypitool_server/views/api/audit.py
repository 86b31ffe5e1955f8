"""The API of the record of decisions, for admins of everything."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from functools import partial

from flask import Response

from pypitool.catalogue.facts import Skipped
from pypitool.core.audit_query import moment
from pypitool.core.rights.right import Right
from pypitool.manage.audit import AuditHere, holds
from pypitool_server.services import services
from pypitool_server.views import answers
from pypitool_server.views.api.requests import asked_once


def lines() -> Response:
    """Answer with the lines that are wanted, oldest first."""
    audit = _audit()
    said = asked_once((), ("since", "project", "user"))
    since = said["since"] and moment(said["since"], datetime.now(timezone.utc))
    return answers.document(list(audit.lines(since or None, said["project"] or None, said["user"] or None)))


def downloads(name: str, version: str) -> Response:
    """Answer with who got the files of a release."""
    return answers.document(_audit().downloads(name, version))


ROUTES = (
    ("GET", "audit", lines),
    ("GET", "audit/downloads/<name>/<version>", downloads),
)


def _audit() -> AuditHere:
    here = services()
    here.access.require_everywhere(Right.ADMIN)
    repository = here.repository
    logs = here.settings.server.download_log
    return AuditHere(repository.state, _skipped, logs, partial(holds, repository.catalogue))


def _skipped(skipped: Skipped) -> None:
    logging.getLogger(__name__).warning("%s", skipped)

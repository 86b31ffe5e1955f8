"""Who asks, and what an action works on when they do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial

from flask import request

from pypitool.access.explain import AccessQuestion
from pypitool.catalogue.facts import Skipped
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import Actor
from pypitool.core.names import normalize
from pypitool.core.rights.right import Right
from pypitool.core.rights.tokens import Token
from pypitool.manage.audit import AuditRecord, holds
from pypitool.manage.projects import Projects
from pypitool.manage.runs import Runs
from pypitool.manage.users import Rights, Tokens, Users
from pypitool.repository.releases import NotHeld
from pypitool_server.access.auth import Principal
from pypitool_server.access.refusals import CHALLENGE, RightMissing
from pypitool_server.services import services
from pypitool_server.views.request_body import WITH_BODY


class NameNeeded(PypitoolError):
    """A change that nobody in particular has asked for: it could not be recorded who did it."""

    kind = Kind.UNAUTHORIZED
    headers = CHALLENGE
    sentence = "changes take a user name and a password, or a token"


class UsersKeptElsewhere(PypitoolError):
    """This server knows people by other means."""

    kind = Kind.NOT_FOUND
    sentence = "this server has no password file"


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


def actor() -> Actor:
    """Return in whose name the current request changes something, even where anybody might."""
    principal = asker()
    return Actor(principal.who, services().access.client(request.environ) or None, principal.means)


def _actor() -> Actor:
    # Who only looks is recorded nowhere, and may be nobody in particular.
    return actor() if request.method in WITH_BODY else Actor("anonymous")


def _projects() -> Projects:
    here = services()

    def quarantine_refusal(name: str) -> PypitoolError | None:
        try:
            here.access.require(Right.ADMIN, normalize(name), absent=NotHeld(name))
        except PypitoolError as error:
            return error
        return None

    return Projects(here.repository, _actor(), lambda: here.access.listing().sees, quarantine_refusal)


def _users() -> Users:
    here = services()
    if here.settings.auth.passwords is None:
        raise UsersKeptElsewhere
    return Users(here.settings.auth.passwords, _actor(), here.repository)


def _tokens() -> Tokens:
    who = asker().who
    repository = services().repository
    if is_admin():
        return Tokens(repository, actor())

    def is_own(token: Token) -> bool:
        return who in (token.owner, token.who)

    return Tokens(repository, actor(), who, is_own)


def _runs() -> Runs:
    return Runs(services().repository.state, is_own=True)


def _rights() -> Rights:
    here = services()

    def knows_all(asked: AccessQuestion) -> bool:
        if is_admin():
            return True
        if asked.who != asker().who:
            raise RightMissing(asker().name, Right.ADMIN)
        return False

    catalogue, overwrites = here.repository.catalogue, here.settings.server.overwrite
    return Rights(here.access.rules, catalogue, overwrites, knows_all, here.access.knows)


def _audit() -> AuditRecord:
    here = services()
    repository = here.repository

    def skipped(line: Skipped) -> None:
        logging.getLogger(__name__).warning("%s", line)

    logs = here.settings.server.download_log
    return AuditRecord(repository.state, skipped, logs, partial(holds, repository.catalogue))


# What the methods of a row are given; each makes it for the caller of the current request.
SUBJECTS: Mapping[type, Callable[[], object]] = {
    Projects: _projects,
    Users: _users,
    Tokens: _tokens,
    Runs: _runs,
    Rights: _rights,
    AuditRecord: _audit,
}

"""The rules and the tokens: what is wide open, what is for nobody, what ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pypitool.access.errors import PasswordFileUnreadable
from pypitool.access.htpasswd import accounts
from pypitool.access.rules import rules_of
from pypitool.core.diagnosis.finding import Finding
from pypitool.core.diagnosis.people import of_open_uploads, of_publisher, of_tokens, of_who
from pypitool.doctor.patient import Patient


def look(patient: Patient) -> Iterator[Finding]:
    """Look at the rules, unless the configuration is faulty: half of the rules say nothing."""
    copied = patient.copied[0] if patient.copied else None
    if copied is not None:
        yield from of_tokens(copied.tokens, patient.now)
    if patient.faults:
        return
    for publisher in patient.settings.publishers:
        yield from of_publisher(publisher.name, publisher.claims, publisher.projects)
    if not patient.settings.server.read_only:
        yield from of_open_uploads(rules_of(patient.settings).book.rules)
    tokens = () if copied is None else copied.tokens
    today = patient.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    live = [token.shown for token in tokens if not token.has_ended(today)]
    yield from of_who(_words(patient), _users(patient), live)


def _words(patient: Patient) -> Iterator[str]:
    settings = patient.settings
    for rule in settings.rules:
        yield from rule.who
    for _, members in settings.groups:
        yield from members
    yield from settings.auth.new_projects or ()


def _users(patient: Patient) -> Collection[str] | None:
    """Return the names of all users, None where a proxy knows them, or nobody."""
    auth = patient.settings.auth
    if auth.passwords is None or auth.header is not None:
        return None
    try:
        return {account.user for account in accounts(auth.passwords)}
    except PasswordFileUnreadable:
        return None

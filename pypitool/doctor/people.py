"""People and what they may: the password file, the rules, the tokens and the publishers."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from pypitool.access.htpasswd import accounts
from pypitool.access.password_errors import PasswordFileUnreadable
from pypitool.access.rules import rules_of
from pypitool.config.settings import forwarding_notices
from pypitool.core.rights.right import ANONYMOUS, AUTHENTICATED, Right
from pypitool.core.rights.rulebook import Rule, has_right
from pypitool.core.rights.tokens import Token
from pypitool.core.text import timestamp
from pypitool.doctor.context import Context
from pypitool.doctor.finding import Finding, error, warning

TOKEN_ENDS_WITHIN = timedelta(days=14)

_WORDS = frozenset({ANONYMOUS, AUTHENTICATED})
# What any repository's tokens may say: GitHub's and GitLab's.
_NOT_WHO = frozenset({
    "aud", "base_ref", "environment", "event_name", "head_ref", "iss", "pipeline_source", "ref",
    "ref_protected", "ref_type", "repository_visibility", "runner_environment", "workflow",
})  # fmt: skip


def look_at_passwords(context: Context) -> Iterator[Finding]:
    """Look at the password file, where there is to be one."""
    path = context.settings.auth.passwords
    if path is None:
        return
    try:
        known = accounts(path)
    except PasswordFileUnreadable as fault:
        do = "make it with `pypitool user add NAME`, or let the server's user read it"
        yield error(
            "passwords-missing", str(path), str(fault), "nobody who needs a password gets in", do,
        )  # fmt: skip
        return
    if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        yield warning(
            "passwords-exposed", str(path), "everybody on this machine may read or write it",
            "hashes can be guessed at leisure, and who may write adds a user", f"`chmod o-rwx {path}`",
        )  # fmt: skip
    for account in known:
        if account.scheme is None or account.is_weak:
            yield _weak(account.user, account.scheme)


def _weak(user: str, scheme: str | None) -> Finding:
    what = "the password is plain text or of an unknown kind" if scheme is None else f"it is kept as {scheme}"
    why = "it is refused: the user cannot log in" if scheme is None else "it is guessed quickly"
    return warning("passwords-weak", user, what, why, f"`pypitool user add {user}` keeps it as bcrypt")


def look_at_rules(context: Context) -> Iterator[Finding]:
    """Look at the rules, unless the configuration is faulty: half of the rules say nothing."""
    copied = context.copied[0] if context.copied else None
    if copied is not None:
        yield from token_findings(copied.tokens, context.now)
    if context.faults:
        return
    for sentence in forwarding_notices(context.settings):
        yield warning(
            "address-forgeable", "forwarded-header", sentence,
            "who sends a forged address gets what a rule gives to that one",
            "`pypitool doctor --through URL` tries it through the proxy",
        )  # fmt: skip
    for publisher in context.settings.publishers:
        yield from publisher_findings(publisher.name, publisher.claims, publisher.projects)
    if not context.settings.server.read_only:
        yield from open_upload_findings(rules_of(context.settings).book.rules)
    tokens = () if copied is None else copied.tokens
    today = timestamp(context.now)
    live = [token.shown for token in tokens if not token.has_ended(today)]
    yield from unknown_name_findings(_words(context), _users(context), live)


def _words(context: Context) -> Iterator[str]:
    settings = context.settings
    for rule in settings.rules:
        yield from rule.who
    for _, members in settings.groups:
        yield from members
    yield from settings.auth.new_projects or ()


def _users(context: Context) -> Collection[str] | None:
    """Return the names of all users, None where a proxy knows them, or nobody."""
    auth = context.settings.auth
    if auth.passwords is None or auth.header is not None:
        return None
    try:
        return {account.user for account in accounts(auth.passwords)}
    except PasswordFileUnreadable:
        return None


def open_upload_findings(rules: Iterable[Rule]) -> Iterator[Finding]:
    """Judge whether anybody at all may upload."""
    for rule in rules:
        if ANONYMOUS in rule.who and has_right(rule.may, Right.UPLOAD):
            where = "everywhere" if not rule.networks else ", ".join(map(str, rule.networks))
            yield warning(
                "uploads-open", str(rule.projects), f"anybody may upload, from {where}",
                "whoever reaches the server can replace what your installers run",
                "leave `anonymous` to `list` and `download`; `-P FILE` asks for passwords",
            )  # fmt: skip


def unknown_name_findings(
    words: Iterable[str], users: Collection[str] | None, tokens: Collection[str]
) -> Iterator[Finding]:
    """Judge names in rules; `users` is None where nobody here knows them all."""
    for word in dict.fromkeys(words):
        kind, colon, name = word.partition(":")
        if not colon:
            kind, name = "user", word
        if word in _WORDS or word.startswith("@"):
            continue
        if kind == "user" and users is not None and name not in users:
            yield _unknown(word, "there is no such user", f"`pypitool user add {name}`, or correct the rule")
        if kind == "token" and not any(fnmatchcase(known, name) for known in tokens):
            yield _unknown(word, "no live token has that name", "`pypitool token list` names them")


def _unknown(word: str, what: str, do: str) -> Finding:
    return warning("who-unknown", word, what, "a rule that is for nobody allows nothing", do)


def token_findings(tokens: Iterable[Token], now: datetime) -> Iterator[Finding]:
    """Judge which tokens end soon; those that were minted end all the time."""
    soon = timestamp(now + TOKEN_ENDS_WITHIN)
    today = timestamp(now)
    for token in tokens:
        ends = token.expires
        if token.publisher is None and not token.has_ended(today) and ends is not None and ends < soon:
            yield warning(
                "token-ends", token.shown, f"it ends at {ends[:16]}Z", "what uses it stops working then",
                f"make another with `pypitool token create`, then `pypitool token revoke {token.id}`",
            )  # fmt: skip


def publisher_findings(
    name: str, claims: Iterable[tuple[str, Iterable[object]]], projects: Collection[str]
) -> Iterator[Finding]:
    """Judge whether a publisher lets in more than somebody may have meant."""
    if not any(claim not in _NOT_WHO and all(map(_names_somebody, values)) for claim, values in claims):
        yield warning(
            "publisher-wide", name, "no claim says whose workflow it is",
            "anybody with an account at the issuer may upload", "name the repository in `claims`",
        )  # fmt: skip
    if "*" in projects and not any(glob.startswith("!") for glob in projects):
        yield warning(
            "publisher-wide", name, "it is for every project",
            "one workflow that is taken over can replace everything", "name its projects in `projects`",
        )  # fmt: skip


def _names_somebody(value: object) -> bool:
    # `acme/*` is of one account, `*/core` of anybody.
    return not isinstance(value, str) or not value.startswith("*")

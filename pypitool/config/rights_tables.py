"""Who may do what: `[auth]`, `[groups]` and `[[rule]]`, and what their values must look like.

They also demand something of each other: a rule of its groups, a group of the groups in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pypitool.config.faults import ConfigFault
from pypitool.config.gathered import Gathered, SettingSource
from pypitool.config.keys import demanded, setting
from pypitool.config.kinds import FLAG, TEXT, UNIX, ValueKind, globs, list_of, networks, unknown_word
from pypitool.config.values import BadValue, comma_list, string, strings
from pypitool.core.proxy_headers import dropping_lines, is_ambiguous, spellings
from pypitool.core.rights.right import WHO_KINDS, Right
from pypitool.core.text import did_you_mean

NO_PASSWORDS = "."
_ACTIONS = ("download", "list", "update")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_GROUP = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_NAME_GLOB = re.compile(r"[A-Za-z0-9_*?-]+", re.ASCII)


def passwords(value: object) -> Path | str:
    """Demand the path of a password file, or pypiserver's `.` for none at all."""
    text = string(value, "a path, or `.`")
    return text if text == NO_PASSWORDS else Path(text)


def header(value: object) -> str:
    """Demand the name of an HTTP header."""
    name = string(value, "the name of an HTTP header").strip()
    if _HEADER.fullmatch(name) is None:
        raise BadValue(f"expected the name of an HTTP header such as `Remoteuser`, got `{name}`")
    return name


def actions(value: object) -> tuple[str, ...]:
    """Demand some of download, list and update, or `.` alone for none of them."""
    expected = f"some of {', '.join(_ACTIONS)}, or `.` alone"
    items = strings(comma_list(value) if isinstance(value, str) else value, expected)
    words = [item.strip().lower() for item in items]
    if words == ["."]:
        return ()
    unknown = [word for word in words if word not in _ACTIONS]
    if unknown or not words:
        raise BadValue(f"expected {expected}, got `{', '.join(unknown) or 'nothing'}`")
    return tuple(action for action in _ACTIONS if action in words)


def who(value: object) -> tuple[str, ...]:
    """Demand at least one word that names somebody."""
    words = members(value)
    if not words:
        raise BadValue("names nobody: leave it out, or name `anonymous` for everyone")
    return words


def members(value: object) -> tuple[str, ...]:
    """Demand words that name people, or none."""
    items = strings(value, "an array of names")
    return tuple(_member(item.strip()) for item in items)


def rights(value: object) -> tuple[str, ...]:
    """Demand at least one right."""
    known = tuple(right.value for right in Right)
    items = strings(value, "an array of rights")
    words = [item.strip().lower() for item in items]
    for word in words:
        if word not in known:
            raise BadValue(unknown_word(word, known, "right"))
    if not words:
        raise BadValue(f"allows nothing: expected some of {', '.join(known)}")
    return tuple(word for word in known if word in words)


def project_globs(value: object) -> tuple[str, ...]:
    """Demand patterns of project names, some of which may be taken out with `!`."""
    items = strings(value, "an array of globs")
    globs([item.removeprefix("!") for item in items])
    if all(item.startswith("!") for item in items):
        raise BadValue('is about no project: expected a name or a glob that is not taken out, such as "*"')
    return items


def addresses(value: object) -> tuple[str, ...]:
    """Demand at least one address or network."""
    items = networks(value)
    if UNIX in items:
        raise BadValue(f"expected an address or a network, got `{UNIX}`: a socket has no address")
    if not items:
        raise BadValue("expected an address or a network: leave it out for everywhere")
    return items


def _member(word: str) -> str:
    if word.startswith("@"):
        if _GROUP.fullmatch(word) is None:
            raise BadValue(f"expected the name of a group such as `@data`, got `{word}`")
        return word
    kind, colon, name = word.partition(":")
    if not colon:
        return word
    if kind not in WHO_KINDS:
        known = [f"{one}:" for one in WHO_KINDS]
        meant = did_you_mean(f"{kind}:", known) or f": expected {', '.join(known)} or a name alone"
        raise BadValue(f"nobody is named `{word}`{meant}")
    # Names of users are anything that a password file holds; those of tokens and publishers are ours.
    if not name or (kind != "user" and _NAME_GLOB.fullmatch(name) is None):
        raise BadValue(f"expected a name behind `{kind}:`, got `{word}`")
    return word


PASSWORDS = ValueKind("FILE", passwords, to_toml=str)
HEADER = ValueKind("NAME", header)
# The last -a counts, as in pypiserver: `-a . -a update` is what composed command lines look like.
ACTIONS = ValueKind("ACTIONS", actions, comma_list, lambda names: list(names) or ".")
WHO = list_of("WHO", who)
MEMBERS = list_of("WHO", members)
RIGHTS = list_of("RIGHT", rights)
PROJECT_GLOBS = list_of("GLOB", project_globs)
ADDRESSES = list_of("NETWORK", addresses)


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """`[auth]`: who may, in pypiserver's short form, and what rules leave open."""

    authenticate: tuple[str, ...] = setting(
        ("update",),
        "actions that need a password: download, list, update; or . for none; not beside rules",
        kind=ACTIONS,
        topic="Access",
        flags=("-a", "--authenticate"),
    )
    passwords: Path | None = setting(
        None,
        "htpasswd file; without one nobody may upload; . goes with authenticate = . (everybody may)",
        kind=PASSWORDS,
        topic="Access",
        flags=("-P", "--passwords"),
        example="/etc/pypitool/htpasswd",
    )
    header: str | None = setting(
        None,
        "trust this header of a trusted proxy as the user's name",
        kind=HEADER,
        topic="Access",
        flags=("--auth-header",),
        env="PYPITOOL_AUTH_HEADER",
        example="Remoteuser",
    )
    header_is_safe: bool = setting(
        False,
        "the proxy drops every other spelling of that name (`X_User` is `X-User` to the server)",
        kind=FLAG,
        topic="Access",
        flags=("--auth-header-is-safe",),
        env="PYPITOOL_AUTH_HEADER_IS_SAFE",
    )
    new_projects: tuple[str, ...] | None = setting(
        None,
        "who may upload a project that is new; default: whoever may upload it, [] is nobody",
        kind=MEMBERS,
        example="@maintainers",
        live=True,
    )
    owners: bool = setting(
        False, "who uploads a new project owns it: may list, download, upload, yank, delete", kind=FLAG,
        live=True,
    )  # fmt: skip
    oidc_audience: str | None = setting(
        None,
        "whom the tokens of a CI must be meant for; any word, such as our host name",
        kind=TEXT,
        example="pypi.acme.example",
    )


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """`[[rule]]`: you may do what at least one rule that names you lets you."""

    line: int | None  # of its file, for who asks why
    who: tuple[str, ...] = demanded(
        "users, @groups, token:GLOB, publisher:GLOB, authenticated (with a password) or anonymous (everyone)",
        kind=WHO,
        example="@maintainers,deploy",
    )
    may: tuple[str, ...] = demanded(
        "some of list, download, upload, overwrite, yank, delete, admin (all of them)",
        kind=RIGHTS,
        example="list,download,upload,yank",
    )
    projects: tuple[str, ...] = setting(
        ("*",),
        "globs of project names; !GLOB takes names out of this rule",
        kind=PROJECT_GLOBS,
        example="acme-*,!acme-secret",
    )
    from_: tuple[str, ...] | None = setting(
        None, "addresses or networks; default: everywhere", kind=ADDRESSES, example="10.0.0.0/8"
    )


_AUTHENTICATE = "auth.authenticate"
_PASSWORDS = "auth.passwords"
_NEW_PROJECTS = "auth.new-projects"


def account_faults(gathered: Gathered) -> Iterator[ConfigFault]:
    """Yield one half of "everybody may" without the other."""
    nothing_asked = gathered.value(_AUTHENTICATE) == ()
    no_accounts = gathered.value(_PASSWORDS) == NO_PASSWORDS
    if nothing_asked != no_accounts:
        yield gathered.fault_of_strongest(
            (_AUTHENTICATE, _PASSWORDS),
            "`-a .` and `-P .` (authenticate and passwords) must come together: they let everybody upload",
        )


def header_faults(gathered: Gathered) -> Iterator[ConfigFault]:
    """Yield a header with the name of a user that anybody could send."""
    path = "auth.header"
    name = gathered.value(path)
    if name is None:
        return
    if not gathered.value("server.trusted-proxies"):
        message = "needs `trusted-proxies`: anybody could send this header"
        yield gathered.fault_of_strongest((path,), message)
    if is_ambiguous(name) and not gathered.value("auth.header-is-safe"):
        # By a flag, too, it is the configuration that is wrong: the proxy's, or the name that both have.
        fault = gathered.fault_of_strongest((path,), _forgeable(name))
        yield replace(fault, by_flag=False)


def _forgeable(name: str) -> str:
    other = next(one for one in spellings(name) if one != name)
    plain = name.replace("-", "").replace("_", "").capitalize()
    lines = "; ".join(f"{proxy}: {line}" for proxy, line in dropping_lines(name))
    return (
        f"a client that sends `{other}` is believed as if the proxy had sent `{name}`: have the proxy send a "
        f"name with one spelling, such as `{plain}`, or let it drop the other ones ({lines}) "
        "and say so with `header-is-safe = true`"
    )


def use_no_passwords(values: dict[str, Any]) -> None:
    """Read pypiserver's word for no accounts as no file of them."""
    if values[_PASSWORDS] == NO_PASSWORDS:
        values[_PASSWORDS] = None


def rights_faults(gathered: Gathered, faulty: Collection[str]) -> Iterator[ConfigFault]:
    """Yield what is wrong between the tables of rights; what stands at a `faulty` path has been reported."""
    groups = {name: gathered.value(f"groups.{name}") or () for name in gathered.names("groups")}
    # A group whose members could not be read is there all the same.
    known = {*groups, *(path.partition(".")[2] for path in faulty if path.startswith("groups."))}
    yield from _both_forms(gathered)
    yield from _unknown_groups(gathered, sorted(known))
    yield from _circles(gathered, groups)


def _both_forms(gathered: Gathered) -> Iterator[ConfigFault]:
    given = gathered.given.get(_AUTHENTICATE)
    if given is None or given.origin.is_default or "rule[1]" not in gathered.places:
        return
    # By a flag, too, it is the configuration that is wrong: the same command line was right without rules.
    shown = _AUTHENTICATE if given.origin.kind is SettingSource.FILE else ""
    yield ConfigFault(
        given.origin.name, shown, "leave it out: with a `[[rule]]`, the rules say who may do what"
    )


def _unknown_groups(gathered: Gathered, known: Sequence[str]) -> Iterator[ConfigFault]:
    for path in _naming_paths(gathered):
        for word in gathered.value(path) or ():
            if word.startswith("@") and word[1:] not in known:
                yield gathered.fault(path, unknown_word(word[1:], known, "group"))


def _naming_paths(gathered: Gathered) -> Iterator[str]:
    yield from (f"groups.{name}" for name in gathered.names("groups"))
    yield from (path for path in gathered.given if path.startswith("rule[") and path.endswith(".who"))
    if _NEW_PROJECTS in gathered.given:
        yield _NEW_PROJECTS


def _circles(gathered: Gathered, groups: Mapping[str, Sequence[str]]) -> Iterator[ConfigFault]:
    told: set[str] = set()
    for name in groups:
        circle = _circle(groups, name)
        if circle and told.isdisjoint(circle):
            told.update(circle)
            path = f"groups.{name}"
            round_trip = " holds ".join(f"`{one}`" for one in (*circle, name))
            yield gathered.fault(path, f"is in a circle: {round_trip}")


def _circle(groups: Mapping[str, Sequence[str]], start: str) -> tuple[str, ...]:
    """Return the way from a group back to itself, if there is one."""
    ways: dict[str, tuple[str, ...]] = {start: (start,)}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        for inner in (word[1:] for word in groups.get(name, ()) if word.startswith("@")):
            if inner == start:
                return ways[name]
            if inner not in ways:
                ways[inner] = (*ways[name], inner)
                waiting.append(inner)
    return ()

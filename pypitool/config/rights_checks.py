"""What the values of rights must look like: who is named, what is allowed, on which projects, from where."""

from __future__ import annotations

import re

from pypitool.config.checks import globs, networks
from pypitool.config.primitives import BadValue, strings
from pypitool.config.suggestion import did_you_mean
from pypitool.core.rights.rulebook import Right

UNIX = "unix"
_KINDS = ("user:", "token:", "publisher:")
_GROUP = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_GLOB = re.compile(r"[A-Za-z0-9_*?-]+", re.ASCII)


def who(value: object) -> tuple[str, ...]:
    """Demand at least one word that names somebody."""
    words = members(value)
    if not words:
        raise BadValue("names nobody: leave it out, or name `anonymous` for everyone")
    return words


def members(value: object) -> tuple[str, ...]:
    """Demand words that name people, or none."""
    items = strings(value, "an array of names")
    return tuple(_word(item.strip()) for item in items)


def rights(value: object) -> tuple[str, ...]:
    """Demand at least one right."""
    known = tuple(right.value for right in Right)
    items = strings(value, "an array of rights")
    words = [item.strip().lower() for item in items]
    for word in words:
        if word not in known:
            rest = did_you_mean(word, known) or f"; there is {', '.join(known)}"
            raise BadValue(f"there is no right `{word}`{rest}")
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


def _word(word: str) -> str:
    if word.startswith("@"):
        if _GROUP.fullmatch(word) is None:
            raise BadValue(f"expected the name of a group such as `@data`, got `{word}`")
        return word
    kind, colon, name = word.partition(":")
    if not colon:
        return word
    if f"{kind}:" not in _KINDS:
        meant = did_you_mean(f"{kind}:", _KINDS) or f": expected {', '.join(_KINDS)} or a name alone"
        raise BadValue(f"nobody is named `{word}`{meant}")
    # Names of users are anything that a password file holds; those of tokens and publishers are ours.
    if not name or (kind != "user" and _GLOB.fullmatch(name) is None):
        raise BadValue(f"expected a name behind `{kind}:`, got `{word}`")
    return word

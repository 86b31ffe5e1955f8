"""What keys demand of each other, once it is known which value of each counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pypitool.config.checks import NO_PASSWORDS, OFF
from pypitool.config.faults import Fault
from pypitool.config.sources import Given, OriginKind

# The first words of our own addresses: a health page there would hide them.
_PAGES = frozenset({"legacy", "packages", "project", "pypi", "rpc2", "search", "simple"})
TAKEN = _PAGES | {"_", "api", "json", "metrics", "readyz"}
HASHES = ("sha256", "md5", "blake2b", OFF)


@dataclass(frozen=True, slots=True)
class Settled:
    """The values after the rules, what is wrong with them, and what to tell about them."""

    values: Mapping[str, Any]
    faults: tuple[Fault, ...] = ()
    notices: tuple[str, ...] = field(default=())


def settle(given: Mapping[str, Given]) -> Settled:
    """Apply every rule; a value that is only odd is replaced, with a notice."""
    values = {path: one.value for path, one in given.items()}
    faults = [fault for rule in _RULES for fault in rule(given)]
    notices = [_other_hash(values)] if values["server.hash-algo"] not in HASHES else []
    if values["auth.passwords"] == NO_PASSWORDS:
        values["auth.passwords"] = None
    return Settled(values, tuple(faults), tuple(notices))


def _other_hash(values: dict[str, Any]) -> str:
    unheld, values["server.hash-algo"] = values["server.hash-algo"], "sha256"
    return f"links carry sha256: {unheld} is not among the digests that are held (sha256, md5, blake2b)"


def _accounts(given: Mapping[str, Given]) -> Iterator[Fault]:
    nothing_asked = given["auth.authenticate"].value == ()
    no_accounts = given["auth.passwords"].value == NO_PASSWORDS
    if nothing_asked != no_accounts:
        yield _fault(
            given,
            ("auth.authenticate", "auth.passwords"),
            "`-a .` and `-P .` (authenticate and passwords) must come together: they let everybody upload",
        )


def _tls(given: Mapping[str, Given]) -> Iterator[Fault]:
    for present, absent in (("server.cert", "server.key"), ("server.key", "server.cert")):
        if given[present].value is not None and given[absent].value is None:
            yield _fault(given, (present,), f"needs `{absent.removeprefix('server.')}` as well")


def _health(given: Mapping[str, Given]) -> Iterator[Fault]:
    path = "server.health-endpoint"
    word = given[path].value.strip("/").partition("/")[0].lower()
    if word in TAKEN or not word:
        yield _fault(given, (path,), f"`{given[path].value}` is an address of the index itself")


def _header(given: Mapping[str, Given]) -> Iterator[Fault]:
    path = "auth.header"
    if given[path].value is not None and not given["server.trusted-proxies"].value:
        yield _fault(given, (path,), "needs `trusted-proxies`: anybody could send this header")


_RULES = (_accounts, _tls, _health, _header)


def _fault(given: Mapping[str, Given], paths: tuple[str, ...], message: str) -> Fault:
    """Blame the strongest of the sources that took part: that is the one somebody just typed."""
    strength = list(OriginKind)
    path = min(paths, key=lambda one: strength.index(given[one].origin.kind))
    origin = given[path].origin
    by_flag = origin.kind is OriginKind.FLAG
    # A flag and a variable have the key in their name.
    shown = "" if origin.kind in (OriginKind.FLAG, OriginKind.VARIABLE) else path
    return Fault(origin.name, shown, message, by_flag)

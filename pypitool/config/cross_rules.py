"""What keys demand of each other, once it is known which value of each counts.

What publishers demand of the other keys, and of each other.

What rules and groups demand of each other: a rule of its groups, a group of the groups in it.

What tables that people name demand of each other: a set of its targets, a job of its sets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pypitool.config.checks import NO_PASSWORDS, OFF
from pypitool.config.faults import Fault
from pypitool.config.keys import arrays, families
from pypitool.config.layers import Gathered, Given, OriginKind
from pypitool.config.values import BadValue, did_you_mean

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


_AUDIENCE = "auth.oidc-audience"


def publisher_faults(gathered: Gathered, faulty: Collection[str]) -> Iterator[Fault]:
    """Yield what is wrong between publishers; what stands at a `faulty` path has been reported."""
    paths = [path for path in gathered.tables if path.startswith("publisher[")]
    if paths and not gathered.value(_AUDIENCE) and _AUDIENCE not in faulty:
        yield Fault(gathered.tables[paths[0]], paths[0], "needs `oidc-audience` under `[auth]`")
    first: dict[str, str] = {}
    for path in paths:
        name = gathered.value(f"{path}.name")
        if name is not None and first.setdefault(name, path) != path:
            # Which of the two would say what its tokens may?
            message = f"is the name of {first[name]} already"
            yield Fault(gathered.tables[path], f"{path}.name", message)


_AUTHENTICATE = "auth.authenticate"
_NEW_PROJECTS = "auth.new-projects"


def rights_faults(gathered: Gathered, faulty: Collection[str]) -> Iterator[Fault]:
    """Yield what is wrong between the tables of rights; what stands at a `faulty` path has been reported."""
    groups = {name: gathered.value(f"groups.{name}") or () for name in gathered.names("groups")}
    # A group whose members could not be read is there all the same.
    known = {*groups, *(path.partition(".")[2] for path in faulty if path.startswith("groups."))}
    yield from _missing_in_arrays(gathered, faulty)
    yield from _both_forms(gathered)
    yield from _unknown_groups(gathered, sorted(known))
    yield from _circles(gathered, groups)


def _missing_in_arrays(gathered: Gathered, faulty: Collection[str]) -> Iterator[Fault]:
    # A fault in a table that is a value stands at a path of its own below.
    reported = {*faulty, *(path.rpartition(".")[0] for path in faulty)}
    for array in arrays():
        for number in range(1, 1 + len(gathered.lines_of(array))):
            path = array.path(number)
            for key in array.keys(number):
                if key.demanded and key.path not in gathered.given and key.path not in reported:
                    yield Fault(gathered.tables[path], path, f"needs `{key.name}`")


def _both_forms(gathered: Gathered) -> Iterator[Fault]:
    given = gathered.given.get(_AUTHENTICATE)
    if given is None or given.origin.kind is OriginKind.DEFAULT or "rule[1]" not in gathered.tables:
        return
    # By a flag, too, it is the configuration that is wrong: the same command line was right without rules.
    shown = _AUTHENTICATE if given.origin.kind is OriginKind.FILE else ""
    yield Fault(given.origin.name, shown, "leave it out: with a `[[rule]]`, the rules say who may do what")


def _unknown_groups(gathered: Gathered, known: Sequence[str]) -> Iterator[Fault]:
    for path in _naming_paths(gathered):
        for word in gathered.value(path) or ():
            if word.startswith("@") and word[1:] not in known:
                rest = did_you_mean(word[1:], known) or f"; there is {', '.join(known) or 'none'}"
                yield Fault(gathered.given[path].origin.name, path, f"there is no group `{word[1:]}`{rest}")


def _naming_paths(gathered: Gathered) -> Iterator[str]:
    yield from (f"groups.{name}" for name in gathered.names("groups"))
    yield from (path for path in gathered.given if path.startswith("rule[") and path.endswith(".who"))
    if _NEW_PROJECTS in gathered.given:
        yield _NEW_PROJECTS


def _circles(gathered: Gathered, groups: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    told: set[str] = set()
    for name in groups:
        circle = _circle(groups, name)
        if circle and told.isdisjoint(circle):
            told.update(circle)
            path = f"groups.{name}"
            round_trip = " holds ".join(f"`{one}`" for one in (*circle, name))
            yield Fault(gathered.given[path].origin.name, path, f"is in a circle: {round_trip}")


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


# What stands in a command line besides its options; raises `BadValue` for a line that cannot be run.
Operands = Callable[[Sequence[str]], Sequence[str]]


def table_faults(gathered: Gathered, faulty: Collection[str], operands: Operands | None) -> Iterator[Fault]:
    """Yield what is wrong between tables; what stands at a `faulty` path has been reported."""
    yield from _missing_in_families(gathered, faulty)
    yield from _empty_sets(gathered, faulty)
    yield from _two_passwords(gathered)
    yield from _unknown_targets(gathered)
    yield from rights_faults(gathered, faulty)
    yield from publisher_faults(gathered, faulty)
    if operands is not None:
        yield from _unusable_jobs(gathered, operands)


def _missing_in_families(gathered: Gathered, faulty: Collection[str]) -> Iterator[Fault]:
    for family in families():
        for name in gathered.names(family.table):
            for key in family.keys(name):
                if key.demanded and key.path not in gathered.given and key.path not in faulty:
                    path = f"{family.table}.{name}"
                    yield Fault(gathered.tables[path], path, f"needs `{key.name}`")


def _empty_sets(gathered: Gathered, faulty: Collection[str]) -> Iterator[Fault]:
    # A set that wants nothing would let prune remove what it wanted before.
    for path in (f"set.{name}" for name in gathered.names("set")):
        inputs = [f"{path}.requirements", f"{path}.lock"]
        if not any(gathered.value(one) or one in faulty for one in inputs):
            yield Fault(gathered.tables[path], path, "needs `requirements` or `lock`")


def _two_passwords(gathered: Gathered) -> Iterator[Fault]:
    for table, key in (("upstream", "index"), ("remote", "url"), ("remote", "upload-url")):
        for name in gathered.names(table):
            path = f"{table}.{name}.{key}"
            address, auth = gathered.value(path), gathered.value(f"{table}.{name}.auth")
            if auth is not None and address is not None and "@" in urlsplit(address).netloc:
                yield _fault_at(gathered.given, path, "names a user, and so does `auth`: leave out one")


def _unknown_targets(gathered: Gathered) -> Iterator[Fault]:
    known = gathered.names("targets")
    for path in (f"set.{name}.targets" for name in gathered.names("set")):
        for target in gathered.value(path) or ():
            if target not in known:
                yield _fault_at(gathered.given, path, _unknown("target", target, known))


def _unusable_jobs(gathered: Gathered, operands: Operands) -> Iterator[Fault]:
    known = gathered.names("set")
    for path in (f"job.{name}.run" for name in gathered.names("job")):
        words = gathered.value(path)
        if words is None:
            continue
        try:
            named = _sets_of(words, operands(words))
        except BadValue as fault:
            yield _fault_at(gathered.given, path, str(fault))
            continue
        for one in named:
            if one not in known:
                yield _fault_at(gathered.given, path, _unknown("set", one, known))


def _sets_of(words: Sequence[str], operands: Sequence[str]) -> Sequence[str]:
    """Return the operands that name sets: those of `sync`, and those behind the file of a bundle."""
    return {"sync": operands, "bundle": operands[1:]}.get(words[0], ())


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    rest = did_you_mean(name, known) or f"; there is {', '.join(known) or 'none'}"
    return f"there is no {what} `{name}`{rest}"


def _fault_at(given: Mapping[str, Given], path: str, message: str) -> Fault:
    return Fault(given[path].origin.name, path, message)

"""What tables that people name demand of each other: a set of its targets, a job of its sets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from pypitool.config.faults import Fault
from pypitool.config.keys import families
from pypitool.config.primitives import BadValue
from pypitool.config.publisher_rules import publisher_faults
from pypitool.config.rights_rules import rights_faults
from pypitool.config.sources import Gathered, Given
from pypitool.config.suggestion import did_you_mean

# What stands in a command line besides its options; raises `BadValue` for a line that cannot be run.
Operands = Callable[[Sequence[str]], Sequence[str]]


def table_faults(gathered: Gathered, faulty: Collection[str], operands: Operands | None) -> Iterator[Fault]:
    """Yield what is wrong between tables; what stands at a `faulty` path has been reported."""
    yield from _missing_keys(gathered, faulty)
    yield from _empty_sets(gathered, faulty)
    yield from _two_passwords(gathered)
    yield from _unknown_targets(gathered)
    yield from rights_faults(gathered, faulty)
    yield from publisher_faults(gathered, faulty)
    if operands is not None:
        yield from _unusable_jobs(gathered, operands)


def _missing_keys(gathered: Gathered, faulty: Collection[str]) -> Iterator[Fault]:
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
                yield _fault(gathered.given, path, "names a user, and so does `auth`: leave out one")


def _unknown_targets(gathered: Gathered) -> Iterator[Fault]:
    known = gathered.names("targets")
    for path in (f"set.{name}.targets" for name in gathered.names("set")):
        for target in gathered.value(path) or ():
            if target not in known:
                yield _fault(gathered.given, path, _unknown("target", target, known))


def _unusable_jobs(gathered: Gathered, operands: Operands) -> Iterator[Fault]:
    known = gathered.names("set")
    for path in (f"job.{name}.run" for name in gathered.names("job")):
        words = gathered.value(path)
        if words is None:
            continue
        try:
            named = _sets_of(words, operands(words))
        except BadValue as fault:
            yield _fault(gathered.given, path, str(fault))
            continue
        for one in named:
            if one not in known:
                yield _fault(gathered.given, path, _unknown("set", one, known))


def _sets_of(words: Sequence[str], operands: Sequence[str]) -> Sequence[str]:
    """Return the operands that name sets: those of `sync`, and those behind the file of a bundle."""
    return {"sync": operands, "bundle": operands[1:]}.get(words[0], ())


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    rest = did_you_mean(name, known) or f"; there is {', '.join(known) or 'none'}"
    return f"there is no {what} `{name}`{rest}"


def _fault(given: Mapping[str, Given], path: str, message: str) -> Fault:
    return Fault(given[path].origin.name, path, message)

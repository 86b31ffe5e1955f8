"""What rules and groups demand of each other: a rule of its groups, a group of the groups in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from pypitool.config.faults import Fault
from pypitool.config.keys import arrays
from pypitool.config.sources import Gathered, OriginKind
from pypitool.config.suggestion import did_you_mean

_AUTHENTICATE = "auth.authenticate"
_NEW_PROJECTS = "auth.new-projects"


def rights_faults(gathered: Gathered, faulty: Collection[str]) -> Iterator[Fault]:
    """Yield what is wrong between the tables of rights; what stands at a `faulty` path has been reported."""
    groups = {name: gathered.value(f"groups.{name}") or () for name in gathered.names("groups")}
    # A group whose members could not be read is there all the same.
    known = {*groups, *(path.partition(".")[2] for path in faulty if path.startswith("groups."))}
    yield from _missing_keys(gathered, faulty)
    yield from _both_forms(gathered)
    yield from _unknown_groups(gathered, sorted(known))
    yield from _circles(gathered, groups)


def _missing_keys(gathered: Gathered, faulty: Collection[str]) -> Iterator[Fault]:
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

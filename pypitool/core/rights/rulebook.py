"""The rules: you may do what at least one rule that names you lets you. A union, without denials or order.

The short form of rights, `-a` and `-P`, is the rules that it stands for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from packaging.utils import NormalizedName

from pypitool.core.names import matches
from pypitool.core.rights.right import ANONYMOUS, AUTHENTICATED, Right

Network = IPv4Network | IPv6Network

# `admin`: "all of these".
_ALL = frozenset(Right)


@dataclass(frozen=True, slots=True)
class ProjectGlobs:
    """Which projects a rule is about: globs, and names that `!GLOB` takes out of it."""

    taken: tuple[str, ...] = ("*",)
    left_out: tuple[str, ...] = ()
    within: ProjectGlobs | None = None  # and these mean it too

    @classmethod
    def of(cls, globs: Iterable[str]) -> ProjectGlobs:
        """Read globs as the configuration writes them."""
        words = list(globs)
        return cls(
            tuple(word for word in words if not word.startswith("!")),
            tuple(word[1:] for word in words if word.startswith("!")),
        )

    def hold(self, project: NormalizedName) -> bool:
        """Tell whether a project is meant."""
        meant = matches(project, self.taken) and not matches(project, self.left_out)
        return meant and (self.within is None or self.within.hold(project))

    def hold_everything(self) -> bool:
        """Tell whether every project is meant, those to come included."""
        everything = "*" in self.taken and not self.left_out
        return everything and (self.within is None or self.within.hold_everything())

    def __str__(self) -> str:
        return " ".join((*self.taken, *(f"!{glob}" for glob in self.left_out)))


@dataclass(frozen=True, slots=True)
class Rule:
    """One `[[rule]]`, its groups spelled out."""

    who: tuple[str, ...]
    may: frozenset[Right]
    projects: ProjectGlobs = ProjectGlobs()
    networks: tuple[Network, ...] = ()  # empty: from everywhere
    line: int | None = None  # of the file, for who asks why


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token may at most."""

    may: frozenset[Right]
    projects: ProjectGlobs

    def allows(self, right: Right, project: NormalizedName | None) -> bool:
        """Tell whether a right lies within it."""
        return has_right(self.may, right) and (
            self.projects.hold_everything() if project is None else self.projects.hold(project)
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the rules see it."""

    who: str | None = None  # `user:deploy`, `token:ci`, `publisher:github`; None: nobody in particular
    has_password: bool = False  # or came by a header or `verify`: what `authenticated` means
    scope: Scope | None = None  # of a token
    on_behalf_of: str | None = None  # the user whose personal token it is


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Every rule that counts at the moment."""

    rules: tuple[Rule, ...] = ()

    def speaking(self, caller: Caller, address: str) -> frozenset[int]:
        """Return the numbers of the rules that speak for a caller at an address: the rights class."""
        return self.heard(self.naming(caller), address)

    def naming(self, caller: Caller) -> tuple[int, ...]:
        """Return the numbers of the rules that name a caller, from wherever."""
        return tuple(number for number, rule in enumerate(self.rules) if rule_names(rule, caller))

    def heard(self, numbers: Iterable[int], address: str) -> frozenset[int]:
        """Return which of these rules speak at an address."""
        parsed = _address(address)
        return frozenset(number for number in numbers if _is_from(self.rules[number], parsed))

    def grants(
        self, speaking: Collection[int], right: Right, project: NormalizedName | None
    ) -> tuple[int, ...]:
        """Return which of these rules give a right on a project; None is a right on all of them."""
        return tuple(
            number
            for number in sorted(speaking)
            if has_right(self.rules[number].may, right) and _covers(self.rules[number].projects, project)
        )


def rule_names(rule: Rule, caller: Caller) -> bool:
    """Tell whether a rule is about a caller."""
    return any(_means(word, caller) for word in rule.who)


def has_right(may: Collection[Right], right: Right) -> bool:
    """Tell whether a set of rights contains one; `admin` contains all."""
    return right in may or Right.ADMIN in may


def rights_in(speaking: Iterable[int], book: Rulebook, project: NormalizedName) -> frozenset[Right]:
    """Return everything that these rules allow on a project."""
    allowed: set[Right] = set()
    for number in speaking:
        rule = book.rules[number]
        if rule.projects.hold(project):
            allowed |= _ALL if Right.ADMIN in rule.may else rule.may
    return frozenset(allowed)


def expand_groups(words: Iterable[str], groups: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Replace each `@GROUP` by its members, each once."""
    return tuple(word for word in _unfolded(words, groups) if not word.startswith("@"))


def groups_among(words: Iterable[str], groups: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the names of the groups that words name, those in groups included."""
    return tuple(word[1:] for word in _unfolded(words, groups) if word.startswith("@"))


def _unfolded(words: Iterable[str], groups: Mapping[str, Sequence[str]]) -> Iterable[str]:
    found: dict[str, None] = {}
    waiting = [*words][::-1]
    while waiting:
        word = waiting.pop()
        if word.startswith("@") and word not in found:
            waiting += [*groups.get(word[1:], ())][::-1]
        found[word] = None
    return found


def _means(word: str, caller: Caller) -> bool:
    if word == ANONYMOUS:
        return True
    if word == AUTHENTICATED:
        return caller.has_password
    if caller.who is None:
        return False
    kind, _, name = caller.who.partition(":")
    wanted_kind, colon, wanted = word.partition(":")
    if not colon:
        return kind == "user" and name == word
    if wanted_kind != kind:
        return False
    # Users are exact; a service token's name and a publisher's may be globs. A personal token is shown as
    # `deploy/laptop`, and no rule names it: its owner's rights are its own.
    if kind == "user":
        return name == wanted
    return caller.on_behalf_of is None and fnmatchcase(name, glob_of_names(wanted))


def glob_of_names(glob: str) -> str:
    """Write a glob of tokens or publishers as fnmatch reads it: it knows `*` and `?` only."""
    return glob.replace("[", "[[]")


def _is_from(rule: Rule, address: IPv4Address | IPv6Address | None) -> bool:
    if not rule.networks:
        return True
    return address is not None and any(address in network for network in rule.networks)


def _covers(projects: ProjectGlobs, project: NormalizedName | None) -> bool:
    return projects.hold_everything() if project is None else projects.hold(project)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed


_READ = (Right.LIST, Right.DOWNLOAD)
_UPDATE = frozenset({Right.UPLOAD, Right.YANK, Right.DELETE, Right.OVERWRITE})
_OPEN = frozenset({Right.LIST, Right.DOWNLOAD, Right.UPLOAD, Right.OVERWRITE, Right.DELETE})


def short_form(authenticate: Collection[str], *, recognises: bool, open_: bool) -> tuple[Rule, ...]:
    """Return the rules that `-a` means; `open_` is `-a . -P .`, `recognises`: somebody can prove a name.

    What changes something is never open by omission: `-a download` protects uploads as well.
    """
    if open_:
        return (Rule((ANONYMOUS,), _OPEN),)
    protected = frozenset(right for right in _READ if right.value in authenticate)
    rules = {ANONYMOUS: frozenset(_READ) - protected}
    if recognises:
        rules[AUTHENTICATED] = protected | _UPDATE
    return tuple(Rule((who,), may) for who, may in rules.items() if may)

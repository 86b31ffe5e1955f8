"""From settings to the rules that count: `[[rule]]` and `[groups]`, or the short form of `[auth]`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_network
from typing import Any

from packaging.utils import NormalizedName

from pypitool.config.publisher_tables import PublisherSettings
from pypitool.config.rights_tables import RuleSettings
from pypitool.config.settings import Settings
from pypitool.core.rights.effective import EffectiveRights, RightsBasis
from pypitool.core.rights.publishers import Publisher
from pypitool.core.rights.right import ANONYMOUS, AUTHENTICATED, Right
from pypitool.core.rights.rulebook import (
    Caller,
    ProjectGlobs,
    Rule,
    Rulebook,
    Scope,
    expand_groups,
    groups_among,
    rule_names,
    short_form,
)

# What a rule that names a group calls it besides its members; nobody else is ever called so.
GROUP = "group"


class Upload(Enum):
    """What an upload comes to, as far as rights go."""

    ALLOWED = "allowed"
    RIGHT_MISSING = "right missing"
    PROJECT_IS_NEW = "project is new"  # and others begin projects here


@dataclass(frozen=True, slots=True)
class NewProjects:
    """Who may upload a project that is new."""

    words: tuple[str, ...]  # as they are configured
    who: Rule

    def include(self, caller: Caller) -> bool:
        """Tell whether somebody is among them."""
        return rule_names(self.who, caller)

    def __str__(self) -> str:
        return f"only {', '.join(self.words)}" if self.words else "nobody"


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that says who may do what, as it was read at one moment."""

    book: Rulebook = Rulebook()
    is_short: bool = False  # made of `authenticate` and `passwords`
    new_projects: NewProjects | None = None  # None: whoever may upload it
    owners: bool = False  # who uploads a new project owns it
    publishers: tuple[Publisher, ...] = ()  # who gets tokens for what an issuer says

    def may_begin(self, basis: RightsBasis) -> bool:
        """Tell whether somebody needs no right to upload a project that is new: it will be theirs."""
        return self.owners and self.new_projects is not None and self.new_projects.include(basis.subject)

    def judge_upload(
        self,
        basis: RightsBasis,
        effective: EffectiveRights,
        project: NormalizedName,
        is_new: Callable[[], bool],
    ) -> Upload:
        """Tell what an upload comes to; who may not is not told whether the project exists."""
        has_right = effective.may(Right.UPLOAD, project)
        if not has_right and not (self.may_begin(basis) and basis.reaches(project)):
            return Upload.RIGHT_MISSING
        if has_right and self.new_projects is None:
            return Upload.ALLOWED
        if not is_new():
            return Upload.ALLOWED if has_right else Upload.RIGHT_MISSING
        has_place = self.new_projects is None or self.new_projects.include(basis.subject)
        return Upload.ALLOWED if has_place else Upload.PROJECT_IS_NEW

    @property
    def digest(self) -> str:
        """What differs whenever somebody may do something else."""
        # Not the line: a comment above a rule changes nothing.
        rules = [{**document, "line": None} for document in self.documents()]
        begin = self.new_projects and self.new_projects.who.who
        publishers = [_publisher_document(publisher) for publisher in self.publishers]
        return hashlib.sha256(json.dumps([rules, begin, self.owners, publishers]).encode()).hexdigest()

    def documents(self) -> list[dict[str, Any]]:
        """Return the rules as plain JSON values, their groups spelled out."""
        return [_document(rule) for rule in self.book.rules]


def rules_of(settings: Settings, *, recognises: bool | None = None) -> Rules:
    """Return what settings say; `recognises` tells whether anybody can prove a name, if they do not."""
    auth, groups = settings.auth, dict(settings.groups)
    new_projects = None
    if auth.new_projects is not None:
        words = auth.new_projects
        new_projects = NewProjects(words, Rule(_spelled_out(words, groups), frozenset()))
    publishers = tuple(map(_publisher, settings.publishers))
    if settings.rules:
        book = Rulebook(tuple(_rule(rule, groups) for rule in settings.rules))
        return Rules(book, new_projects=new_projects, owners=auth.owners, publishers=publishers)
    if recognises is None:
        recognises = auth.passwords is not None or auth.header is not None
    short = short_form(auth.authenticate, recognises=recognises, open_=not auth.authenticate)
    return Rules(Rulebook(short), True, new_projects, auth.owners, publishers)


def unknown_users(settings: Settings, known: Collection[str]) -> tuple[str, ...]:
    """Return the users that rules and groups name and that are not known: people come and go."""
    words = [
        *(word for rule in settings.rules for word in rule.who),
        *(word for _, members in settings.groups for word in members),
        *(settings.auth.new_projects or ()),
    ]
    users = (word.removeprefix("user:") for word in words if word.startswith("user:") or ":" not in word)
    others = {ANONYMOUS, AUTHENTICATED, *known}
    return tuple(dict.fromkeys(name for name in users if name not in others and not name.startswith("@")))


def _rule(settings: RuleSettings, groups: Mapping[str, Sequence[str]]) -> Rule:
    return Rule(
        _spelled_out(settings.who, groups),
        frozenset(map(Right, settings.may)),
        ProjectGlobs.of(settings.projects),
        tuple(map(ip_network, settings.from_ or ())),
        settings.line,
    )


def _publisher(settings: PublisherSettings) -> Publisher:
    return Publisher(
        settings.name,
        settings.issuer,
        settings.claims,
        settings.projects,
        Scope(frozenset(map(Right, settings.may)), ProjectGlobs.of(settings.projects)),
        settings.expires,
        settings.ca,
    )


def _publisher_document(publisher: Publisher) -> list[Any]:
    may = sorted(right.value for right in publisher.scope.may)
    return [publisher.name, publisher.issuer, publisher.claims, publisher.projects, may, publisher.life]


def _spelled_out(words: Sequence[str], groups: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    named = (f"{GROUP}:{name}" for name in groups_among(words, groups))
    return (*expand_groups(words, groups), *named)


def _document(rule: Rule) -> dict[str, Any]:
    return {
        "who": [word for word in rule.who if not word.startswith(f"{GROUP}:")],
        "may": [right.value for right in Right if right in rule.may],
        "projects": str(rule.projects).split(),
        "from": [str(network) for network in rule.networks],
        "line": rule.line,
    }

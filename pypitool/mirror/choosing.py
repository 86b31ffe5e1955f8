"""Which files the sets want of what is on offer; a question that was answered before is not asked again."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.utils import NormalizedName
from packaging.version import Version

from pypitool.core.mirror.selection import SelectionRules, Wish
from pypitool.core.mirror.sync_plan import Miss, ProjectChoice, WantedFile, choose_files
from pypitool.core.mirror.targets import Target
from pypitool.mirror.candidate_text import dump_choice, load_choice
from pypitool.mirror.offers import Offered
from pypitool.mirror.record import MirrorRecord, RememberedChoice
from pypitool.mirror.sets import PinnedSet


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """A wanted file, who offers it, and which sets want it."""

    wanted: WantedFile
    upstream: str
    sets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetMiss:
    """A wish of a set that no offered file satisfies."""

    set: str
    miss: Miss


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything that the sets want of what is on offer."""

    files: tuple[ChosenFile, ...]
    misses: tuple[SetMiss, ...]


def choose(
    sets: Iterable[PinnedSet],
    offers: Mapping[NormalizedName, Offered],
    record: MirrorRecord,
    unhashed: frozenset[str],
) -> Choices:
    """Choose files for every set and target; `unhashed` names the upstreams that may omit sha256."""
    chosen: dict[str, ChosenFile] = {}
    misses: list[SetMiss] = []
    with record.together():
        for pinned in sets:
            for project, wishes in pinned.wishes.items():
                offered = offers.get(project)
                if offered is None:
                    continue
                rules = pinned.request.rules
                if offered.upstream in unhashed:
                    rules = replace(rules, allow_unhashed=True)
                choice = _choice(offered, wishes, rules, record)
                misses.extend(SetMiss(pinned.request.name, miss) for miss in choice.misses)
                for wanted in choice.files:
                    _merge(chosen, wanted, offered.upstream, pinned.request.name)
    return Choices(tuple(chosen.values()), tuple(misses))


def files_by_set(files: Iterable[ChosenFile]) -> dict[str, list[str]]:
    """Return the filenames that each set wants."""
    by_set: dict[str, list[str]] = defaultdict(list)
    for file in files:
        for name in file.sets:
            by_set[name].append(file.wanted.candidate.filename)
    return by_set


def _choice(
    offered: Offered, wishes: Mapping[Target, Wish], rules: SelectionRules, record: MirrorRecord
) -> ProjectChoice:
    question = _question(wishes, rules)
    remembered = record.choice(offered.project, question)
    if (
        remembered is not None
        and remembered.upstream == offered.upstream
        and remembered.body_sha256 == offered.body_sha256
    ):
        return load_choice(remembered.files)
    choice = choose_files(wishes, offered.candidates(record, _wanted_versions(wishes)), rules)
    text = dump_choice(choice)
    if text is not None:
        answer = RememberedChoice(offered.upstream, offered.body_sha256, text)
        record.keep_choice(offered.project, question, answer)
    return choice


def _wanted_versions(wishes: Mapping[Target, Wish]) -> Callable[[Version], bool]:
    specifiers = {wish.specifier for wish in wishes.values()}
    return lambda version: any(each.contains(version, prereleases=True) for each in specifiers)


def _question(wishes: Mapping[Target, Wish], rules: SelectionRules) -> str:
    parts: Sequence[object] = [
        (
            target.name,
            target.python,
            target.platform.word,
            target.implementation,
            target.abis,
            str(wish.specifier),
            sorted(wish.hashes),
        )
        for target, wish in wishes.items()
    ]
    described = (
        parts,
        rules.files,
        sorted(rules.formats.only_binary),
        sorted(rules.formats.no_binary),
        rules.prereleases,
        rules.yanked,
        rules.allow_unhashed,
        rules.max_size,
    )
    return hashlib.sha256(repr(described).encode()).hexdigest()


def _merge(chosen: dict[str, ChosenFile], wanted: WantedFile, upstream: str, name: str) -> None:
    filename = wanted.candidate.filename
    before = chosen.get(filename)
    if before is None:
        chosen[filename] = ChosenFile(wanted, upstream, (name,))
        return
    targets = tuple(dict.fromkeys((*before.wanted.targets, *wanted.targets)))
    # Each set's hashes limited its own choice already; the union is what a fetch has to match one of.
    merged = WantedFile(wanted.candidate, targets, before.wanted.hashes | wanted.hashes)
    chosen[filename] = ChosenFile(merged, upstream, tuple(dict.fromkeys((*before.sets, name))))

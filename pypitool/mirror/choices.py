"""Which files the sets want of what is on offer; a question that was answered before is not asked again."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pypitool.core.errors import PypitoolError
from pypitool.core.guard import Guard
from pypitool.core.mirror.selection import Candidate, SelectionRules, Wish
from pypitool.core.mirror.sync_plan import Miss, ProjectChoice, WantedFile, choose_files
from pypitool.core.mirror.targets import Target
from pypitool.core.model import FileKind
from pypitool.core.text import timestamp
from pypitool.mirror.offers import ProjectOffer
from pypitool.mirror.record import MirrorRecord, RememberedChoice
from pypitool.mirror.sets import PinnedSet, SetRequest
from pypitool.mirror.upstream_clock import now_at


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
    failed: Mapping[NormalizedName, PypitoolError] = field(default_factory=dict)  # no choice is possible


def choose(
    sets: Iterable[PinnedSet],
    offers: Mapping[NormalizedName, ProjectOffer],
    record: MirrorRecord,
    unhashed: frozenset[str],
) -> Choices:
    """Choose files for every set and target; `unhashed` names the upstreams that may omit sha256."""
    chosen: dict[str, ChosenFile] = {}
    misses: list[SetMiss] = []
    failed: dict[NormalizedName, PypitoolError] = {}
    with record.together():
        for pinned in sets:
            for project, wishes in pinned.wishes.items():
                offered = offers.get(project)
                if offered is None:
                    continue
                rules = _rules(pinned.request, offered, wishes, unhashed)
                choice = _choice_or_fault(offered, wishes, rules, record)
                if isinstance(choice, PypitoolError):
                    failed[project] = choice
                    continue
                misses.extend(SetMiss(pinned.request.name, miss) for miss in choice.misses)
                for wanted in choice.files:
                    _merge(chosen, wanted, offered.upstream, pinned.request.name)
    return Choices(tuple(chosen.values()), tuple(misses), failed)


def _rules(
    request: SetRequest, offered: ProjectOffer, wishes: Mapping[Target, Wish], unhashed: frozenset[str]
) -> SelectionRules:
    rules = request.rules
    if offered.upstream in unhashed:
        rules = replace(rules, allow_unhashed=True)
    if request.cooldown and not all(wish.is_pinned for wish in wishes.values()):
        until = timestamp(now_at(offered.clock_skew) - request.cooldown)
        rules = replace(rules, uploaded_until=until)
    return rules


def files_by_set(files: Iterable[ChosenFile]) -> dict[str, list[str]]:
    """Return the filenames that each set wants."""
    by_set: dict[str, list[str]] = defaultdict(list)
    for file in files:
        for name in file.sets:
            by_set[name].append(file.wanted.candidate.filename)
    return by_set


def _choice_or_fault(
    offered: ProjectOffer, wishes: Mapping[Target, Wish], rules: SelectionRules, record: MirrorRecord
) -> ProjectChoice | PypitoolError:
    def work() -> ProjectChoice | PypitoolError:
        return _choice(offered, wishes, rules, record)

    # A page is read when somebody looks: what is odd about one of its files comes up here.
    return Guard.run(work, lambda error: error)


def _choice(
    offered: ProjectOffer, wishes: Mapping[Target, Wish], rules: SelectionRules, record: MirrorRecord
) -> ProjectChoice:
    if rules.uploaded_until is not None:  # another answer each time
        return choose_files(wishes, offered.candidates(record, _wanted_versions(wishes)), rules)
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


def dump_choice(choice: ProjectChoice) -> str | None:
    """Write a choice; None for one with misses, which is worth a fresh look each time."""
    if choice.misses:
        return None
    entries = [[_dump(file.candidate), list(file.targets), sorted(file.hashes)] for file in choice.files]
    return json.dumps(entries, separators=(",", ":"))


def load_choice(text: str) -> ProjectChoice:
    """Read what `dump_choice` wrote."""
    misses: tuple[Miss, ...] = ()
    files = (
        WantedFile(_load(candidate), tuple(targets), frozenset(hashes))
        for candidate, targets, hashes in json.loads(text)
    )
    return ProjectChoice(tuple(files), misses)


def _dump(candidate: Candidate) -> list[Any]:
    return [
        candidate.filename,
        candidate.project,
        str(candidate.version),
        candidate.kind.value,
        candidate.url,
        sorted(candidate.hashes),
        candidate.size,
        candidate.requires_python,
        candidate.yanked,
        candidate.upload_time,
        candidate.metadata_sha256,
    ]


def _load(entry: list[Any]) -> Candidate:
    filename, project, version, kind, url, hashes, size, requires_python, yanked, uploaded, metadata = entry
    is_wheel = kind == FileKind.WHEEL.value
    _, _, build, tags = parse_wheel_filename(filename) if is_wheel else ("", "", (), frozenset())
    return Candidate(
        filename=filename,
        project=canonicalize_name(project),
        version=Version(version),
        kind=FileKind(kind),
        tags=tags,
        build=build,
        url=url,
        hashes=frozenset(hashes),
        size=size,
        requires_python=requires_python,
        yanked=yanked,
        upload_time=uploaded,
        metadata_sha256=metadata,
    )

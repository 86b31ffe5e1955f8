"""What a moved environment offers: its projects with their new releases, and what holds the others back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from packaging.utils import NormalizedName
from packaging.version import Version

from pypitool.core.mirror.closure import AvailableFiles, Need
from pypitool.core.mirror.joint_update import unmet
from pypitool.core.mirror.selection import Candidate
from pypitool.core.mirror.update_choice import UpdateChoice, choice_of
from pypitool.mirror.available import WithPlanned
from pypitool.mirror.environments import Environment
from pypitool.mirror.move_environment import Moved
from pypitool.mirror.offered_metadata import OfferedFile, read_dependencies
from pypitool.mirror.survey import UpdateSurvey
from pypitool.mirror.sync import Mirror
from pypitool.mirror.update_offers import JudgedProject, UpdateOffer


@dataclass(frozen=True)
class JointOffers:
    """What is to be told of an environment's projects, and whose files it needs."""

    moved: Moved
    told: Mapping[NormalizedName, UpdateOffer]
    wanted: tuple[UpdateOffer, ...]
    prospect: AvailableFiles  # what is here, with what is to come
    needs: tuple[Need, ...]  # what everything asks for that it will install


def joint_offers(mirror: Mirror, moved: Moved, survey: UpdateSurvey, present: AvailableFiles) -> JointOffers:
    """Look up the files of an answer, and explain what was left where it is."""
    wanted = tuple(_wanted(moved, survey))
    prospect = _prospect(mirror, wanted, present)
    after = Environment(moved.request(), moved.environment.files).standing(prospect)
    judged = dict(_judged(moved, survey))
    passing = {name: _passing(one, moved.releases[name]) for name, one in judged.items()}
    excluded = {name: after.excluded(name, versions) for name, versions in passing.items()}
    unexplained = {
        name: versions[0]
        for name, versions in passing.items()
        if versions and versions[0] not in excluded[name]
    }
    for name, need in _own_needs(mirror, moved, judged, unexplained).items():
        excluded[name][unexplained[name]] = need
    told = {name: _told(moved, one, excluded[name], wanted) for name, one in judged.items()}
    return JointOffers(moved, told, wanted, prospect, after.needs)


def _judged(moved: Moved, survey: UpdateSurvey) -> Iterator[tuple[NormalizedName, JudgedProject]]:
    for name, have in sorted(moved.standing.have.items()):
        one = survey.judged(name, have, moved.environment.targets) if name in moved.releases else None
        if one is not None:
            yield name, one


def _passing(one: JudgedProject, chosen: Version) -> list[Version]:
    """Return the newer releases that pass every rule, the newest first."""
    return [
        release.version for release in one.releases if release.version > chosen and release.reason is None
    ]


def _wanted(moved: Moved, survey: UpdateSurvey) -> Iterator[UpdateOffer]:
    """Yield the releases that are new to the environment, or that it has and the directory has not."""
    pairs = {pair for releases in moved.answer.chosen.values() for pair in releases.items()}
    for name, version in sorted(pairs):
        targets = [one for one, releases in moved.answer.chosen.items() if releases.get(name) == version]
        have = moved.standing.have.get(name)
        one = survey.judged(name, have or version, targets)
        if one is None or (version == have and any(file.version == have for file in one.held.candidates)):
            continue
        if have is None:
            one = replace(one, terms=replace(one.terms, guesses=False))
        files = one.files_at(version)
        chosen_for, choice = one.files_of(files)
        new = UpdateChoice(have or version, version, None, files)
        yield UpdateOffer(one.held, one.offered, new, chosen_for, choice, environment=moved.environment.name)


def _prospect(mirror: Mirror, wanted: Iterable[UpdateOffer], present: AvailableFiles) -> AvailableFiles:
    """Return what will be here, with what the upstreams tell of the dependencies."""
    coming = [
        OfferedFile(file.candidate, offer.offered.upstream)
        for offer in wanted
        for file in offer.files.files
        if all(held.filename != file.candidate.filename for held in present.candidates(offer.name))
    ]
    requires = read_dependencies(coming, mirror.sessions, mirror.stop, mirror.progress)
    return WithPlanned(present, [file.candidate for file in coming], requires)


def _own_needs(
    mirror: Mirror,
    moved: Moved,
    judged: Mapping[NormalizedName, JudgedProject],
    unexplained: Mapping[NormalizedName, Version],
) -> Mapping[NormalizedName, Need]:
    """Find what a release asks for that nobody else of the environment can have."""
    files = {
        name: OfferedFile(one, judged[name].offered.upstream) for name, one in _any_file(judged, unexplained)
    }
    requires = read_dependencies(files.values(), mirror.sessions, mirror.stop, mirror.progress)
    found: dict[NormalizedName, Need] = {}
    for name, file in files.items():
        who = f"{name} {unexplained[name]}"
        asked = requires.get(file.candidate.filename) or ()
        need = unmet(who, asked, moved.extras_of(name), moved.releases, moved.environment.targets)
        if need is not None:
            found[name] = need
    return found


def _any_file(
    judged: Mapping[NormalizedName, JudgedProject], versions: Mapping[NormalizedName, Version]
) -> Iterator[tuple[NormalizedName, Candidate]]:
    for name, version in versions.items():
        _, choice = judged[name].files_of(judged[name].files_at(version))
        yield from ((name, file.candidate) for file in choice.files[:1])


def _told(
    moved: Moved, one: JudgedProject, excluded: Mapping[Version, Need], wanted: Iterable[UpdateOffer]
) -> UpdateOffer:
    choice = choice_of(one.have, one.releases, moved.releases[one.held.name], excluded)
    coming = next(
        (offer for offer in wanted if offer.name == one.held.name and offer.new == choice.new), None
    )
    if coming is None:
        return UpdateOffer(one.held, one.offered, choice, environment=moved.environment.name)
    return replace(coming, choice=choice)

"""What `update` looks at: what may be asked for, and what the upstreams answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from packaging.utils import NormalizedName
from packaging.version import Version

from pypitool.core.errors import PypitoolError
from pypitool.core.mirror.run_events import HeldVersion, ProjectEvent, UpdateEvent, WarningEvent
from pypitool.core.mirror.selection import Candidate
from pypitool.core.mirror.targets import Target
from pypitool.core.mirror.update_choice import HoldReason, UpdateTerms
from pypitool.core.name_owner import NameOwner, may_be_looked_for
from pypitool.mirror.offers import Offers, ask_upstreams
from pypitool.mirror.record import MirrorRecord
from pypitool.mirror.sync import Mirror, Report
from pypitool.mirror.update_offers import JudgedProject, judge_project, looked_at
from pypitool.mirror.upstream_changes import HeldProject, held_projects
from pypitool.repository.releases import NotHeld
from pypitool.repository.repository import Repository
from pypitool.upstream.upstream_errors import NoSuchProject

_UPLOADED = "files of it were uploaded here, and a stranger's never replace them"


@dataclass(frozen=True, slots=True)
class WhomToAsk:
    """Which projects the command line wants looked at."""

    names: frozenset[NormalizedName] = frozenset()  # none: everything
    ignored: frozenset[NormalizedName] = frozenset()
    copied_in: bool = True  # upstreams may hear the names of what was copied in


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything that is held, and why some of it is not looked for."""

    projects: Mapping[NormalizedName, HeldProject]
    refused: Mapping[NormalizedName, str]

    def chosen(self, names: frozenset[NormalizedName]) -> frozenset[NormalizedName]:
        """Return what of these names is looked for; no names: of everything."""
        return frozenset(self.projects.keys() & names if names else self.projects) - self.refused.keys()

    def project(self, name: NormalizedName) -> HeldProject:
        """Return what is held of a project, which may be nothing."""
        return self.projects.get(name) or HeldProject(name, (), NameOwner.NOBODY)


def look_at(mirror: Mirror, directory: Repository, whom: WhomToAsk, report: Report) -> Holdings:
    """Find out what is held, and say of what was named why it is not looked for."""
    every = {project.name: project for project in held_projects(directory.catalogue, mirror.private)}
    for name in sorted(whom.names - every.keys()):
        raise NotHeld(name)
    refused = {name: reason for name in every if (reason := _refusal(every[name], whom))}
    if directory is not mirror.repository:
        ours = (name for name in every.keys() - refused.keys() if mirror.private_names.is_ours(name))
        refused |= dict.fromkeys(ours, _UPLOADED)
    for name in sorted(refused.keys() & whom.names):
        _tell_refused(every[name], refused[name], report)
    return Holdings(every, refused)


def _refusal(project: HeldProject, whom: WhomToAsk) -> str | None:
    """Say why no upstream may be asked about a project, or why there is nothing to ask."""
    if project.owner is NameOwner.PRIVATE:
        return "it is private"
    if project.owner is NameOwner.UPLOADED:
        return _UPLOADED
    if project.owner is NameOwner.KEPT:
        return "it has an owner here, or was uploaded here once"
    if project.name in whom.ignored:
        return "it is on the list of what is left alone"
    if not may_be_looked_for(project.owner, copied_in=whom.copied_in):
        return "it was copied in, and only what was mirrored is looked at"
    return None if project.have is not None else "none of its versions can be compared"


def _tell_refused(project: HeldProject, reason: str, report: Report) -> None:
    if project.owner is NameOwner.PRIVATE:
        held = (HeldVersion(None, HoldReason.PRIVATE.value),)
        report(UpdateEvent(project.name, str(project.have or ""), held=held))
    report(WarningEvent(f"{project.name} is not looked for: {reason}", project=project.name))


@dataclass(frozen=True, slots=True)
class UpdateSurvey:
    """What upstreams have of the projects that they were asked for."""

    projects: Mapping[NormalizedName, HeldProject]
    answers: Offers
    record: MirrorRecord
    terms: UpdateTerms
    # A page has hundreds of files: their names are read once, and judged once for each question.
    _files: dict[NormalizedName, tuple[Candidate, ...]] = field(default_factory=dict, repr=False)
    _judged: dict[object, JudgedProject | None] = field(default_factory=dict, repr=False)

    def files(self, name: NormalizedName) -> tuple[Candidate, ...]:
        """Return everything that an upstream has of a project."""
        if name not in self._files:
            self._files[name] = self.answers.found[name].candidates(self.record)
        return self._files[name]

    def judged(
        self, name: NormalizedName, have: Version | None = None, targets: Iterable[Target] | None = None
    ) -> JudgedProject | None:
        """Judge what is newer than a release, or than the highest; None: nothing is to be believed."""
        offered, held = self.answers.found.get(name), self.projects.get(name)
        have = have or (held.have if held is not None else None)
        if offered is None or held is None or have is None:
            return None
        terms = self.terms if targets is None else replace(self.terms, targets=tuple(targets))
        question = (name, have, terms.targets)
        if question not in self._judged:
            wants = looked_at(held, have)
            known = self._files.get(name)
            files = (
                offered.candidates(self.record, wants)
                if known is None
                else tuple(file for file in known if wants(file.version))
            )
            self._judged[question] = judge_project(held, offered, files, terms, have)
        return self._judged[question]

    def believes(self, name: NormalizedName) -> bool:
        """Tell whether what was answered is of the project that is here, and no stranger's."""
        return name in self.answers.found and (not self.projects[name].files or self.judged(name) is not None)

    def joined(self, other: UpdateSurvey) -> UpdateSurvey:
        """Return this survey with another one's answers."""
        mine, theirs = self.answers, other.answers
        answers = Offers(
            {**mine.found, **theirs.found},
            {**mine.failed, **theirs.failed},
            {**mine.unasked, **theirs.unasked},
        )
        projects = {**self.projects, **other.projects}
        return UpdateSurvey(projects, answers, self.record, self.terms, self._files, self._judged)


def ask_for(
    mirror: Mirror, projects: Mapping[NormalizedName, HeldProject], terms: UpdateTerms, report: Report
) -> UpdateSurvey:
    """Ask the upstreams for projects, and tell which of them failed."""
    answers = ask_upstreams(
        projects, mirror.sessions, mirror.record, mirror.stop, mirror.progress, mirror.pages
    )
    for name, error in answers.failed.items():
        report(_unanswered(projects[name], error))
    for warning in answers.warnings():
        report(warning)
    return UpdateSurvey(projects, answers, mirror.record, terms)


def _unanswered(project: HeldProject, error: PypitoolError) -> ProjectEvent | WarningEvent:
    """Say that nothing was found out about a project; that nobody has what was copied in is no failure."""
    if isinstance(error, NoSuchProject) and project.owner is NameOwner.COPIED:
        return WarningEvent(f"no upstream has {project.name}, which was copied in", project=project.name)
    return ProjectEvent(project.name, error.kind, str(error))

"""Private names: the projects that no upstream may hear of, configured as such or uploaded here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from pypitool.catalogue.catalogue import Reader
from pypitool.core.mirror.requirement_lines import RequirementLine
from pypitool.core.mirror.targets import Target
from pypitool.core.name_owner import is_private, owner_of
from pypitool.mirror.available import HeldFiles


@dataclass(frozen=True, slots=True)
class PrivateNames:
    """Tells which projects no upstream may hear of."""

    reader: Reader
    private: tuple[str, ...] = ()

    def are_there(self) -> bool:
        """Tell whether there may be any at all."""
        return bool(self.private) or bool(self.reader.kept_names())

    def is_ours(self, project: NormalizedName) -> bool:
        """Tell whether a project is ours: private by its name, by an upload, or by an owner."""
        if is_private(project, self.private):
            return True  # without a look at what is here
        held = self.reader.project(project)
        kinds = (file.origin.kind for file in (held.files if held is not None else ()))
        return owner_of(project, kinds, (), is_kept=self.reader.keeps(project)).is_us

    def public_lines(
        self, lines: Iterable[RequirementLine], targets: Sequence[Target]
    ) -> tuple[RequirementLine, ...]:
        """Return the lines that an upstream may see: in place of ours, what they depend on."""
        return tuple(self._outside(list(lines), targets))

    def _outside(self, lines: list[RequirementLine], targets: Sequence[Target]) -> Iterator[RequirementLine]:
        held_files, seen = HeldFiles(self.reader), set[str]()
        while lines:
            line = lines.pop(0)
            if not self.is_ours(canonicalize_name(line.requirement.name)):
                yield line
            elif str(line.requirement) not in seen:
                seen.add(str(line.requirement))
                lines.extend(
                    RequirementLine(needed, frozenset(), line.source)
                    for needed in _needs(held_files, line.requirement, targets)
                )


def _needs(
    held_files: HeldFiles, requirement: Requirement, targets: Sequence[Target]
) -> Iterator[Requirement]:
    fitting = [
        candidate
        for candidate in held_files.candidates(canonicalize_name(requirement.name))
        if requirement.specifier.contains(candidate.version, prereleases=True)
    ]
    if not fitting:
        return
    newest = max(fitting, key=lambda candidate: (not candidate.version.is_prerelease, candidate.version))
    extras = {"", *(canonicalize_name(extra) for extra in requirement.extras)}
    for needed in held_files.requires(newest) or ():
        if any(target.applies(needed.marker, extra) for target in targets for extra in extras):
            yield _without_extra_marker(needed)


def _without_extra_marker(requirement: Requirement) -> Requirement:
    # On a line of its own `extra == "x"` is false; that it was asked for has been decided here.
    if requirement.marker is None or "extra" not in str(requirement.marker):
        return requirement
    bare = Requirement(str(requirement))
    bare.marker = None
    return bare

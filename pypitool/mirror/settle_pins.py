"""Environments proved as they would be, by their own pins, before a file of them is written.

Where a file of a new release did not arrive, what that holds back keeps its pins too, if the rest is proven.
Files that two environments share are written for both or for none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.mirror.closure import AvailableFiles
from pypitool.core.mirror.joint_update import needed_by, to_be_added
from pypitool.core.mirror.pin_rewrite import AddedPin, NewPin, Rewritten, rewrite_pins
from pypitool.core.mirror.requirement_lines import LinePosition, RequirementLine
from pypitool.core.mirror.run_events import HoleEvent, WarningEvent, WrittenEvent
from pypitool.core.mirror.run_summary import ProvenSet
from pypitool.mirror.available import SetProof, prove_sets, proven_sets
from pypitool.mirror.joint_offers import JointOffers
from pypitool.mirror.pin_files import PinFile, lines_in, read_pin_file
from pypitool.mirror.sets import PinnedSet, SetRequest, pin_set
from pypitool.mirror.sync import Report
from pypitool.mirror.update_offers import UpdateOffer

Names = frozenset[NormalizedName]
Arrived = Callable[[UpdateOffer], bool]


@dataclass(frozen=True, slots=True)
class _Draft:
    """Environments and their files as they would be, with some projects left where they are."""

    files: Mapping[Path, Rewritten]
    sets: tuple[PinnedSet, ...]


@dataclass(frozen=True)
class PinsToSettle:
    """Environments that share files, or one alone."""

    joints: Sequence[JointOffers]
    environ: Mapping[str, str]

    def settle(
        self, available: AvailableFiles, arrived: Arrived, report: Report, *, writes: bool
    ) -> tuple[ProvenSet, ...]:
        """Prove the environments, and write their files if that holds; say where they install."""
        stays = self._not_arrived(arrived) | self._unhashed(report)
        draft, proofs = self._proven(stays, available)
        while stays and (more := self._held_back(_holes(proofs), stays)):
            stays |= more
            draft, proofs = self._proven(stays, available)
        found = _holes(proofs)
        for warning in (event for proof in proofs for event in proof.found):
            if isinstance(warning, WarningEvent):
                report(warning)
        if found:
            self._tell_refuted(found, report, tells_holes=not stays)
        elif writes:
            for path, rewritten in draft.files.items():
                _write(read_pin_file(path), rewritten, report)
        return proven_sets(proofs)

    def _proven(self, stays: Names, available: AvailableFiles) -> tuple[_Draft, tuple[SetProof, ...]]:
        draft = self._draft(stays)
        # What an attempt finds is not told: it may not be the last one.
        return draft, prove_sets(draft.sets, available, lambda event: None)

    def _draft(self, stays: Names) -> _Draft:
        files: dict[Path, Rewritten] = {}
        for joint in self.joints:
            pins, added = _pins(joint, stays), _added(joint, stays)
            for path in joint.moved.environment.files:
                before = files.get(path)
                text = before.text if before is not None else read_pin_file(path).text
                # Another set that has the file may have added it.
                named = {canonicalize_name(line.requirement.name) for line in lines_in(text, path, {})}
                after = rewrite_pins(text, pins, [pin for pin in added if pin.name not in named])
                added = [pin for pin in added if pin.name not in after.added]
                files[path] = _both(before, after)
        return _Draft(files, tuple(pin_set(self._request(joint, stays, files), {}) for joint in self.joints))

    def _request(self, joint: JointOffers, stays: Names, files: Mapping[Path, Rewritten]) -> SetRequest:
        environment = joint.moved.environment
        request = joint.moved.request(stays)
        if not environment.files:
            lines = (*request.inputs.wanted, *map(_line, _added(joint, stays)))
        else:
            others = (line for line in request.inputs.wanted if not environment.rewrites(line))
            own = (
                line for path in environment.files for line in lines_in(files[path].text, path, self.environ)
            )
            lines = (*others, *own)
        return replace(request, inputs=replace(request.inputs, wanted=lines))

    def _not_arrived(self, arrived: Arrived) -> Names:
        return frozenset(offer.name for joint in self.joints for offer in joint.wanted if not arrived(offer))

    def _unhashed(self, report: Report) -> Names:
        """Return the projects for whose new releases a file with hashes would need some that nobody knows."""
        found: dict[NormalizedName, str] = {}
        for joint in self.joints:
            pins = _pins(joint, frozenset())
            for name in _hashed(joint) & pins.keys():
                if not pins[name].sha256:
                    found[name] = f"{name} {pins[name].new}"
            for pin in _added(joint, frozenset()) if _hashed(joint) else ():
                if not pin.sha256:
                    found |= dict.fromkeys(pin.needed_by & pins.keys(), f"{pin.name} {pin.version}")
        for name, release in sorted(found.items()):
            report(WarningEvent(f"{name} stays: no sha256 is known of {release}", project=name))
        return frozenset(found)

    def _held_back(self, found: Iterable[HoleEvent], stays: Names) -> Names:
        """Choose what else has to stay so that these holes are none: who asks, else what is asked for."""
        moves = {name for joint in self.joints for name in joint.moved.moves} - stays
        culprits = set[NormalizedName]()
        for hole in found:
            asking = canonicalize_name(hole.required_by.rpartition(" ")[0] or "-")
            asked = canonicalize_name(Requirement(hole.requirement).name)
            culprits |= {next((name for name in (asking, asked) if name in moves), asked)} & moves
        return frozenset(culprits)

    def _tell_refuted(self, found: Iterable[HoleEvent], report: Report, *, tells_holes: bool) -> None:
        for hole in found if tells_holes else ():
            report(hole)
        for path in dict.fromkeys(path for joint in self.joints for path in joint.moved.environment.files):
            report(WarningEvent(f"{path} stays as it is: what it would pin does not install"))


def _holes(proofs: Iterable[SetProof]) -> list[HoleEvent]:
    return [event for proof in proofs for event in proof.found if isinstance(event, HoleEvent)]


def _hashed(joint: JointOffers) -> set[NormalizedName]:
    """Return the projects that lines with hashes pin, in files that are rewritten."""
    environment = joint.moved.environment
    return {
        canonicalize_name(line.requirement.name)
        for line in environment.request.inputs.wanted
        if line.hashes and environment.rewrites(line)
    }


def _pins(joint: JointOffers, stays: Collection[NormalizedName]) -> dict[NormalizedName, NewPin]:
    pins, files = joint.moved.environment.pins, _digests(joint)
    return {
        name: NewPin(pins[name], str(version), files.get(name, ()))
        for name, version in joint.moved.moves.items()
        if name not in stays
    }


def _added(joint: JointOffers, stays: Collection[NormalizedName]) -> list[AddedPin]:
    moved, digests = joint.moved, _digests(joint)
    needing = needed_by(joint.needs, moved.releases)
    names = to_be_added(moved.added, moved.moves.keys() - set(stays), needing)
    return [
        AddedPin(
            name, str(moved.releases[name]), needing, moved.answer.marker_of(name), digests.get(name, ())
        )
        for name, needing in names.items()
    ]


def _digests(joint: JointOffers) -> Mapping[NormalizedName, Sequence[str]]:
    return {
        offer.name: [file.sha256 for file in offer.choice.files if file.sha256 is not None]
        for offer in joint.wanted
        if offer.choice is not None
    }


def _line(pin: AddedPin) -> RequirementLine:
    marker = f" ; {pin.marker}" if pin.marker else ""
    requirement = Requirement(f"{pin.name}=={pin.version}{marker}")
    return RequirementLine(requirement, frozenset(), LinePosition("update", 1))


def _both(before: Rewritten | None, after: Rewritten) -> Rewritten:
    if before is None:
        return after
    return Rewritten(after.text, before.projects | after.projects, before.added | after.added)


def _write(file: PinFile, rewritten: Rewritten, report: Report) -> None:
    if rewritten.projects:
        file.replace(rewritten.text)
        projects, added = tuple(sorted(rewritten.projects)), tuple(sorted(rewritten.added))
        report(WrittenEvent(str(file.path), projects, added))

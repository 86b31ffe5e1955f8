"""Whether a catalogue still says what the log of facts says.

A flipped byte in a database may be another value that is as good: an uploader that is lost, a yank, an owner.
Only where the log says more is it believed: a line of it may be damaged too, and then the catalogue knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pypitool.catalogue.catalogue import Catalogue, Decisions, FileFact, Reader
from pypitool.catalogue.facts import FactLog, Skipped
from pypitool.catalogue.replay import fold
from pypitool.core.model import HeldFile, Origin


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One thing that a catalogue says otherwise than the log."""

    subject: str
    reason: str
    file: HeldFile | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of them, and the decisions that would mend the catalogue."""

    found: list[Contradiction] = field(default_factory=list)
    decisions: Decisions = field(default_factory=Decisions)

    def note(self, subject: str, reason: str, file: HeldFile | None = None) -> None:
        """Add one."""
        self.found.append(Contradiction(subject, reason, file))


def compare_with_log(catalogue: Reader, facts: FactLog) -> Comparison:
    """Compare a catalogue with the whole log; what is decided meanwhile is no contradiction."""
    comparison = _compare(catalogue, facts)
    if not comparison.found:
        return comparison
    again = _compare(catalogue, facts)
    again.found[:] = [one for one in again.found if one in comparison.found]
    return again


def mend_by_log(catalogue: Catalogue, facts: FactLog) -> list[Contradiction]:
    """Make a catalogue say what the log says, and return what it said otherwise."""
    if not _compare(catalogue, facts).found:
        return []
    with facts.locked():  # not before: reading a long log takes seconds
        comparison = _compare(catalogue, facts)
        catalogue.replay(comparison.decisions, catalogue.facts_end())
    return comparison.found


def _compare(catalogue: Reader, facts: FactLog) -> Comparison:
    comparison = Comparison()
    logged = fold(facts.replay(skipped=_pass_over))
    for file, arrival, yank in _of_files(catalogue, logged):
        _compare_arrival(comparison, file, arrival)
        _compare_yank(comparison, file, yank)
    _compare_projects(comparison, catalogue, logged)
    _compare_tokens(comparison, catalogue, logged)
    return comparison


def _pass_over(_skipped: Skipped) -> None:
    """Whoever replays the log, and `doctor`, tell of lines that cannot be applied."""


def _of_files(
    catalogue: Reader, logged: Decisions
) -> Iterator[tuple[HeldFile, FileFact | None, FileFact | None]]:
    """Find what the log says of each file, but of those of which a deletion is the last word."""
    for file in catalogue.files():
        sha256 = file.contents.digests.sha256
        if (file.filename, sha256) not in logged.deleted:
            yield file, logged.arrivals.get(file.filename, {}).get(sha256), logged.yanks.get(file.filename)


def _compare_arrival(comparison: Comparison, file: HeldFile, arrival: FileFact | None) -> None:
    if arrival is None or (arrival.origin, arrival.upload_time) == (file.origin, file.upload_time):
        return
    said, logged = _words(file.origin, file.upload_time), _words(arrival.origin, arrival.upload_time)
    reason = f"the catalogue says {said}, the log {logged}"
    comparison.note(file.filename, reason, file)
    comparison.decisions.arrivals.setdefault(file.filename, {})[str(arrival.sha256)] = arrival


def _words(origin: Origin | None, moment: str | None) -> str:
    kind = "nothing" if origin is None else f"{origin.kind.value} {origin.detail}".rstrip()
    return f"{kind} at {moment}"


def _compare_yank(comparison: Comparison, file: HeldFile, yank: FileFact | None) -> None:
    if yank is None or yank.yanked is None or yank.yanked == file.yanked:
        return
    comparison.note(file.filename, "the log says that it is yanked, the catalogue otherwise", file)
    comparison.decisions.yanks[file.filename] = yank


def _compare_projects(comparison: Comparison, catalogue: Reader, logged: Decisions) -> None:
    for project, owners in logged.owners.items():
        if set(owners) != set(catalogue.owners(project)):
            whose = ", ".join(sorted(owners)) or "nobody"
            comparison.note(project, f"the log says that it belongs to {whose}")
            comparison.decisions.owners[project] = owners
    for project, status in logged.statuses.items():
        if catalogue.status(project) != status:
            comparison.note(project, f"the log says that it is {status[0].value}")
            comparison.decisions.statuses[project] = status


def _compare_tokens(comparison: Comparison, catalogue: Reader, logged: Decisions) -> None:
    for token_hash, at in logged.revoked.items():
        token = catalogue.token(token_hash)
        if token is not None and token.revoked is None:
            comparison.note(token.who, f"the log says that it was revoked at {at}")
            comparison.decisions.revoked[token_hash] = at

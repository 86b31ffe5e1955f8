"""The runs of the mirror, as its record in the state has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.state_files import StateFiles
from pypitool.manage.action import Reply

if TYPE_CHECKING:
    from pypitool.mirror.record import MirrorRecord, Run


_NO_NUMBER_OF_A_DATABASE = 2**63


class NoSuchRun(PypitoolError):
    """A run that is not on record."""

    kind = Kind.NOT_FOUND
    sentence = "there is no run {number}"
    hint = "`pypitool runs` lists those that are"
    number: int


@dataclass(frozen=True, slots=True)
class Runs:
    """Look at what each run of the mirror did; no trace is left in the state.

    A server, whose own it is, reads it where it lies: it may be large, and a copy would be its workers'.
    """

    state: Path
    is_own: bool = False

    def listed(self) -> Reply:
        """Return every run, newest first."""
        with self._record() as record:
            return Reply([_document(run) for run in record.runs()])

    def run(self, number: int) -> Reply:
        """Return one run with its events."""
        with self._record() as record:
            found = record.run(number) if number < _NO_NUMBER_OF_A_DATABASE else None
            if found is None:
                raise NoSuchRun(number)
            return Reply({**_document(found), **_sets(found), "events": list(record.events(number))})

    @contextmanager
    def _record(self) -> Iterator[MirrorRecord]:
        # Imported here: a server that is asked for no runs does not pay for it.
        from pypitool.mirror.record import MirrorRecord

        file = StateFiles(self.state).mirror
        with closing(MirrorRecord(file, scratch=not self.is_own, reading=self.is_own)) as record:
            yield record


def _sets(run: Run) -> dict[str, Any]:
    sets = run.summary.sets if run.summary is not None else ()
    return {"sets": [dict(one.as_json()) for one in sets]} if sets else {}


def _document(run: Run) -> dict[str, Any]:
    summary = run.summary
    return {
        "run": run.number,
        "command": run.command,
        "started": run.started,
        "seconds": summary and round(summary.seconds, 3),
        "exit_code": summary and summary.exit_code,
        "fetched": summary and summary.tally.fetched,
        "bytes": summary and summary.tally.bytes,
        "failed": summary and summary.tally.failed,
        "holes": summary and summary.tally.holes,
    }

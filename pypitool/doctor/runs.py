"""The runs of the mirror: how the last of each command ended."""

from __future__ import annotations

from collections.abc import Iterator

from pypitool.core.diagnosis.finding import Finding
from pypitool.core.diagnosis.running import of_runs
from pypitool.doctor.patient import Patient


def look(patient: Patient) -> Iterator[Finding]:
    """Look at the record, if the mirror has ever run."""
    from pypitool.manage.runs import RunsHere
    from pypitool.mirror.record import RECORD_FILE

    state = patient.state
    if (state / RECORD_FILE).exists():
        yield from of_runs(RunsHere(state).listed())

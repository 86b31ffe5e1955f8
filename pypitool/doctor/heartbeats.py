"""The keeper: its last sign of life."""

from __future__ import annotations

from collections.abc import Iterator

from pypitool.core.diagnosis.finding import Finding
from pypitool.core.diagnosis.running import of_keeper
from pypitool.doctor.patient import Patient
from pypitool.repository.contact import read_heartbeat


def look(patient: Patient) -> Iterator[Finding]:
    """Judge the keeper of a state; where there is no state yet, nobody has to be at work."""
    state = patient.state
    if not state.is_dir():
        return
    heartbeat = read_heartbeat(state)
    if heartbeat is None:
        yield from of_keeper(str(state), None)
        return
    age = heartbeat.age(patient.now.timestamp())
    yield from of_keeper(str(state), age, lag=heartbeat.lag, is_watched=heartbeat.watched)

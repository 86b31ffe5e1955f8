"""The configuration: every fault of it."""

from __future__ import annotations

from collections.abc import Iterator

from pypitool.access.rules_file import read_record
from pypitool.config.secrets import unreadable
from pypitool.core.diagnosis.configuration import config_invalid, rules_stale
from pypitool.core.diagnosis.finding import Finding
from pypitool.core.diagnosis.running import DEAD_AFTER
from pypitool.doctor.patient import Patient
from pypitool.repository.contact import read_heartbeat


def look(patient: Patient) -> Iterator[Finding]:
    """Name every fault, and whether the server says that it goes on with what the file said before."""
    for fault in patient.faults:
        subject = ": ".join(part for part in (fault.source, fault.path) if part)
        yield config_invalid(subject or "the command line", fault.message)
    for fault in unreadable((*patient.settings.upstreams, *patient.settings.remotes)):
        yield config_invalid(fault.path, fault.message)
    heartbeat, record = read_heartbeat(patient.state), read_record(patient.state)
    is_served = heartbeat is not None and heartbeat.age(patient.now.timestamp()) <= DEAD_AFTER
    if is_served and record is not None and record.fault is not None:
        yield rules_stale(record.fault)

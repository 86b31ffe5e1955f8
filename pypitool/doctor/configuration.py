"""The configuration: every fault of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pypitool.config.secrets import unreadable
from pypitool.core.diagnosis.configuration import config_invalid, rules_stale
from pypitool.core.diagnosis.finding import Finding
from pypitool.core.diagnosis.running import DEAD_AFTER
from pypitool.doctor.patient import Patient
from pypitool.heartbeat import read_heartbeat


def look(patient: Patient) -> Iterator[Finding]:
    """Name every fault, and whether a server goes on with what the file said before."""
    for fault in patient.faults:
        subject = ": ".join(part for part in (fault.source, fault.path) if part)
        yield config_invalid(subject or "the command line", fault.message)
    for fault in unreadable((*patient.settings.upstreams, *patient.settings.remotes)):
        yield config_invalid(fault.path, fault.message)
    heartbeat = read_heartbeat(patient.state)
    if patient.faults and heartbeat is not None and heartbeat.age(time.time()) <= DEAD_AFTER:
        yield rules_stale(patient.faults[0].source)

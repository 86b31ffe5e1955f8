"""`pypitool doctor`: look at everything, write nothing, and say what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pypitool.core.diagnosis.finding import Finding, ordered
from pypitool.core.errors import PypitoolError
from pypitool.doctor import (
    certificates,
    configuration,
    directories,
    heartbeats,
    held,
    passwords,
    rights,
    runs,
    units,
    upstreams,
)
from pypitool.doctor.patient import Patient

Check = Callable[[Patient], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "the configuration": configuration.look,
    "the directories": directories.look,
    "the catalogue": held.look,
    "the keeper": heartbeats.look,
    "the password file": passwords.look,
    "the rules": rights.look,
    "the certificate": certificates.look,
    "systemd": units.look,
    "the runs": runs.look,
    "the upstreams": upstreams.look,
}


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, and what could not be looked at."""

    findings: list[Finding]
    unseen: list[str]


def examine(patient: Patient) -> Examination:
    """Look at everything; what cannot be looked at does not keep the rest from being seen."""
    findings: list[Finding] = []
    unseen: list[str] = []
    for name, look in CHECKS.items():
        try:
            findings.extend(look(patient))
        except (PypitoolError, OSError) as error:
            unseen.append(f"{name} could not be looked at: {error}")
    return Examination(ordered(findings), unseen)

"""`pypitool doctor`: look at everything, write nothing, and say what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pypitool.core.guard import Guard
from pypitool.doctor import configuration, fact_log, outside, people, places, running, through
from pypitool.doctor.context import Context
from pypitool.doctor.finding import Finding, ordered

Check = Callable[[Context], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "the configuration": configuration.look_at_configuration,
    "the directories": places.look_at_directories,
    "the catalogue": places.look_at_catalogue,
    "the log of facts": fact_log.look_at_facts,
    "the keeper": running.look_at_keeper,
    "the password file": people.look_at_passwords,
    "the rules": people.look_at_rules,
    "the certificate": configuration.look_at_certificate,
    "whom it trusts": configuration.look_at_trust,
    "systemd": running.look_at_units,
    "the runs": running.look_at_runs,
    "the upstreams": outside.look_at_upstreams,
    "the proxy": through.look_through,
}


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, and what could not be looked at."""

    findings: list[Finding]
    unseen: list[str]


def examine(context: Context) -> Examination:
    """Look at everything; what cannot be looked at does not keep the rest from being seen."""
    findings: list[Finding] = []
    unseen: list[str] = []
    for name, look in CHECKS.items():
        found, fault = _look(look, context)
        findings.extend(found)
        if fault:
            unseen.append(f"{name} could not be looked at: {fault}")
    return Examination(ordered(findings), unseen)


def _look(look: Check, context: Context) -> tuple[list[Finding], str]:
    """Return what a check finds up to its end, or until it fails, and why it does."""
    found: list[Finding] = []

    def see() -> str:
        found.extend(look(context))
        return ""

    return found, Guard.turn(see, str)

"""The configuration: every fault of it.

What is wrong with the configuration itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from pypitool.access.rules_file import read_record
from pypitool.config.secrets import unreadable
from pypitool.doctor.context import Context
from pypitool.doctor.finding import Finding, error
from pypitool.doctor.running import DEAD_AFTER
from pypitool.repository.contact import read_heartbeat


def look(context: Context) -> Iterator[Finding]:
    """Name every fault, and whether the server says that it goes on with what the file said before."""
    for fault in context.faults:
        subject = ": ".join(part for part in (fault.source, fault.path) if part)
        yield config_invalid(subject or "the command line", fault.message)
    for fault in unreadable((*context.settings.upstreams, *context.settings.remotes)):
        yield config_invalid(fault.path, fault.message)
    heartbeat, record = read_heartbeat(context.state), read_record(context.state)
    is_served = heartbeat is not None and heartbeat.age(context.now.timestamp()) <= DEAD_AFTER
    if is_served and record is not None and record.fault is not None:
        yield rules_stale(record.fault)


def config_invalid(subject: str, what: str) -> Finding:
    """Say that a value cannot be used."""
    why = "the server and the commands refuse to start with it"
    return error(
        "config-invalid", subject, what, why, "correct it; `pypitool config check` names every fault"
    )


def rules_stale(fault: str) -> Finding:
    """Say that a server goes on with rules that are no longer written anywhere."""
    return error(
        "rules-stale", "rules", f"the running server keeps the last good rules: {fault}",
        "who may what is not what the file says", "correct the file: it is read anew within a second",
    )  # fmt: skip

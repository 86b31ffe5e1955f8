"""What is wrong with the configuration itself."""

from __future__ import annotations

from pypitool.core.diagnosis.finding import Finding, error


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

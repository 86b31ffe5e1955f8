"""The units of systemd, where there is one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from shutil import which

from pypitool.core.diagnosis.finding import Finding
from pypitool.core.diagnosis.running import of_units
from pypitool.doctor.patient import Patient

_LONGEST = 5.0


def look(patient: Patient) -> Iterator[Finding]:
    """Ask systemd which of our units have failed."""
    program = which("systemctl", path=patient.environ.get("PATH"))
    if program is None:
        return
    words = [program, "list-units", "--failed", "--plain", "--no-legend", "--full", "pypitool*"]
    try:
        ended = subprocess.run(
            words, capture_output=True, text=True, timeout=_LONGEST, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return  # a systemd that does not answer is nothing that we could judge
    if ended.returncode == 0:
        yield from of_units(ended.stdout)

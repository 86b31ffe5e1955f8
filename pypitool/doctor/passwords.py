"""The password file: there, readable, for nobody else's eyes, and with good hashes."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from pypitool.access.errors import PasswordFileUnreadable
from pypitool.access.htpasswd import accounts
from pypitool.core.diagnosis.finding import Finding
from pypitool.core.diagnosis.people import password_weak, passwords_exposed, passwords_missing
from pypitool.doctor.patient import Patient


def look(patient: Patient) -> Iterator[Finding]:
    """Look at the password file, where there is to be one."""
    path = patient.settings.auth.passwords
    if path is None:
        return
    try:
        known = accounts(path)
    except PasswordFileUnreadable as error:
        yield passwords_missing(str(path), str(error))
        return
    if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        yield passwords_exposed(str(path))
    for account in known:
        if account.scheme is None or account.is_weak:
            yield password_weak(account.user, account.scheme)

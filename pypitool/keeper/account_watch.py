"""Ends the personal tokens of users who are gone from the password file, by whoever's hand."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from pypitool.access.htpasswd import PasswordTable, parse
from pypitool.catalogue.facts import local_actor
from pypitool.host import FileStamp, file_stamp
from pypitool.repository.repository import Repository
from pypitool.repository.tokens import end_personal

# Between a look and a look that changes nothing a token may be made whose owner is being removed.
_AGAIN = 60.0

_log = logging.getLogger(__name__)


class AccountWatch:
    """Follows a password file. Who may log in is not asked here: the server asks that at each request."""

    def __init__(self, repository: Repository, passwords: Path) -> None:
        self._repository = repository
        self._passwords = passwords
        self._seen: FileStamp | None = None
        self._settled: FileStamp | None = None
        self._due = 0.0

    def look(self) -> None:
        """Look at the file; a change counts at the second look that finds it unchanged.

        It cannot be taken back, and a program that writes the file in place has it empty for a moment.
        """
        stamp = self._stamp()
        if stamp is None or stamp != self._seen:
            self._seen = stamp
            return
        if stamp == self._settled and time.monotonic() < self._due:
            return
        table = self._read()
        if table is None or self._stamp() != stamp:
            return
        self._end_others(table)
        self._settled, self._due = stamp, time.monotonic() + _AGAIN

    def _end_others(self, table: PasswordTable) -> None:
        def is_gone(user: str | None) -> bool:
            return user is not None and user not in table.hashes

        ended = end_personal(
            self._repository, local_actor(), lambda token: is_gone(token.user), "its owner is gone"
        )
        for one in ended:
            _log.warning(
                "the token %s is revoked: its owner is gone from the password file", one.listed.token.shown
            )

    def _read(self) -> PasswordTable | None:
        """Return who is in the file; None where that cannot be said: nobody is gone then."""
        try:
            table = parse(self._passwords.read_bytes())
        except OSError:  # the server says it, and refuses everybody meanwhile
            return None
        return None if table.faulty_lines else table

    def _stamp(self) -> FileStamp | None:
        try:
            return file_stamp(os.stat(self._passwords))
        except OSError:
            return None

"""The htpasswd file as it is now: one `stat` tells, and a broken file changes nothing."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

from pypitool.accounts.hashes import WEAK, PasswordHashes
from pypitool.accounts.table import Table, parse

log = logging.getLogger(__name__)

Stamp = tuple[int, int, int, int]

# Two writes within one tick of the file system's clock leave the same stat: a file this young
# (a second, where only whole seconds are kept) is read again before its stat is trusted.
TICK_NS = 50_000_000
COARSE_TICK_NS = 2_000_000_000


class PasswordFile:
    """Give the users of a password file, and say once what is wrong with it."""

    def __init__(self, path: Path, hashes: PasswordHashes) -> None:
        self.path = path
        self._hashes = hashes
        self._table = Table()
        self._has_good = False
        self._last_body: bytes | None = None
        self._stamp: Stamp | None = None
        self._said = ""
        self._reading = threading.Lock()

    def current(self) -> Table:
        """Return the users now. The same object means: nothing has changed."""
        try:
            stat = os.stat(self.path)
        except OSError as error:
            self._stamp = None
            self._complain(f"cannot be read ({error.strerror})")
            return self._table
        if (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino) != self._stamp:
            self._read()
        return self._table

    def _read(self) -> None:
        with self._reading:
            try:
                with open(self.path, "rb") as file:
                    stat = os.fstat(file.fileno())
                    body = file.read()
            except OSError as error:
                self._complain(f"cannot be read ({error.strerror})")
                return
            self._take(body)
            self._stamp = _stamp_when_settled(stat)

    def _take(self, body: bytes) -> None:
        table = parse(body)
        if table.faulty_lines:
            lines = ", ".join(map(str, table.faulty_lines[:5]))
            self._complain(f"is broken (no `name:hash` in line {lines})")
        else:
            self._said = ""
        if body == self._last_body or (table.faulty_lines and self._has_good):
            return
        self._last_body = body
        self._has_good = not table.faulty_lines
        self._table = table
        self._judge(table)

    def _complain(self, fault: str) -> None:
        if fault != self._said:
            self._said = fault
            keeps = "the last good one counts on" if self._has_good else "who is not known is refused"
            log.error("the password file `%s` %s: %s", self.path, fault, keeps)

    def _judge(self, table: Table) -> None:
        schemes = {user: self._hashes.scheme(stored) for user, stored in table.hashes.items()}
        refused = sorted(user for user, scheme in schemes.items() if scheme is None)
        weak = sorted({WEAK[scheme] for scheme in schemes.values() if scheme in WEAK})
        if refused:
            log.error(
                "in `%s` the password of %s is in plain text or of an unknown kind: refused",
                self.path,
                ", ".join(map(repr, refused[:5])),
            )
        if weak:
            log.warning(
                "`%s` holds weak hashes (%s); `pypitool user add NAME` writes bcrypt",
                self.path,
                ", ".join(weak),
            )


def _stamp_when_settled(stat: os.stat_result) -> Stamp | None:
    tick = TICK_NS if stat.st_mtime_ns % 1_000_000_000 else COARSE_TICK_NS
    if abs(time.time_ns() - stat.st_mtime_ns) < tick:
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino

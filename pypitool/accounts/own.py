"""Accounts that are kept elsewhere: a callable of the house's own says who is who."""

from __future__ import annotations

import time
from collections.abc import Callable

from pypitool.accounts.errors import VerificationFailed
from pypitool.accounts.table import Table
from pypitool.accounts.verified import Remembered, Verified
from pypitool.accounts.verifying import Credentials

# It cannot tell us that somebody was removed, so nobody is believed for long without asking again.
KEPT_SECONDS = 60.0


class OwnAccounts:
    """Ask `verify(user, password)`, and ask it rarely: a single install makes hundreds of requests."""

    def __init__(
        self, verify: Callable[[str, str], bool], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._verify = verify
        self._verified = Verified(clock)
        self._table = Table()

    def recall(self, header: str) -> Remembered | None:
        """Return what is known of this Authorization header, without asking."""
        return self._verified.recall(header, self._table)

    def admit(self, credentials: Credentials) -> bool:
        """Ask whether these credentials are right, and remember a yes."""
        try:
            right = bool(self._verify(credentials.user, credentials.password))
        except Exception as error:  # foreign code, with a network behind it perhaps: it may raise anything
            raise VerificationFailed from error
        if right:
            self._verified.accept(credentials.header, credentials.user, self._table, seconds=KEPT_SECONDS)
        return right

    def knows(self, user: str) -> bool:
        """Say yes: nobody can be asked about without a password."""
        return True

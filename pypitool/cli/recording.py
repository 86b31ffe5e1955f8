"""What commands record besides what they change."""

from __future__ import annotations

from collections.abc import Callable

from pypitool.cli.invocation import Invocation

ADDED, REMOVED = "user-add", "user-remove"


def user_record(invocation: Invocation, what: str, user: str) -> Callable[[], None]:
    """Return what records a change of the password file, in the state of the server that reads the file.

    Where there is no state, nothing is served, and nothing recorded.
    """

    def record() -> None:
        from pypitool.core.fact import Fact
        from pypitool.facts import FactLog, local_actor
        from pypitool.state import StateFiles, find_state

        server = invocation.load().settings.server
        state = find_state(server.packages, server.state, invocation.environ)
        if state is not None:
            log = FactLog(StateFiles(state).facts)
            log.append(Fact(what, local_actor(), details={"user": user}))

    return record

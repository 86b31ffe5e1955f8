"""The rules of a running server: each process follows the file of its configuration."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pypitool.access.rules_file import LOOK_EVERY, RulesWatch
from pypitool_server.access.access import Access


class LiveRules:
    """Lets the rules of one process follow the file of its configuration."""

    def __init__(
        self, watch: RulesWatch, access: Access, *, tell: Callable[[RulesWatch], None] | None = None
    ) -> None:
        self.watch = watch
        self._access = access
        self._tell = tell

    def start(self) -> None:
        """Read the file, and follow it; not before the last fork, which would leave the thread behind."""
        # What was handed to us may be older than the file: what it took away must not come back.
        if self.watch.read():
            self._take()
        threading.Thread(target=self._run, name="rules", daemon=True).start()

    def look(self) -> None:
        """Let the rules count that the file has now."""
        if self.watch.look():
            self._take()

    def _take(self) -> None:
        self._access.follow(self.watch.settings)
        if self._tell is not None:
            self._tell(self.watch)

    def _run(self) -> None:
        waiting = threading.Event()
        while not waiting.wait(LOOK_EVERY):
            self.look()

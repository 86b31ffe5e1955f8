"""The parent's view of the file: it tells what is new, and what workers that it starts begin with."""

from __future__ import annotations

import math
import time
from pathlib import Path

from pypitool.access.rules_file import LOOK_EVERY, RulesWatch
from pypitool.config.live import Source, with_live
from pypitool.config.settings import Settings
from pypitool_server.rules_news import RulesTeller


class Following:
    """Follows the file of one configuration, if there is one to follow."""

    def __init__(self, source: Source | None, settings: Settings, state: Path) -> None:
        self.source = source
        self.due = math.inf if source is None else time.monotonic() + LOOK_EVERY
        self._watch = None if source is None else RulesWatch(source, settings)
        self._teller = None if self._watch is None else RulesTeller(state, self._watch)

    def begin(self) -> None:
        """Say what counts from now on."""
        if self._teller is not None:
            self._teller.begin()

    def tend(self) -> None:
        """Look at the file when it is time."""
        if self._watch is None or self._teller is None or time.monotonic() < self.due:
            return
        self.due = time.monotonic() + LOOK_EVERY
        if self._watch.look():
            self._teller.tell(self._watch)

    def live(self, settings: Settings) -> Settings:
        """Return settings with what has changed since: a worker that is replaced has nothing back."""
        return settings if self._watch is None else with_live(settings, self._watch.settings)

    def anew(self, settings: Settings, state: Path) -> Following:
        """Return what follows the configuration as it was read again."""
        return Following(None if self.source is None else self.source.now(), settings, state)

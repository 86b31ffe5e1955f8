"""What is told of the rules of a running server: each change once.

The parent's view of the file: it tells what is new, and what workers that it starts begin with.
"""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path

from pypitool.access.rules import rules_of
from pypitool.access.rules_file import LOOK_EVERY, RulesRecord, RulesWatch, write_record
from pypitool.config.live import ConfigSource, with_live
from pypitool.config.settings import Settings

log = logging.getLogger(__name__)


class RulesTeller:
    """Logs each change once, and leaves a record of it in the state."""

    def __init__(self, state: Path, watch: RulesWatch) -> None:
        self._state = state
        self._last = _record(watch)

    def begin(self) -> None:
        """Leave a record of what there is."""
        write_record(self._state, self._last)

    def tell(self, watch: RulesWatch) -> None:
        """Tell what is new."""
        last, self._last = self._last, _record(watch)
        if self._last == last:
            return
        write_record(self._state, self._last)
        if self._last.digest != last.digest:
            log.info("the rules were read again")
        if self._last.fault != last.fault:
            if self._last.fault is None:
                log.info("the configuration is right again")
            else:
                log.error("the rules stay as they were: %s", self._last.fault)
        if self._last.waiting and self._last.waiting != last.waiting:
            log.warning("%s: needs SIGHUP", ", ".join(f"`{path}`" for path in self._last.waiting))


def _record(watch: RulesWatch) -> RulesRecord:
    return RulesRecord(rules_of(watch.settings).digest, watch.fault, watch.waiting)


class Following:
    """Follows the file of one configuration, if there is one to follow."""

    def __init__(self, source: ConfigSource | None, settings: Settings, state: Path) -> None:
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

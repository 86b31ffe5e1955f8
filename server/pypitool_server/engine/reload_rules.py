"""The rules of a running server follow the file of its configuration, and each change is told once.

Every process looks at the file by itself, which costs 50 µs four times a second. To let workers wait for a
word of the parent was weighed: a file of the state cannot be written on a full disk, a pipe blocks the parent
at a worker that hangs, and what somebody was forbidden must count at once and everywhere.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pypitool.access.rules_file import LOOK_EVERY, RulesWatch
from pypitool.access.rules_record import RulesRecord, write_record
from pypitool.config.live import ConfigSource, with_live
from pypitool.config.settings import Settings
from pypitool.core.guard import Turns

log = logging.getLogger(__name__)


def follow(watch: RulesWatch, take: Callable[[], None]) -> None:
    """Read the file, and follow it in a thread; not before the last fork, which would leave that behind.

    `take` is called whenever anything about it is new.
    """
    # What was handed to us may be older than the file: what it took away must not come back.
    if watch.read():
        take()
    threading.Thread(target=_follow, args=(watch, take), name="rules", daemon=True).start()


def _follow(watch: RulesWatch, take: Callable[[], None]) -> None:
    def look() -> None:
        if watch.look():
            take()

    waiting = threading.Event()
    turns = Turns(lambda fault: log.error("the rules are not followed: %s", fault))
    while not waiting.wait(LOOK_EVERY):
        turns.take(look)


class FollowedRules:
    """The parent's view of the file: it tells what is new, and what workers that it starts begin with."""

    def __init__(self, source: ConfigSource, settings: Settings, state: Path) -> None:
        self.source = source
        self.due = time.monotonic() + LOOK_EVERY
        self._watch = RulesWatch(source, settings)
        self._state = state
        self._told = self._watch.record

    def begin(self) -> None:
        """Say what counts from now on."""
        write_record(self._state, self._told)

    def check(self) -> None:
        """Look at the file when it is time."""
        if time.monotonic() < self.due:
            return
        self.due = time.monotonic() + LOOK_EVERY
        if self._watch.look():
            self._told = tell_change(self._state, self._told, self._watch.record)

    def live(self, settings: Settings) -> Settings:
        """Return settings with what has changed since: a worker that is replaced has nothing back."""
        return with_live(settings, self._watch.settings)

    def anew(self, settings: Settings, state: Path) -> FollowedRules:
        """Return what follows the configuration as it was read again."""
        return FollowedRules(self.source.now(), settings, state)


def tell_change(state: Path, told: RulesRecord, now: RulesRecord) -> RulesRecord:
    """Log what is new and leave a record of it in the state; return what is told now."""
    if now == told:
        return now
    write_record(state, now)
    if now.digest != told.digest:
        log.info("the rules were read again")
    if now.fault != told.fault:
        if now.fault is None:
            log.info("the configuration is right again")
        else:
            log.error("the rules stay as they were: %s", now.fault)
    if now.waiting and now.waiting != told.waiting:
        log.warning("%s: needs SIGHUP", ", ".join(f"`{path}`" for path in now.waiting))
    return now

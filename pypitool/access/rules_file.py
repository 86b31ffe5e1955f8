"""The rules in the file of the configuration: they count within a second of a change, whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from pypitool.access.rules import rules_of
from pypitool.access.rules_record import RulesRecord
from pypitool.config.faults import BadConfiguration
from pypitool.config.live import ConfigSource, changed_keys, with_live
from pypitool.config.settings import Settings
from pypitool.host import FileStamp, file_stamp, is_settled

# A change is read at the second look that finds it unchanged: an editor may be in the middle of writing.
LOOK_EVERY = 0.25


class RulesWatch:
    """Keeps what may change live; a faulty file changes nothing, and neither does any other key."""

    def __init__(
        self, source: ConfigSource, settings: Settings, *, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.settings = settings  # what counts
        self.fault: str | None = None  # what is wrong with the file as it is now
        self.waiting: tuple[str, ...] = ()  # the keys that have changed, and take SIGHUP
        self._source = source
        self._began_with = settings
        self._clock_ns = clock_ns
        self._seen: tuple[FileStamp | None, ...] | None = None
        self._known: tuple[FileStamp | None, ...] | None = None

    @property
    def record(self) -> RulesRecord:
        """What there is to say of the rules that count."""
        return RulesRecord(rules_of(self.settings).digest, self.fault, self.waiting)

    def look(self) -> bool:
        """Look at the files, and tell whether anything about them is new."""
        stamps = self._stamps()
        if stamps == self._known:
            return False
        if stamps != self._seen:
            self._seen = stamps
            return False
        return self.read()

    def read(self) -> bool:
        """Read the files as they are now, and tell whether anything about them is new."""
        before = self._stamps()
        had = self.settings, self.fault, self.waiting
        try:
            fresh = self._source.load().settings
        except BadConfiguration as error:
            if self._stamps() == before:
                self.fault = str(error)
                self._known = before if self._are_settled(before) else None
            return had != (self.settings, self.fault, self.waiting)
        if self._stamps() != before:
            return False  # somebody writes: what was read may be half of it
        self._take(fresh)
        self._known = before if self._are_settled(before) else None
        return had != (self.settings, self.fault, self.waiting)

    def _take(self, fresh: Settings) -> None:
        self.fault = None
        self.settings = with_live(self.settings, fresh)
        self.waiting = changed_keys(with_live(self._began_with, fresh), fresh)

    def _stamps(self) -> tuple[FileStamp | None, ...]:
        return tuple(map(_stamp, self._source.files()))

    def _are_settled(self, stamps: tuple[FileStamp | None, ...]) -> bool:
        now = self._clock_ns()
        return all(stamp is None or is_settled(stamp, now) for stamp in stamps)


def _stamp(file: Path) -> FileStamp | None:
    try:
        return file_stamp(os.stat(file))
    except OSError:
        return None

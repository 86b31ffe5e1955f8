"""What is told of the rules of a running server: each change once."""

from __future__ import annotations

import logging
from pathlib import Path

from pypitool.access.rules import rules_of
from pypitool.access.rules_file import RulesRecord, RulesWatch, write_record

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

"""What the server says of its rules, in a small file of the state: for the keeper, and for `doctor`."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pypitool.catalogue.facts import FactLog, local_actor
from pypitool.core.fact import Fact, What
from pypitool.host import hand_over

NAME = "rules.json"


@dataclass(frozen=True, slots=True)
class RulesRecord:
    """Which rules count, and what keeps the file of the configuration from counting as it is."""

    digest: str
    fault: str | None = None  # the last good rules count on
    waiting: tuple[str, ...] = ()  # keys that take SIGHUP


def write_record(state: Path, record: RulesRecord) -> None:
    """Replace what was said before."""
    temporary = state / f".{NAME}.{os.getpid()}"
    # A full disk must not end who writes it: the rules count all the same.
    with suppress(OSError):
        temporary.write_text(json.dumps(asdict(record)))
        hand_over(temporary)
        temporary.replace(state / NAME)


def read_record(state: Path) -> RulesRecord | None:
    """Return what was said last, or None if nothing was."""
    try:
        document = json.loads((state / NAME).read_text())
        return RulesRecord(str(document["digest"]), document["fault"], tuple(document["waiting"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


class RulesHistory:
    """Puts on record that other rules count, once for each change; the keeper does this."""

    def __init__(self, state: Path, facts: FactLog) -> None:
        self._state = state
        self._facts = facts
        self._known: str | None = None

    def note(self) -> None:
        """Append a fact if the rules are other ones than those on record."""
        record = read_record(self._state)
        if record is None or record.digest == self._known:
            return
        last = self._facts.last(What.RULES.value)
        if last is None or last.details.get("digest") != record.digest:
            self._facts.append(Fact(What.RULES, local_actor(), details={"digest": record.digest}))
        self._known = record.digest

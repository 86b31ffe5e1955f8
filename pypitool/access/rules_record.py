"""The record of the rules: which ones count, said in a small file of the state, for the keeper and `doctor`.

Apart from the configuration that they come from: the keeper starts in half the time without that.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pypitool.catalogue.facts import FactLog, local_actor
from pypitool.core.fact import Fact, What
from pypitool.core.state_files import StateFiles
from pypitool.host import write_whole


@dataclass(frozen=True, slots=True)
class RulesRecord:
    """Which rules count, and what keeps the file of the configuration from counting as it is."""

    digest: str
    fault: str | None = None  # the last good rules count on
    waiting: tuple[str, ...] = ()  # keys that take SIGHUP


def write_record(state: Path, record: RulesRecord) -> None:
    """Replace what was said before."""
    # A full disk must not end who writes it: the rules count all the same.
    with suppress(OSError):
        write_whole(StateFiles(state).rules, json.dumps(asdict(record)).encode())


def read_record(state: Path) -> RulesRecord | None:
    """Return what was said last, or None if nothing was."""
    try:
        document = json.loads(StateFiles(state).rules.read_text())
        return RulesRecord(str(document["digest"]), document["fault"], tuple(document["waiting"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def note_rules(state: Path, facts: FactLog, known: str | None = None) -> str | None:
    """Put on record that other rules count than those `known`, once for each change; return which count.

    The keeper does this.
    """
    record = read_record(state)
    if record is None or record.digest == known:
        return known
    last = facts.last(What.RULES.value)
    if last is None or last.details.get("digest") != record.digest:
        facts.append(Fact(What.RULES, local_actor(), details={"digest": record.digest}))
    return record.digest

"""States in which somebody has decided something."""

from __future__ import annotations

from pathlib import Path

from pypitool.catalogue.facts import FactLog
from pypitool.core.fact import Actor, Fact, What
from pypitool.core.names import normalize
from pypitool.core.state_files import StateFiles

ANN = Actor("user:ann", "10.0.0.7", "password")
EARLY, MIDDLE, LATE = (f"2026-0{month}-01T00:00:00.000000Z" for month in (1, 2, 3))


def yank(project: str, at: str = EARLY, *, undo: bool = False) -> Fact:
    """A file of a project is yanked, or is no longer."""
    what = What.UNYANK if undo else What.YANK
    name = normalize(project)
    return Fact(what, ANN, name, "1.0", f"{name.replace('-', '_')}-1.0-py3-none-any.whl", reason="bad", at=at)


def decide(state: Path, *facts: Fact) -> None:
    """Put facts on record in a state directory."""
    state.mkdir(parents=True, exist_ok=True)
    FactLog(StateFiles(state).facts).append(*facts)


def decided(state: Path) -> list[tuple[str, str | None, str | None]]:
    """What is on record in a state directory."""
    log = FactLog(StateFiles(state).facts)
    return [(str(fact.what), fact.project, fact.at) for fact in log.replay()]

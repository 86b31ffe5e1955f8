"""The names of all files that we keep beside the packages; nobody else spells one.

What the loss of each costs is what divides them: decisions are lost for good, the catalogue is built anew,
and the rest is forgotten without a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HIDDEN = ".pypitool"  # in a package directory, and never listed: the state if it is nowhere else
INCOMING = f"{HIDDEN}/incoming"  # in each folder that takes files: they wait there for their names


@dataclass(frozen=True, slots=True)
class StateFiles:
    """The files of a state directory."""

    directory: Path

    @property
    def facts(self) -> Path:
        """What people decided, one fact a line: the only one that nothing can bring back."""
        return self.directory / "facts.jsonl"

    @property
    def roots(self) -> Path:
        """The package directories that this state belongs to."""
        return self.directory / "roots.json"

    @property
    def catalogue(self) -> Path:
        """What we hold; made anew from the facts and the directories."""
        return self.directory / "catalogue.sqlite"

    @property
    def mirror(self) -> Path:
        """What runs of the mirror learned; without it they take longer."""
        return self.directory / "mirror.sqlite"

    @property
    def stamps(self) -> Path:
        """What tells that a run of the mirror would change nothing."""
        return self.directory / "stamps"

    @property
    def activity(self) -> Path:
        """What changes often and may be lost."""
        return self.directory / "activity.sqlite"

    @property
    def downloads(self) -> Path:
        """Who got which file, one log a day."""
        return self.directory / "downloads"

    @property
    def counts(self) -> Path:
        """What several processes of one server count together."""
        return self.directory / "counts.bin"

    @property
    def rules(self) -> Path:
        """Which rules count, as the server says."""
        return self.directory / "rules.json"

    @property
    def rules_lock(self) -> Path:
        """Held by whoever says it."""
        return self.directory / "rules.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper, or by whoever scans in its place."""
        return self.directory / "keeper.lock"

    @property
    def keeper_life(self) -> Path:
        """The keeper's last sign of life."""
        return self.directory / "keeper.json"

    @property
    def keeper_inbox(self) -> Path:
        """The files that the keeper is asked to look at."""
        return self.directory / "keeper.asked"

    @property
    def catalogue_doubt(self) -> Path:
        """Is there when somebody met damage in the catalogue."""
        return self.directory / "catalogue.doubted"


@dataclass(frozen=True, slots=True)
class HiddenFiles:
    """What lies in the hidden folder of one package directory, wherever its state is."""

    root: Path

    @property
    def directory(self) -> Path:
        """The folder itself: the state directory unless another one is named."""
        return self.root / HIDDEN

    @property
    def pointer(self) -> Path:
        """Says where the state is, if it is not here."""
        return self.directory / "state-is-in"

    @property
    def mirror_lock(self) -> Path:
        """Held by a run of the mirror that writes into the directory."""
        return self.directory / "mirror.lock"

    @property
    def partial(self) -> Path:
        """Files that are being fetched, and those of fetches that were cut off."""
        return self.directory / "partial"

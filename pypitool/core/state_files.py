"""The names of all files that we keep beside the packages; nobody else spells one.

What the loss of each costs is what divides them.
"""

from __future__ import annotations

from pathlib import Path

HIDDEN = ".pypitool"  # in a package directory, and never listed: the state if it is nowhere else
SERVICE = Path("/var/lib/pypitool")  # the state, and the home, of the service that systemd runs
_POINTER = "state-is-in"
INCOMING = f"{HIDDEN}/incoming"  # in each folder that takes files: they wait there for their names


def torn_of(facts: Path) -> Path:
    """Return where the end of a line goes that a crash has cut off from a log of facts."""
    return facts.with_name(f"{facts.name}.torn")


class StateFiles:
    """The files of a state directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        # What people decided, one fact a line: the only one that nothing can bring back.
        self.facts = directory / "facts.jsonl"
        self.torn_facts = torn_of(self.facts)
        # What its log is called after another state has taken it over; and what that one has copied so far.
        self.moved_facts = directory / "facts.jsonl.moved"
        self.adopting = directory / "adopting"
        self.adopting_from = directory / "adopting.from"
        # Where that one is; the same as the note of a package directory, where the state is in its folder.
        self.pointer = directory / _POINTER
        # That a restore is about to put its files in place, and where they wait for it.
        self.restoring = directory / "restoring.json"
        # The package directories that this state belongs to.
        self.roots = directory / "roots.json"
        # What we hold; made anew from the facts and the directories.
        self.catalogue = directory / "catalogue.sqlite"
        # What runs of the mirror learned, and what tells that one would change nothing.
        self.mirror = directory / "mirror.sqlite"
        self.stamps = directory / "stamps"
        # What stood at the https addresses of requirements when the last `sync` asked there.
        self.inputs = directory / "inputs"
        # Who got which file, one log a day.
        self.downloads = directory / "downloads"
        # Wrong passwords, last uses of tokens, proofs that have been used: forgotten without harm.
        self.activity = directory / "activity.sqlite"
        # What several processes of one server count together.
        self.counts = directory / "counts.bin"
        # Which rules count, as the server says, and the lock of who says it.
        self.rules = directory / "rules.json"
        self.rules_lock = directory / "rules.lock"
        # Held by the keeper, or by whoever scans in its place; its last sign of life.
        self.keeper_lock = directory / "keeper.lock"
        self.keeper_life = directory / "keeper.json"
        # Held by whatever serves, several at once.
        self.server_lock = directory / "server.lock"
        # The files that the keeper is asked to look at; and that somebody met damage in the catalogue.
        self.keeper_inbox = directory / "keeper.asked"
        self.catalogue_doubt = directory / "catalogue.doubted"


class HiddenFiles:
    """What lies in the hidden folder of one package directory, wherever its state is."""

    def __init__(self, root: Path) -> None:
        # The state directory unless another one is named, and then what says which.
        self.directory = root / HIDDEN
        self.pointer = self.directory / _POINTER
        # What the directory is known by wherever it is mounted or moved to.
        self.mark = self.directory / "id"
        # Held by a run of the mirror that writes into the directory.
        self.mirror_lock = self.directory / "mirror.lock"
        # Files that are being fetched, and those of fetches that were cut off.
        self.partial = self.directory / "partial"

"""Why a state cannot be begun with, found or taken over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError


class StateUnusable(PypitoolError):
    """The state cannot live where it would."""

    kind = Kind.CONFIG
    ends_the_turn = True
    sentence = "cannot keep the state in {directory}: {reason}"
    hint = "give it a local directory that you may write with `--state DIR` or `[server] state`"
    directory: Path
    reason: str


class StateClosed(StateUnusable):
    """The state is another user's."""

    sentence = "cannot use the state in {directory}: it is another user's, and {reason}"
    hint = "run the command with sudo, or as that user"


class PackagesMissing(PypitoolError):
    """A package directory is not there."""

    kind = Kind.CONFIG
    sentence = "the package directory {root} does not exist"
    hint = "make it, or name the one that is served, with `--packages DIR` or as `[server] packages`"
    root: Path


class ForeignState(PypitoolError):
    """The state belongs to other package directories, or to the same ones in another order."""

    kind = Kind.CONFIG
    directory: Path
    recorded: Sequence[Path]
    asked: Sequence[Path]

    def __post_init__(self) -> None:
        packages = " ".join(f"--packages {root}" for root in self.asked)
        command = f"pypitool state adopt {self.directory} --state {self.directory} {packages}"
        self.hint = (
            f"if these are its packages now, `{command}` "
            "keeps all that was decided; other packages get a state of their own with `--state DIR`"
        )
        super().__post_init__()

    def __str__(self) -> str:
        if list(self.recorded) == list(self.asked):
            return (
                f"the state in {self.directory} belongs to what was at {_listed(self.recorded)}, "
                "and another directory is there now: its mark `.pypitool/id` is another one"
            )
        return (
            f"the state in {self.directory} belongs to {_listed(self.recorded)}, not to {_listed(self.asked)}"
        )


class StateTwice(PypitoolError):
    """Two directories have the same mark: one is a copy of the other, and nobody can tell which it is."""

    kind = Kind.CONFIG
    sentence = "the state in {directory} belongs to {recorded}, of which {asked} is a copy"
    hint = (
        "delete `.pypitool/id` and `.pypitool/state-is-in` in the copy, and give it a state of its own with "
        "`--state DIR`; or take the one that is not served away"
    )
    directory: Path
    recorded: Path
    asked: Path


class OtherState(PypitoolError):
    """What was decided lies in another state, which cannot be taken over."""

    kind = Kind.CONFIG
    directory: Path
    other: Path
    roots: Sequence[Path]
    reason: str

    def __post_init__(self) -> None:
        packages = " ".join(f"--packages {root}" for root in self.roots)
        self.hint = (
            "nothing was made; stop what uses the other one, then run "
            f"`sudo pypitool state adopt {self.other} --state {self.directory} {packages}`"
        )
        super().__post_init__()

    def __str__(self) -> str:
        return (
            f"what was decided about {_listed(self.roots)} is in the state {self.other}, "
            f"and {self.directory} cannot take it over: {self.reason}"
        )


class StateLost(PypitoolError):
    """The note in a package directory leads to no state."""

    kind = Kind.CONFIG
    sentence = "the state of {root} is in {noted}, as {note} says, and there is none"
    hint = (
        "bring it back, or name it with `--state DIR`; without {note} a new one begins, which knows nothing"
    )
    root: Path
    noted: Path
    note: Path


class CannotAdopt(PypitoolError):
    """A state cannot be taken over just now."""

    kind = Kind.CONFIG
    sentence = "cannot take over the state in {other}: {reason}"
    other: Path
    reason: str
    hint: str | None = None


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))

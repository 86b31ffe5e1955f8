"""Where the state lives: the catalogue, the activity and the log of facts of one list of directories."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError, of_the_machine
from pypitool.core.state_files import HiddenFiles, StateFiles
from pypitool.host import file_system, hand_over, is_network, write_whole


class StateUnusable(PypitoolError):
    """The state cannot live where it would."""

    kind = Kind.CONFIG
    ends_the_turn = True
    sentence = "cannot keep the state in {directory}: {reason}"
    hint = "give it a local directory that you may write with `--state DIR` or `[server] state`"
    directory: Path
    reason: str


class PackagesMissing(PypitoolError):
    """A package directory is not there."""

    kind = Kind.CONFIG
    sentence = "the package directory {root} does not exist"
    hint = "create it with `mkdir -p {root}`, or name another one"
    root: Path


class ForeignState(PypitoolError):
    """The state belongs to other package directories, or to the same ones in another order."""

    kind = Kind.CONFIG
    directory: Path
    recorded: Sequence[Path]
    asked: Sequence[Path]

    def __post_init__(self) -> None:
        files = StateFiles(self.directory)
        self.hint = (
            f"give these directories a state of their own with `--state DIR`; if yours were moved, delete "
            f"{files.roots} and {files.catalogue}: the catalogue is built anew, and what people decided stays"
        )
        super().__post_init__()

    def __str__(self) -> str:
        recorded, asked = (", ".join(map(str, roots)) for roots in (self.recorded, self.asked))
        return f"the state in {self.directory} belongs to {recorded}, not to {asked}"


def locate_state(
    roots: Sequence[Path], explicit: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path:
    """Return the state directory of these package directories, made if it was not there."""
    for root in roots:
        if not root.is_dir():
            raise PackagesMissing(root)
    directory = choose_state(roots, explicit, environ)
    if not directory.exists():
        _refuse_foreign(directory, roots[0])
        _make(directory)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise StateUnusable(directory, "it cannot be written")
    refuse_network(directory)
    files = StateFiles(directory)
    if not check_owner(files, roots):
        _record(files, [root.resolve() for root in roots])
    _point(directory, roots[0])
    return directory


def find_state(
    roots: Sequence[Path], explicit: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path | None:
    """Return the state directory that these package directories have, None for none yet; nothing is made."""
    directory = choose_state(roots, explicit, environ)
    if not directory.is_dir():
        return None
    check_owner(StateFiles(directory), roots)
    return directory


def choose_state(
    roots: Sequence[Path], explicit: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path:
    """Return where the state of these package directories lives, without looking whether it can."""
    if explicit is not None:
        return explicit.absolute()
    # systemd: "$STATE_DIRECTORY … multiple directories are separated by a colon".
    given = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given).absolute()
    hidden = HiddenFiles(roots[0].absolute())
    return _pointed_to(hidden, roots) or hidden.directory


def _pointed_to(hidden: HiddenFiles, roots: Sequence[Path]) -> Path | None:
    """Follow the note that a state elsewhere left: a shell knows nothing of the server's $STATE_DIRECTORY."""
    try:
        state = Path(hidden.pointer.read_text().strip())
        return state if _recorded(StateFiles(state)) == [root.resolve() for root in roots] else None
    except (OSError, ValueError):
        return None


def _point(directory: Path, root: Path) -> None:
    hidden = HiddenFiles(root.absolute())
    if directory == hidden.directory:
        return
    note = f"{directory}\n"
    with suppress(OSError):  # a read-only root: who works on it says where its state is
        if hidden.pointer.exists() and hidden.pointer.read_text() == note:
            return
        hidden.directory.mkdir(mode=0o750, exist_ok=True)
        hand_over(hidden.directory)
        hidden.pointer.write_text(note)
        hand_over(hidden.pointer)


def _refuse_foreign(directory: Path, root: Path) -> None:
    owner = root.stat().st_uid
    # Root hands what it makes over to the owner; anybody else would leave files that the owner's own
    # server cannot write.
    if directory.parent == root.absolute() and os.geteuid() not in (0, owner):
        raise StateUnusable(directory, f"{root} belongs to another user (number {owner})")


def _make(directory: Path) -> None:
    try:
        # Who uploaded from which address is not for everybody.
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        hand_over(directory)
    except OSError as error:
        raise of_the_machine(error, str(directory)) or StateUnusable(
            directory, error.strerror or str(error)
        ) from error


def refuse_network(directory: Path) -> None:
    """Refuse a network file system: locks and shared memory mean nothing there."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    except OSError:  # not Linux
        return
    kind = file_system(directory.resolve(), mounts)
    if is_network(kind):
        raise StateUnusable(directory, f"it is on a network file system ({kind})")


def check_owner(files: StateFiles, roots: Sequence[Path]) -> bool:
    """Tell whether a state belongs to these package directories or yet to none; raise `ForeignState`."""
    asked = [root.resolve() for root in roots]
    recorded = _recorded(files)
    if recorded is not None and recorded != asked:
        raise ForeignState(files.directory, recorded, asked)
    return recorded is not None


def _recorded(files: StateFiles) -> list[Path] | None:
    try:
        names = json.loads(files.roots.read_text())["roots"]
        return [(files.directory / name).resolve() for name in names]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateUnusable(files.directory, f"`{files.roots.name}` cannot be read ({error})") from error


def _record(files: StateFiles, roots: Sequence[Path]) -> None:
    here = files.directory.resolve()
    # A state inside its own directory moves with it: there the way up is recorded, not the place.
    names = [os.path.relpath(root, here) if here.is_relative_to(root) else str(root) for root in roots]
    try:
        write_whole(files.roots, f"{json.dumps({'roots': names})}\n".encode())
    except OSError as error:
        known = of_the_machine(error, str(files.directory))
        raise known or StateUnusable(files.directory, error.strerror or str(error)) from error

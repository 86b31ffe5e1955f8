"""To which package directories a state belongs: their marks, what is on record, the note that leads to it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pypitool.core.errors import of_the_machine
from pypitool.core.state_choice import KnownDirectory, RecordedDirectory, Relation, relation
from pypitool.core.state_files import HiddenFiles, StateFiles
from pypitool.host import hand_over, write_whole
from pypitool.repository.state_errors import StateClosed, StateUnusable

_MARK = re.compile(r"[0-9a-f]{32}\n")


def relation_of(files: StateFiles, roots: Sequence[Path]) -> Relation:
    """Tell whether a state belongs to these package directories."""
    return relation(recorded(files), known(roots))


def shares(files: StateFiles, roots: Sequence[Path]) -> bool:
    """Tell whether one of these package directories is among those of a state."""
    here = known(roots)
    return any(one.relation(each) is Relation.OURS for one in recorded(files) or () for each in here)


def known(roots: Sequence[Path]) -> list[KnownDirectory]:
    """Return package directories as a state knows them."""
    return [KnownDirectory(root.resolve(), read_mark(root)) for root in roots]


def recorded(files: StateFiles) -> list[RecordedDirectory] | None:
    """Return the directories that a state has on record, None for no record."""
    try:
        document = json.loads(files.roots.read_text())
        names = document["roots"]
        marks = document.get("marks") or [None] * len(names)
        return [_recorded(files, name, mark) for name, mark in zip(names, marks, strict=True)]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise StateClosed(files.directory, "it cannot be read") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise of_the_machine(error, str(files.directory)) or StateUnusable(
            files.directory, f"`{files.roots.name}` cannot be read ({error})"
        ) from error


def _recorded(files: StateFiles, name: str, mark: str | None) -> RecordedDirectory:
    # A state inside its own directory moves with it: there the way up is recorded, not the place.
    is_around = not os.path.isabs(name)
    path = (files.directory / name).resolve()
    return RecordedDirectory(path, mark, read_mark(path), is_around)


def record(files: StateFiles, roots: Sequence[Path]) -> None:
    """Put on record that a state belongs to these directories, each of which gets a mark if it has none."""
    here = files.directory.resolve()
    before = {one.path: one.mark for one in recorded(files) or ()}
    resolved = [root.resolve() for root in roots]
    names = [os.path.relpath(root, here) if here.is_relative_to(root) else str(root) for root in resolved]
    # Who may not read a mark must not forget it.
    marks = [_marked(root, before.get(root)) or before.get(root) for root in resolved]
    body = f"{json.dumps({'roots': names, 'marks': marks})}\n".encode()
    try:
        if not files.roots.exists() or files.roots.read_bytes() != body:
            write_whole(files.roots, body)
    except OSError as error:
        of_machine = of_the_machine(error, str(files.directory))
        raise of_machine or StateUnusable(files.directory, error.strerror or str(error)) from error


def refuse_link(directory: Path) -> None:
    """Refuse what root would reach by a link of a user, unless it is that user's too."""
    if os.geteuid() != 0 or not directory.is_symlink():
        return
    owner = directory.lstat().st_uid
    if owner and (not directory.exists() or directory.stat().st_uid != owner):
        raise StateUnusable(
            directory, f"it is a link of another user (number {owner}), and root follows none"
        )


def read_mark(root: Path) -> str | None:
    """Return the mark of a directory, None if it has none, or none that we may read."""
    try:
        with open(os.open(HiddenFiles(root).mark, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)) as file:
            text = file.read(64)
    except (OSError, ValueError):
        return None
    return text.strip() if _MARK.fullmatch(text) else None


def _marked(root: Path, mark: str | None) -> str | None:
    """Return the mark of a directory, made if there is none; one that is read-only stays without."""
    hidden = HiddenFiles(root)
    if found := read_mark(root):
        return found
    try:
        _make_hidden(hidden)
        temporary = hidden.directory / f".id.{os.urandom(8).hex()}"
        _write_new(temporary, f"{mark or os.urandom(16).hex()}\n")
        try:
            os.link(temporary, hidden.mark)  # it never takes the place of what another process wrote
        finally:
            temporary.unlink()
    except OSError:
        pass
    return read_mark(root)


def lead_to(directory: Path, root: Path) -> None:
    """Leave a note in a package directory that says where its state is: a shell has no $STATE_DIRECTORY."""
    hidden = HiddenFiles(root.absolute())
    if is_same(directory, hidden.directory):
        return
    with suppress(OSError):  # a read-only root: who works on it says where its state is
        _make_hidden(hidden)
        leave_note(hidden.pointer, directory)


def leave_note(note: Path, directory: Path) -> None:
    """Write where a state is, unless the note says so already."""
    text = f"{directory}\n"
    if note.exists() and note.read_text() == text:
        return
    temporary = note.with_name(f".{note.name}.{os.urandom(8).hex()}")
    _write_new(temporary, text)
    os.replace(temporary, note)


def noted_state(root: Path) -> Path | None:
    """Return where the note of a package directory says that the state is, None for no note."""
    try:
        text = HiddenFiles(root.absolute()).pointer.read_text().strip()
    except (OSError, ValueError):
        return None
    return Path(text) if text and "\0" not in text else None


def is_same(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to one directory."""
    return one == other or one.resolve() == other.resolve()


def _make_hidden(hidden: HiddenFiles) -> None:
    if not hidden.directory.is_dir():
        hidden.directory.mkdir(mode=0o750)
        hand_over(hidden.directory)
    elif os.geteuid() == 0 and hidden.directory.is_symlink():
        # Its owner is somebody else perhaps: root writes only where the name itself leads.
        raise NotADirectoryError(hidden.directory)


def _write_new(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with open(descriptor, "w") as file:
        file.write(text)
    hand_over(path)

"""Directories, disks and the catalogue: what their state means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pypitool.core.diagnosis.finding import Finding, error, warning
from pypitool.core.text import short_size

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Directory:
    """A package directory as it was found."""

    path: str
    exists: bool
    is_writable: bool = True  # by the user of the server
    is_exposed: bool = False  # everybody on the machine may write


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that a directory is on."""

    path: str
    free: int
    size: int


def of_directory(found: Directory, *, is_written: bool) -> Iterator[Finding]:
    """Judge a package directory."""
    if not found.exists:
        yield error(
            "packages-missing", found.path, "the package directory does not exist",
            "the server does not start without it", f"make it with `mkdir -p {found.path}`, or name another",
        )  # fmt: skip
        return
    if is_written and not found.is_writable:
        yield error(
            "packages-unwritable", found.path, "the user of the server cannot write it",
            "nothing new can come in", "give it to that user with `chown -R`, or serve with `--read-only`",
        )  # fmt: skip
    if found.is_exposed:
        yield warning(
            "packages-exposed", found.path, "everybody on this machine may write it",
            "anybody can slip in a package that all your installers trust", f"`chmod o-w {found.path}`",
        )  # fmt: skip


def of_disk(disk: Disk) -> Iterator[Finding]:
    """Judge how full a disk is: below 1 % soon nothing works, below 5 % or 1 GiB it is time."""
    share = disk.free / disk.size if disk.size else 1.0
    what = f"{short_size(disk.free)} are free, {share:.1%} of the disk"
    do = "make room: `pypitool prune`, or a larger disk"
    if share < 0.01:
        why = "uploads, the mirror and the catalogue fail when it is full"
        yield error("disk-low", disk.path, what, why, do)
    elif share < 0.05 or disk.free < GIB:
        yield warning("disk-low", disk.path, what, "it fills up", do)


def state_unwritable(path: str, reason: str) -> Finding:
    """Say that the state cannot be kept where it is."""
    do = "give it a local directory of the server's user with `--state DIR` or `[server] state`"
    return error("state-unwritable", path, reason, "nothing can be recorded: uploads and decisions fail", do)


def catalogue_foreign(path: str, sentence: str, hint: str | None) -> Finding:
    """Say that a state belongs to other directories."""
    why = "the server does not start: it would list files that are not there"
    return error("catalogue-foreign", path, sentence, why, hint or "name another with `--state DIR`")


def catalogue_corrupt(path: str, sentence: str) -> Finding:
    """Say that a catalogue cannot be read."""
    do = "start the server, or run `pypitool rescan`: it is set aside and built anew, and decisions are kept"
    return error("catalogue-corrupt", path, sentence, "what it says of packages cannot be trusted", do)


def file_unlisted(path: str, reason: str) -> Finding:
    """Say that a file is no package that can be offered."""
    why = "nobody can install it"
    return warning("files-unlisted", path, reason, why, "replace the file, or move it out of the directory")

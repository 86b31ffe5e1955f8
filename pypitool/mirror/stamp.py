"""The stamp of a run that left nothing to do: same inputs, same settings, same files, same proof.

Decided before anything heavy is imported, with the standard library alone: this is the nightly no-op.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pypitool import __version__
from pypitool.host import hand_over, make_directory

FOLDER = "stamps"
VARIABLE = "env:"  # before the name of a variable, among the paths of inputs


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a run depended on, and what it came to."""

    question: str  # a digest of everything that was asked and configured
    inputs: Mapping[str, str]  # the sha256 of each file that was read
    files: Mapping[str, tuple[int, int]]  # size and mtime_ns of each file that is wanted
    exit_code: int
    holes: Sequence[Mapping[str, Any]] = ()  # as --json prints them
    folders: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # where a file may come or go

    def holds(self, environ: Mapping[str, str]) -> bool:
        """Tell whether every input and every file is still the same."""
        return all(_digest(name, environ) == sha256 for name, sha256 in self.inputs.items()) and all(
            _stat(path) == known for path, known in (*self.files.items(), *self.folders.items())
        )


def digest_of(*parts: object) -> str:
    """Return the digest of a question; another release of ours, and another Python, is another question."""
    # Of the host too: without any targets it is the target.
    whose = [__version__, sys.version, os.uname().machine]
    return hashlib.sha256("\0".join([*whose, *map(repr, parts)]).encode()).hexdigest()


def digest_of_text(text: str) -> str:
    """Return the digest of a variable's value."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def read_stamp(state: Path, question: str, environ: Mapping[str, str]) -> Stamp | None:
    """Return the stamp of this question, if it still holds."""
    try:
        document = json.loads((state / FOLDER / f"{question}.json").read_bytes())
        stamp = Stamp(
            question,
            document["inputs"],
            _stats(document["files"]),
            document["exit_code"],
            document["holes"],
            _stats(document["folders"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return stamp if stamp.holds(environ) else None


def write_stamp(state: Path, stamp: Stamp) -> None:
    """Keep a stamp; the one that this question had before is replaced."""
    document = {
        "inputs": stamp.inputs,
        "files": stamp.files,
        "exit_code": stamp.exit_code,
        "holes": list(stamp.holes),
        "folders": stamp.folders,
    }
    write_atomically(state / FOLDER / f"{stamp.question}.json", json.dumps(document))


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is read by nobody while it is half."""
    make_directory(path.parent)
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(text)
    hand_over(temporary)
    os.replace(temporary, path)


def stats_of(paths: Iterable[Path]) -> dict[str, tuple[int, int]]:
    """Return what tells later that these files are still the same."""
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path in paths for stat in (path.stat(),)}


def _digest(name: str, environ: Mapping[str, str]) -> str | None:
    if name.startswith(VARIABLE):
        return digest_of_text(environ.get(name.removeprefix(VARIABLE), ""))
    try:
        return hashlib.sha256(Path(name).read_bytes()).hexdigest()
    except OSError:
        return None


def _stats(known: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, int]]:
    return {path: (size, mtime) for path, (size, mtime) in known.items()}


def _stat(path: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns

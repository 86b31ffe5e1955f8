"""What tells that a `sync` would do nothing: the stamp of the run before, and whether it still holds.

A stamp is found by the question (what was asked, and all of the configuration) and holds as long as every
input and every file is the same. Reading one imports nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pypitool import __version__
from pypitool.core.state_files import StateFiles
from pypitool.host import make_directory, write_whole
from pypitool.repository.state import choose_state

if TYPE_CHECKING:
    from pypitool.config.settings import Settings
    from pypitool.core.mirror.run_events import Event
    from pypitool.core.mirror.run_summary import Ending, ProvenSet
    from pypitool.core.model import Location
    from pypitool.mirror.sets import PinnedSet
    from pypitool.mirror.sync import Report
    from pypitool.repository.repository import Repository

VARIABLE_PREFIX = "env:"  # before the name of a variable, among the paths of inputs
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a run depended on, and what it came to."""

    question: str  # a digest of everything that was asked and configured
    inputs: Mapping[str, str]  # the sha256 of each file that was read
    files: Mapping[str, tuple[int, int]]  # size and mtime_ns of each file that is wanted
    exit_code: int
    holes: Sequence[Mapping[str, Any]] = ()  # as --json prints them
    folders: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # where a file may come or go
    lines: Sequence[str] = ()  # the holes as people read them
    sets: Sequence[Mapping[str, Any]] = ()  # where each of them installs, as the summary of --json has it
    unasked: Sequence[Mapping[str, Any]] = ()  # warnings of targets that no line concerns

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
        document = json.loads((StateFiles(state).stamps / f"{question}.json").read_bytes())
        stamp = Stamp(
            question,
            document["inputs"],
            _stats(document["files"]),
            document["exit_code"],
            document["holes"],
            _stats(document["folders"]),
            document["lines"],
            document["sets"],
            document["unasked"],
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
        "lines": list(stamp.lines),
        "sets": list(stamp.sets),
        "unasked": list(stamp.unasked),
    }
    write_stamp_file(StateFiles(state).stamps / f"{stamp.question}.json", json.dumps(document))


def write_stamp_file(path: Path, text: str) -> None:
    """Write a file among the stamps, whole or not at all."""
    make_directory(path.parent)
    write_whole(path, text.encode())


def _digest(name: str, environ: Mapping[str, str]) -> str | None:
    if name.startswith(VARIABLE_PREFIX):
        return digest_of_text(environ.get(name.removeprefix(VARIABLE_PREFIX), ""))
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


@dataclass(frozen=True, slots=True)
class SyncQuestion:
    """What a `sync` was asked and how it is configured, and where the stamp of that lies."""

    state: Path
    digest: str
    environ: Mapping[str, str]
    is_of_all: bool = True  # the sets of the configuration, and not of some

    @classmethod
    def of(
        cls, settings: Settings, names: tuple[str, ...], environ: Mapping[str, str], *, resolve: bool = False
    ) -> SyncQuestion:
        """Ask for these sets, as they are configured now."""
        server = settings.server
        digest = digest_of(
            names,
            resolve,
            server.packages,
            settings.policy,
            settings.targets,
            settings.sets,
            settings.upstreams,
        )
        return cls(choose_state(server.packages, server.state, environ), digest, environ, not names)

    def stamp(self) -> Stamp | None:
        """Return what the last run came to, if nothing has changed since."""
        return read_stamp(self.state, self.digest, self.environ)

    def keep_stamp(
        self,
        repository: Repository,
        sets: Sequence[PinnedSet],
        seen: RunOutcomes,
        proven: Sequence[ProvenSet],
    ) -> None:
        """Leave a stamp of a run after which everything is in its place."""
        stamp = Stamp(
            question=self.digest,
            inputs=_inputs_of(sets, self.environ, StateFiles(self.state).inputs),
            files=stats_of(_paths_of(repository, seen.filenames)),
            exit_code=1 if seen.holes else 0,
            holes=seen.holes,
            folders=stats_of(_folders_of(repository)),
            lines=seen.lines,
            sets=[one.as_json() for one in proven],
            unasked=seen.unasked,
        )
        write_stamp(self.state, stamp)


@dataclass(slots=True)
class RunOutcomes:
    """What a run says, as far as its stamp depends on it."""

    report: Report
    filenames: list[str] = field(default_factory=list)
    holes: list[Mapping[str, object]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    unasked: list[Mapping[str, object]] = field(default_factory=list)
    has_failed: bool = False

    def take(self, event: Event) -> None:
        """Pass an event on."""
        from pypitool.core.event_document import document
        from pypitool.core.mirror.run_events import FileEvent, HoleEvent, ProjectEvent, UnaskedWarning

        if isinstance(event, FileEvent) and event.kind is None:
            self.filenames.append(event.name)
        elif isinstance(event, (FileEvent, ProjectEvent)):
            self.has_failed = True
        elif isinstance(event, HoleEvent):
            self.holes.append(document(event))
            self.lines.append(str(event))
        elif isinstance(event, UnaskedWarning):
            self.unasked.append(document(event))
        self.report(event)

    def are_final(self, ending: Ending) -> bool:
        """Tell whether the same run again would do nothing."""
        return not (ending.interrupted or self.has_failed)


def stats_of(paths: Iterable[Path]) -> dict[str, tuple[int, int]]:
    """Return what tells later that these files are still the same."""
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path in paths for stat in (path.stat(),)}


def _inputs_of(sets: Sequence[PinnedSet], environ: Mapping[str, str], copies: Path) -> dict[str, str]:
    """Return the digest of each file that the sets read, and of each variable that stands in one."""
    from pypitool.core.mirror.input_place import is_address
    from pypitool.mirror.web_inputs import copy_name

    inputs: dict[str, str] = {}
    for pinned in sets:
        for file in pinned.request.inputs.files:
            if is_address(file.path):
                inputs[os.path.abspath(copies / copy_name(file.path))] = file.sha256
                continue
            path = os.path.abspath(file.path)
            inputs[path] = file.sha256
            # Without the zeros between them, the letters of UTF-16 and UTF-32 are those of ASCII.
            text = Path(path).read_bytes().replace(b"\0", b"").decode("ascii", errors="replace")
            for name in _VARIABLE.findall(text):
                inputs[VARIABLE_PREFIX + name] = digest_of_text(environ.get(name, ""))
    return inputs


def _paths_of(repository: Repository, filenames: Iterable[str]) -> Iterator[Path]:
    """Yield where the files of these names lie."""
    wanted = set(filenames)
    for file in repository.catalogue.files():
        if file.filename in wanted:
            wanted.discard(file.filename)
            yield _path(repository, file.location)


def _folders_of(repository: Repository) -> set[Path]:
    """Return the directories that hold files: what comes or goes there may fill a hole, or make one."""
    return {
        *repository.roots,
        *(_path(repository, file.location).parent for file in repository.catalogue.files()),
    }


def _path(repository: Repository, location: Location) -> Path:
    return repository.roots[location.root] / location.path

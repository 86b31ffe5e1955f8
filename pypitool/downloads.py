"""The download log as people read it: who got which file, in a file for each day (UTC)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from packaging.utils import NormalizedName

from pypitool.catalogue.facts import Skipped
from pypitool.core.audit_query import day_of, file_of, is_about
from pypitool.core.errors import Kind, PypitoolError

DIRECTORY = "downloads"

Line = dict[str, Any]


class NoDownloadLog(PypitoolError):
    """Who got what is not recorded, and never was."""

    kind: ClassVar[Kind] = Kind.CONFIG
    hint = "`download-log = true` under `[server]` lets the server keep one from then on"

    def __str__(self) -> str:
        return "there is no download log"


@dataclass(frozen=True, slots=True)
class DownloadRecord:
    """The days of a state directory."""

    state: Path

    @property
    def directory(self) -> Path:
        """Where they lie."""
        return self.state / DIRECTORY

    def sizes(self) -> dict[str, int]:
        """Return the size of each day that is there."""
        found = {}
        with suppress(FileNotFoundError), os.scandir(self.directory) as entries:
            for entry in entries:
                day = day_of(entry.name)
                if day is not None:
                    with suppress(FileNotFoundError):
                        found[day] = entry.stat(follow_symlinks=False).st_size
        return found

    @property
    def since(self) -> str | None:
        """The first day that is there, None for none yet."""
        return min(self.sizes(), default=None)

    def lines(
        self, project: NormalizedName, version: str, skipped: Callable[[Skipped], None]
    ) -> Iterator[Line]:
        """Iterate over the downloads of a release, oldest day first; torn lines go to `skipped`."""
        name = project.encode()
        for day in sorted(self.sizes()):
            path = self.directory / file_of(day)
            with suppress(FileNotFoundError), path.open("rb") as file:
                offset = 0
                for raw in file:
                    # A day may have millions of lines, of which few are about this project.
                    line = _read(path, raw, offset, skipped) if name in raw else None
                    offset += len(raw)
                    if line is not None and is_about(line, project, version):
                        yield line


def _read(path: Path, raw: bytes, offset: int, skipped: Callable[[Skipped], None]) -> Line | None:
    try:
        line = json.loads(raw)
    except ValueError:
        line = None
    if not isinstance(line, dict):
        torn = "" if raw.endswith(b"\n") else ", cut off in the middle"
        skipped(Skipped(path, offset, f"it is no download{torn}"))
        return None
    return line

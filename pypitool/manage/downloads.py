"""The download log on the disk: who got which file, in a file for each day (UTC)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName

from pypitool.catalogue.facts import Skipped
from pypitool.core.download_days import day_of, file_of, is_about
from pypitool.core.state_files import StateFiles


@dataclass(frozen=True, slots=True)
class DownloadRecord:
    """The days of a state directory."""

    state: Path

    @property
    def directory(self) -> Path:
        """Where they lie."""
        return StateFiles(self.state).downloads

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
    ) -> Iterator[dict[str, Any]]:
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


def _read(path: Path, raw: bytes, offset: int, skipped: Callable[[Skipped], None]) -> dict[str, Any] | None:
    try:
        line = json.loads(raw)
    except ValueError:
        line = None
    if not isinstance(line, dict):
        torn = "" if raw.endswith(b"\n") else ", cut off in the middle"
        skipped(Skipped(path, offset, f"it is no download{torn}"))
        return None
    return line

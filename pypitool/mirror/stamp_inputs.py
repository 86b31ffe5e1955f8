"""What a stamp has to look at later: the files that were read, their variables, and the files they want."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pypitool.core.model import Location
from pypitool.mirror.sets import PinnedSet
from pypitool.mirror.stamp import VARIABLE, digest_of_text
from pypitool.repository.repository import Repository

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


def inputs_of(sets: Sequence[PinnedSet], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the digest of each file that the sets read, and of each variable that stands in one."""
    inputs: dict[str, str] = {}
    for pinned in sets:
        for file in pinned.request.inputs.files:
            path = os.path.abspath(file.path)
            inputs[path] = file.sha256
            # Without the zeros between them, the letters of UTF-16 and UTF-32 are those of ASCII.
            text = Path(path).read_bytes().replace(b"\0", b"").decode("ascii", errors="replace")
            for name in _VARIABLE.findall(text):
                inputs[VARIABLE + name] = digest_of_text(environ.get(name, ""))
    return inputs


def paths_of(repository: Repository, filenames: Iterable[str]) -> Iterator[Path]:
    """Yield where the files of these names lie."""
    wanted = set(filenames)
    for file in repository.catalogue.files():
        if file.filename in wanted:
            wanted.discard(file.filename)
            yield _path(repository, file.location)


def folders_of(repository: Repository) -> set[Path]:
    """Return the directories that hold files: what comes or goes there may fill a hole, or make one."""
    return {
        *repository.roots,
        *(_path(repository, file.location).parent for file in repository.catalogue.files()),
    }


def _path(repository: Repository, location: Location) -> Path:
    return repository.roots[location.root] / location.path

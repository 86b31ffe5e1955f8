"""What every command and every worker opens: the directories, what we know of them, and what was decided."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from pypitool.catalogue.catalogue import Catalogue
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.rebuild import open_catalogue
from pypitool.core.state_files import StateFiles
from pypitool.repository.activity import Activity
from pypitool.repository.state import locate_state
from pypitool.repository.unfinished_restore import finish_restore
from pypitool.store.directory import DirectoryStore
from pypitool.store.store import Store


@dataclass(frozen=True, slots=True)
class Repository:
    """A list of package directories with its state. Cheap to open: no directory is walked."""

    roots: tuple[Path, ...]
    files: StateFiles
    store: Store
    catalogue: Catalogue
    facts: FactLog
    activity: Activity
    reserve_deleted: bool = False  # a name that was deleted is free for the same bytes alone

    @classmethod
    def open(
        cls,
        roots: Sequence[Path],
        state: Path | None = None,
        environ: Mapping[str, str] = os.environ,
        *,
        reader_only: bool = False,
        mends: bool = True,
        reserve_deleted: bool = False,
    ) -> Repository:
        """Open the repository of these directories, the first of which takes what is published."""
        absolute = tuple(Path(os.path.abspath(root)) for root in roots)
        where = locate_state(absolute, state, environ)
        opened = cls._of(absolute, where, reader_only=reader_only, mends=mends)
        return replace(opened, reserve_deleted=reserve_deleted)

    @classmethod
    def open_scratch(cls, roots: Sequence[Path], state: Path, *, reserve_deleted: bool = False) -> Repository:
        """Open directories with a state that is thrown away: nothing is written into them."""
        opened = cls._of(tuple(Path(os.path.abspath(root)) for root in roots), state)
        return replace(opened, reserve_deleted=reserve_deleted)

    @classmethod
    def _of(
        cls, roots: tuple[Path, ...], state: Path, *, reader_only: bool = False, mends: bool = True
    ) -> Repository:
        files = StateFiles(state)
        if not reader_only:
            finish_restore(files)
        facts = FactLog(files.facts)
        catalogue = open_catalogue(files.catalogue, facts, reader_only=reader_only, mends=mends)
        return cls(roots, files, DirectoryStore(roots), catalogue, facts, Activity(files.activity))

    def __enter__(self) -> Repository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.files.directory

    def tidy(self) -> bool:
        """Finish a restore that was killed, and remove what is left of others; tell whether there was one."""
        return finish_restore(self.files)

    def close(self) -> None:
        """Release every connection."""
        self.catalogue.close()
        self.activity.close()

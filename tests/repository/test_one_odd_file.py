"""One file that makes a library fail is named, and all others are listed; a failing machine marks nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from pypitool.catalogue.catalogue import ScanBatch
from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.core.errors import PypitoolError
from pypitool.core.model import Location
from pypitool.repository.repository import Repository
from pypitool.repository.scan import Scanner
from pypitool.store.directory import DirectoryStore
from pypitool.store.opened import Opened
from tests.support.repositories import open_repository, paths
from tests.support.wheels import build_sdist, build_wheel

MANY = "9" * 5000
ODD = "acme-1.0-py3-none-any.whl"
FIRST, LAST = "aaa-1.0-py3-none-any.whl", "zzz-1.0-py3-none-any.whl"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with open_repository(tmp_path) as repository:
        yield repository


@pytest.fixture
def root(repository: Repository) -> Path:
    """A directory with one file before the odd one, and one behind it."""
    root = repository.roots[0]
    for name in ("aaa", "acme", "zzz"):
        build_wheel(root, name, "1.0")
    return root


def reasons(repository: Repository) -> dict[str, str]:
    return {problem.location.path: problem.reason for problem in repository.catalogue.problems()}


def scanner(repository: Repository, store: DirectoryStore) -> Scanner:
    return Scanner(store, len(repository.roots), repository.catalogue, Scanner.of(repository).writers)


def lines(version: str = "1.0", **more: str) -> bytes:
    fields = {"Metadata-Version": "2.1", "Name": "acme", "Version": version, **more}
    return "".join(f"{key}: {value}\n" for key, value in fields.items()).encode()


@pytest.mark.parametrize(
    "version", [MANY, f"1.{MANY}", f"1.0+{MANY}", f"{MANY}!1.0"], ids=lambda text: text[:4]
)
def test_a_wheel_of_a_version_that_nobody_can_read_is_named_and_the_rest_is_listed(
    repository: Repository, root: Path, version: str
) -> None:
    build_wheel(root, "acme", "1.0", metadata=lines(version))

    Scanner.of(repository).everything()

    assert paths(repository) == [FIRST, LAST]
    assert "its metadata names the version" in reasons(repository)[ODD]
    assert repository.catalogue.is_complete()


def test_a_wheel_with_a_python_that_nobody_can_read_is_listed_without_it(
    repository: Repository, root: Path
) -> None:
    build_wheel(root, "acme", "1.0", metadata=lines(**{"Requires-Python": f">=3.{MANY}"}))

    Scanner.of(repository).everything()

    held = {file.filename: file.contents.requires_python for file in repository.catalogue.files()}
    assert held[ODD] is None
    assert len(held) == 3


def test_an_sdist_of_a_version_that_nobody_can_read_is_listed_without_metadata(
    repository: Repository, root: Path
) -> None:
    build_sdist(root, "bbb", "1.0", metadata=lines(MANY))

    Scanner.of(repository).everything()

    assert "bbb-1.0.tar.gz" in paths(repository)


class OddStore(DirectoryStore):
    """A store where opening one file fails."""

    def __init__(self, roots: tuple[Path, ...], error: Callable[[Location], Exception]) -> None:
        super().__init__(roots)
        self.error = error

    def open(self, location: Location) -> Opened:
        """Open, or fail."""
        if location.path == ODD:
            raise self.error(location)
        return super().open(location)


@pytest.mark.parametrize("error", [ValueError, RecursionError, OverflowError, KeyError, TypeError])
def test_whatever_one_file_raises_is_its_problem(
    repository: Repository, root: Path, error: type[Exception]
) -> None:
    odd = OddStore((root,), lambda _: error("odd"))

    report = scanner(repository, odd).everything()

    assert paths(repository) == [FIRST, LAST]
    assert [problem.location.path for problem in report.problems] == [ODD]
    assert f"{error.__name__}: " in reasons(repository)[ODD]
    assert not scanner(repository, odd).everything().problems, "it is named once"


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM], ids=os.strerror)
def test_a_failing_machine_ends_the_scan_and_marks_nothing(
    repository: Repository, root: Path, number: int
) -> None:
    def fail(location: Location) -> Exception:
        return OSError(number, os.strerror(number), location.path)

    with pytest.raises(PypitoolError, match=os.strerror(number).lower()):
        scanner(repository, OddStore((root,), fail)).everything()

    assert paths(repository) == [FIRST, LAST], "what could be read is listed"
    assert not reasons(repository)
    assert not repository.catalogue.is_complete()
    Scanner.of(repository).everything()
    assert paths(repository) == [FIRST, ODD, LAST]


def test_without_descriptors_nothing_is_gone(
    repository: Repository, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Scanner.of(repository).everything()
    before = paths(repository)

    def out_of_descriptors(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr("pypitool.store.directory.opened_folder", out_of_descriptors)
        with pytest.raises(PypitoolError, match="too many open files"):
            Scanner.of(repository).at([Location(0, name) for name in before])

    assert paths(repository) == before
    assert root.is_dir()


class Picky(SqliteCatalogue):
    """A catalogue that cannot hold one file."""

    def apply_scan(self, batch: ScanBatch, bodies: Iterable[tuple[str, bytes]] = ()) -> None:
        """Refuse it, as a binding does."""
        if any(file.filename == ODD for file in batch.changed):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        super().apply_scan(batch, bodies)


def test_a_file_that_the_catalogue_cannot_hold_is_its_own_problem(repository: Repository, root: Path) -> None:
    picky = Picky(repository.files.catalogue)

    Scanner(repository.store, 1, picky, Scanner.of(repository).writers).everything()
    picky.close()

    assert paths(repository) == [FIRST, LAST]
    assert "OverflowError" in reasons(repository)[ODD]
    assert root.is_dir()

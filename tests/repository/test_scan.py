"""The catalogue agrees with the directories after a scan, and nothing is read twice."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pypitool.catalogue.catalogue import Pending, ScanBatch
from pypitool.catalogue.rebuild import repair
from pypitool.core.fact import Fact, What
from pypitool.core.model import COPIED_IN, Location
from pypitool.core.names import normalize
from pypitool.core.scan_plan import Unreadable, Walked
from pypitool.repository.read_file import ReadFile, Writers, read_found
from pypitool.repository.repository import Repository
from pypitool.repository.scan import Scanner
from pypitool.repository.scan_record import ScanReport
from pypitool.store.directory import DirectoryStore
from pypitool.store.opened import Opened
from tests.support.calls import called
from tests.support.repositories import DEPLOY, open_repository, paths, publish_wheel
from tests.support.waiting import wait_until
from tests.support.wheels import Release, build_sdist, build_wheel, sdist_bytes

WHEEL = "acme-1.0-py3-none-any.whl"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with open_repository(tmp_path, roots=2) as repository:
        yield repository


@pytest.fixture
def root(repository: Repository) -> Path:
    return repository.roots[0]


class CountingStore(DirectoryStore):
    """A store that remembers what was opened."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        super().__init__(roots)
        self.opened: list[str] = []

    def open(self, location: Location) -> Opened:
        """Open, and remember."""
        self.opened.append(location.path)
        return super().open(location)


class StoreWithAClosedFolder(DirectoryStore):
    """A store with a folder that only root may list."""

    def walk(self, root: int, below: str = "") -> Iterator[Walked | Unreadable]:
        """Walk, and meet it."""
        yield from super().walk(root, below)
        if root == 0:
            yield Unreadable(Location(root, "lost+found/"), "it cannot be listed")


def zip_with(number: int) -> bytes:
    return sdist_bytes(Release("acme", "1.0"), suffix=".zip", extra_files={"number": b"%d" % number})


def scan(repository: Repository) -> ScanReport:
    return Scanner.of(repository).everything()


def problems(repository: Repository) -> dict[str, str]:
    return {problem.location.path: problem.reason for problem in repository.catalogue.problems()}


def test_files_that_were_copied_in_are_listed(repository: Repository, root: Path) -> None:
    build_wheel(root, "acme", "1.0", requires_python=">=3.8")
    build_sdist(root / "deep" / "down", "Acme.Core", "2.0")

    report = scan(repository)

    wheel, sdist = repository.catalogue.files()
    assert (report.listed, report.problems) == (2, [])
    assert (wheel.project, wheel.version, wheel.origin) == ("acme", "1.0", COPIED_IN)
    assert wheel.contents.requires_python == ">=3.8"
    assert b"Name: acme" in (repository.catalogue.metadata(wheel.contents.metadata_sha256 or "") or b"")
    assert (sdist.project, sdist.location.path) == ("acme-core", "deep/down/acme_core-2.0.tar.gz")


def test_the_upload_time_of_a_copied_file_is_its_own(repository: Repository, root: Path) -> None:
    moment = datetime(2020, 2, 3, 4, 5, 6, tzinfo=timezone.utc).timestamp()
    os.utime(build_wheel(root, "acme", "1.0"), (moment, moment))

    scan(repository)

    (file,) = repository.catalogue.files()
    assert file.upload_time == "2020-02-03T04:05:06.000000Z"


def test_nothing_is_opened_twice_also_after_a_restart(repository: Repository, root: Path) -> None:
    build_wheel(root, "acme", "1.0")
    (root / "broken-1.0.zip").write_bytes(b"no archive")
    (root / "README.txt").write_text("no package")
    scan(repository)
    store = CountingStore(repository.roots)

    report = scan(replace(repository, store=store))

    assert store.opened == []
    assert (report.unchanged, report.listed) == (2, 0)


def test_only_what_changed_is_opened(repository: Repository, root: Path) -> None:
    for number in range(5):
        build_wheel(root, "acme", f"1.{number}")
    scan(repository)
    build_wheel(root, "acme", "1.3", requires=["click"])
    store = CountingStore(repository.roots)

    scan(replace(repository, store=store))

    assert store.opened == ["acme-1.3-py3-none-any.whl"]


def test_a_file_replaced_in_place_with_the_same_size_and_time_is_noticed(
    repository: Repository, root: Path
) -> None:
    bodies = [zip_with(number) for number in range(3)]
    path = root / "acme-1.0.zip"
    digests, stats = [], []

    for body in bodies:
        path.touch()
        with path.open("r+b") as file:
            file.write(body)
        os.utime(path, ns=(10**18, 10**18))
        scan(repository)
        (held,) = repository.catalogue.files()
        digests.append(held.contents.digests.sha256)
        stats.append((held.stat.size, held.stat.mtime_ns, held.stat.inode))

    assert len(set(stats)) == 1
    assert digests == [hashlib.sha256(body).hexdigest() for body in bodies]


def test_a_file_replaced_by_another_one_with_the_same_size_and_time_is_noticed(
    repository: Repository, root: Path
) -> None:
    digests = []

    for number in range(2):
        other = root.parent / "other"
        other.write_bytes(zip_with(number))
        os.utime(other, ns=(10**18, 10**18))
        other.replace(root / "acme-1.0.zip")
        scan(repository)
        digests.append(next(repository.catalogue.files()).contents.digests.sha256)

    assert digests == [hashlib.sha256(zip_with(number)).hexdigest() for number in range(2)]


def test_removed_files_and_folders_are_noticed(repository: Repository, root: Path) -> None:
    build_wheel(root, "acme", "1.0")
    build_wheel(root / "sub" / "sub", "acme", "2.0")
    scan(repository)

    shutil.rmtree(root / "sub")
    (root / WHEEL).unlink()
    report = scan(repository)

    assert report.gone == 2
    assert repository.catalogue.project_names() == ()


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("acme-1.0.zip", b"", "it is empty"),
        ("acme-1.0.tar.gz", b"<html>404</html>", ""),
        ("acme-1.0-py3-none-any.whl", b"PK\x03\x04 and nothing", "it is truncated"),
        ("acme.whl", b"PK", "it is not a wheel's name (name-version-python-abi-platform)"),
        ("caf\u00e9-1.0.zip", b"PK", "only ASCII letters"),
    ],
    ids=["empty", "no archive", "truncated", "no name", "not ASCII"],
)
def test_what_is_no_package_is_reported_by_name_and_reason(
    repository: Repository, root: Path, name: str, body: bytes, reason: str
) -> None:
    (root / name).write_bytes(body)

    report = scan(repository)

    assert [problem.location.path for problem in report.problems] == [name]
    assert problems(repository)[name].startswith(reason)
    assert paths(repository) == []


def test_a_problem_ends_when_its_file_is_whole_or_gone(repository: Repository, root: Path) -> None:
    whole = build_wheel(root.parent, "acme", "1.0").read_bytes()
    (root / WHEEL).write_bytes(whole[:-10])
    (root / "other-1.0.zip").write_bytes(b"")
    scan(repository)
    before = problems(repository)

    (root / WHEEL).write_bytes(whole)
    (root / "other-1.0.zip").unlink()
    scan(repository)

    assert before == {WHEEL: "it is truncated", "other-1.0.zip": "it is empty"}
    assert problems(repository) == {}
    assert paths(repository) == [WHEEL]


def test_a_problem_is_told_once(repository: Repository, root: Path) -> None:
    (root / "acme-1.0.zip").write_bytes(b"")

    first, second = scan(repository), scan(repository)

    assert (len(first.problems), second.problems) == (1, [])


def test_a_listed_file_that_breaks_is_taken_down(repository: Repository, root: Path) -> None:
    path = build_wheel(root, "acme", "1.0")
    scan(repository)

    path.write_bytes(path.read_bytes()[:50])
    scan(repository)

    assert paths(repository) == []
    assert problems(repository) == {WHEEL: "it is truncated"}


def test_what_is_no_package_at_all_is_no_problem(repository: Repository, root: Path) -> None:
    for name in ("README.txt", "SHA256SUMS", f"{WHEEL}.asc", f"{WHEEL}.metadata", "setup.exe"):
        (root / name).write_bytes(b"")

    scan(repository)

    assert problems(repository) == {}


def test_a_whole_file_is_not_listed_while_somebody_has_it_open_for_writing(
    repository: Repository, root: Path
) -> None:
    build_wheel(root.parent / "first", "first", "1.0").rename(root / "first-1.0-py3-none-any.whl")
    body = build_wheel(root.parent, "acme", "1.0").read_bytes()
    with (root / WHEEL).open("wb") as file:
        file.write(body)
        file.flush()

        report = scan(repository)

        assert report.unsettled == [Location(0, WHEEL)]
        assert problems(repository) == {WHEEL: "it is still being written"}
    scan(repository)
    assert WHEEL in paths(repository)


def test_a_signature_comes_and_goes(repository: Repository, root: Path) -> None:
    build_wheel(root, "acme", "1.0")
    signature = root / f"{WHEEL}.asc"
    seen = []

    for change in (lambda: None, lambda: signature.write_bytes(b"s"), signature.unlink):
        change()
        scan(repository)
        seen.append(next(repository.catalogue.files()).signed)

    assert seen == [False, True, False]


def test_the_same_name_with_other_bytes_is_reported_until_one_is_gone(
    repository: Repository, root: Path
) -> None:
    build_wheel(root, "acme", "1.0")
    build_wheel(root / "sub", "acme", "1.0", requires=["click"])
    build_wheel(repository.roots[1], "acme", "1.0")

    scan(repository)
    reported = problems(repository)
    (root / WHEEL).unlink()
    scan(repository)

    assert reported == {f"sub/{WHEEL}": f"a file of the same name with other bytes comes first: `{WHEEL}`"}
    assert problems(repository) == {
        WHEEL: f"a file of the same name with other bytes comes first: `sub/{WHEEL}`"
    }
    (root / "sub" / WHEEL).unlink()
    scan(repository)
    assert problems(repository) == {}


def test_names_that_are_not_utf8_are_reported_until_they_are_gone(repository: Repository, root: Path) -> None:
    bad = Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9-1.0.zip"))
    bad.write_bytes(b"")

    scan(repository)
    before = problems(repository)
    bad.unlink()
    scan(repository)

    assert before == {"caf\\xe9-1.0.zip": "its name is not UTF-8"}
    assert problems(repository) == {}


def test_a_directory_that_is_not_mounted_keeps_what_is_known(repository: Repository, root: Path) -> None:
    build_wheel(root, "acme", "1.0")
    scan(repository)

    root.rename(root.with_name("elsewhere"))
    report = scan(repository)
    root.with_name("elsewhere").rename(root)

    assert paths(repository) == [WHEEL]
    assert [problem.reason for problem in report.problems] == [
        "it cannot be listed: no such file or directory"
    ]
    scan(repository)
    assert problems(repository) == {}


def test_one_folder_can_be_scanned_alone(repository: Repository, root: Path) -> None:
    build_wheel(root / "a", "acme", "1.0")
    build_wheel(root / "ab", "acme", "2.0")

    Scanner.of(repository).below(0, "a")

    assert paths(repository) == [f"a/{WHEEL}"]


def test_single_files_can_be_looked_at(repository: Repository, root: Path) -> None:
    places = [Location(0, WHEEL), Location(1, WHEEL), Location(0, "nothing-1.0.zip")]
    build_wheel(root, "acme", "1.0")
    build_wheel(repository.roots[1], "acme", "1.0")

    first = Scanner.of(repository).at(places)
    (root / WHEEL).unlink()
    second = Scanner.of(repository).at(places)

    assert (first.listed, second.gone) == (2, 1)


def test_a_scan_that_is_interrupted_goes_on_where_it_was(repository: Repository, root: Path) -> None:
    for number in range(30):
        build_wheel(root, "acme", f"1.{number}")
    store = CountingStore(repository.roots)

    def stop_after_twenty() -> None:
        if len(store.opened) == 20:
            raise InterruptedError

    interrupted = replace(repository, store=store)
    with pytest.raises(InterruptedError):
        Scanner.of(interrupted, pause=stop_after_twenty).everything()
    store.opened.clear()
    scan(interrupted)

    assert len(store.opened) == 30 - 20
    assert len(paths(repository)) == 30


def test_a_catalogue_that_was_rebuilt_during_a_walk_is_not_complete_by_it(
    repository: Repository, root: Path
) -> None:
    known = build_wheel(root, "acme", "1.0")
    Scanner.of(repository).at([Location(0, known.name)])
    build_wheel(root, "acme", "2.0")

    def lose_the_catalogue() -> None:
        for file in repository.state.glob("catalogue.sqlite*"):
            file.unlink()
        repair(repository.files.catalogue, repository.facts)

    Scanner.of(repository, progress=lambda _done, _total: lose_the_catalogue()).everything()

    with Repository.open(repository.roots, repository.state, {}) as rebuilt:
        assert not rebuilt.catalogue.is_complete()
        scan(rebuilt)
        assert rebuilt.catalogue.is_complete()
        assert len(paths(rebuilt)) == 2


def test_directories_are_not_complete_while_one_of_them_cannot_be_listed(
    repository: Repository, root: Path
) -> None:
    build_wheel(root, "acme", "1.0")
    second = repository.roots[1]
    shutil.rmtree(second)

    scan(repository)
    without = repository.catalogue.is_complete()
    scan(repository)
    still_without = repository.catalogue.is_complete()
    second.mkdir()
    scan(repository)

    assert (without, still_without, repository.catalogue.is_complete()) == (False, False, True)


def test_a_folder_that_nobody_may_list_does_not_keep_the_rest_from_being_complete(
    repository: Repository,
) -> None:
    scan(replace(repository, store=StoreWithAClosedFolder(repository.roots)))

    assert problems(repository) == {"lost+found/": "it cannot be listed"}
    assert repository.catalogue.is_complete()


def test_the_progress_is_told(repository: Repository, root: Path) -> None:
    for number in range(3):
        build_wheel(root, "acme", f"1.{number}")
    steps: list[tuple[int, int]] = []

    Scanner.of(repository, progress=lambda done, total: steps.append((done, total))).everything()

    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_large_files_are_read_side_by_side(repository: Repository, root: Path) -> None:
    for number in range(20):
        build_wheel(root, "acme", f"1.{number}", extra_files={"data": os.urandom(300_000)})

    report = scan(repository)

    assert report.listed == 20


def test_a_scan_leaves_a_pending_file_alone(repository: Repository) -> None:
    with repository.store.temporary() as temporary:
        published = publish_wheel(repository, "acme", "1.0")
        repository.catalogue.forget([published.file.location])
        repository.catalogue.begin_publish(
            Pending(published.file, temporary.location.path), None, overwrite=False
        )

        report = scan(repository)

        assert (report.listed, report.problems) == (0, [])
        assert paths(repository) == []


@pytest.mark.slow
def test_ten_thousand_folders_are_scanned_and_walked_again(repository: Repository, root: Path) -> None:
    body = build_wheel(root.parent, "acme", "1.0").read_bytes()
    for number in range(10_000):
        folder = root / f"f{number}"
        folder.mkdir()
        if number % 100 == 0:
            (folder / WHEEL).write_bytes(body)

    reports: list[ScanReport] = []
    first = scan(repository)
    calls = called(lambda: reports.append(scan(repository)))

    assert (first.listed, reports[0].unchanged) == (100, 100)
    assert calls.total() < 60 * 10_000


def test_rsync_and_cp_bring_whole_files(repository: Repository, root: Path) -> None:
    source = build_wheel(root.parent / "source", "acme", "1.0")
    tools = [tool for tool in ("cp", "rsync") if shutil.which(tool)]

    for number, tool in enumerate(tools):
        (root / str(number)).mkdir()
        subprocess.run([tool, str(source), str(root / str(number))], check=True)
    wait_until(lambda: not scan(repository).unsettled, what="nothing is being written")

    assert paths(repository) == [f"{number}/{WHEEL}" for number in range(len(tools))]


@pytest.mark.parametrize("without", ["WHEEL", "RECORD"])
def test_a_wheel_that_nobody_can_install_is_not_listed(
    repository: Repository, root: Path, without: str
) -> None:
    build_wheel(root, "acme", "1.0", without=[without])

    scan(repository)

    assert paths(repository) == []
    assert problems(repository) == {WHEEL: f"it holds no {without}, and cannot be installed"}


def test_one_that_an_older_version_listed_stays_until_its_bytes_change(
    repository: Repository, root: Path
) -> None:
    file = build_wheel(root, "acme", "1.0", without=["RECORD"])
    found = repository.store.look(Location(0, WHEEL))
    read = read_found(repository.store, Location(0, WHEEL), found, Writers())
    assert isinstance(read, ReadFile)
    repository.catalogue.apply_scan(ScanBatch([read.file]))

    file.chmod(0o600)
    os.utime(file)
    (root / "moved").mkdir()
    moved = file.rename(root / "moved" / WHEEL)
    scan(repository)
    listed = paths(repository)
    build_wheel(moved.parent, "acme", "1.0", requires=["other"], without=["RECORD"])
    scan(repository)

    assert listed == [f"moved/{WHEEL}"]
    assert paths(repository) == []
    assert problems(repository) == {f"moved/{WHEEL}": "it holds no RECORD, and cannot be installed"}


def test_one_that_was_uploaded_to_an_older_version_stays_over_a_lost_catalogue(
    repository: Repository, root: Path
) -> None:
    file = build_wheel(root, "acme", "1.0", without=["WHEEL"])
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    repository.facts.append(Fact(What.UPLOAD, DEPLOY, normalize("acme"), "1.0", WHEEL, sha256))
    repository.files.catalogue.unlink()
    repair(repository.files.catalogue, repository.facts)
    repository.catalogue.look_again()

    scan(repository)

    assert paths(repository) == [WHEEL]

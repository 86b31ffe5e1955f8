"""A real keeper: what is copied in is listed when it is whole, without a walk, and never before."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pypitool.catalogue.catalogue import ScanBatch
from pypitool.core.model import FileStat, HeldFile, Location
from pypitool.keeper.keeper import Keeper
from pypitool.repository.contact import is_kept, put_doubt, put_in_inbox
from pypitool.repository.repository import Repository
from tests.support.keeping import KeeperProcess, keeper
from tests.support.repositories import UPLOADED, open_repository, paths, publish_wheel
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import Release, build_sdist, build_wheel, sdist_bytes

pytestmark = pytest.mark.process

WHEEL = "acme-1.0-py3-none-any.whl"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with open_repository(tmp_path) as repository:
        yield repository


@pytest.fixture
def root(repository: Repository) -> Path:
    return repository.roots[0]


@pytest.fixture
def kept(repository: Repository) -> Iterator[KeeperProcess]:
    with keeper(repository) as process:
        process.wait_ready()
        yield process


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return build_wheel(tmp_path / "source", "acme", "1.0")


def listed(repository: Repository, *expected: str) -> None:
    """Wait until exactly these files are listed."""
    wait_until(lambda: paths(repository) == list(expected), what=f"{expected} are listed")


def make_many(root: Path, place: Path, number: int) -> None:
    """Put one wheel into many folders: what is read again and again is large, and written once."""
    template = build_wheel(place, "acme", "3.0", extra_files={"salt": os.urandom(200_000)})
    for folder in range(number):
        (root / str(folder)).mkdir()
        os.link(template, root / str(folder) / template.name)


def reopened(repository: Repository) -> Repository:
    return Repository.open(repository.roots, repository.state, {})


def damage(repository: Repository) -> None:
    """Damage the bodies of METADATA, which no walk reads."""
    path = repository.files.catalogue
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'metadata'").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(os.urandom(4096))


def is_whole(repository: Repository, files: list[HeldFile]) -> bool:
    """Tell whether these files are known to a complete catalogue."""
    with reopened(repository) as another:
        return another.catalogue.is_complete() and list(another.catalogue.files()) == files


def reasons(repository: Repository) -> dict[str, str]:
    return {problem.location.path: problem.reason for problem in repository.catalogue.problems()}


@pytest.mark.parametrize(
    "command", [("cp",), ("rsync",), ("rsync", "--inplace"), ("install", "-m", "640")], ids=" ".join
)
@pytest.mark.usefixtures("kept")
def test_a_file_that_is_copied_in_is_listed(
    repository: Repository, root: Path, source: Path, command: tuple[str, ...]
) -> None:
    if not shutil.which(command[0]):
        pytest.skip(f"there is no {command[0]} here")

    subprocess.run([*command, str(source), str(root)], check=True)

    listed(repository, WHEEL)


@pytest.mark.usefixtures("kept")
def test_a_slow_copy_is_reported_and_listed_only_when_it_is_whole(
    repository: Repository, root: Path, source: Path
) -> None:
    body = source.read_bytes()
    with (root / WHEEL).open("wb", buffering=0) as file:
        for start in range(0, len(body), len(body) // 20):
            file.write(body[start : start + len(body) // 20])
            assert paths(repository) == []
            time.sleep(0.1)  # the slow writer itself, not a wait for something
        wait_until(lambda: WHEEL in reasons(repository), what="it is reported")
        assert reasons(repository)[WHEEL] == "it is still being written"
        assert paths(repository) == []

    listed(repository, WHEEL)
    assert reasons(repository) == {}


def test_a_writer_that_gave_up_leaves_a_problem_with_its_reason(
    repository: Repository, root: Path, source: Path, kept: KeeperProcess
) -> None:
    (root / WHEEL).write_bytes(source.read_bytes()[:-7])
    (root / "other-1.0.tar.gz").write_bytes(b"<html>404 Not Found</html>")

    wait_until(lambda: len(reasons(repository)) == 2, what="both are reported")

    assert reasons(repository)[WHEEL] == "it is truncated"
    assert paths(repository) == []
    # The log is written behind the row.
    wait_until(lambda: f"{root / WHEEL} is not listed: it is truncated" in kept.log, what="it is logged")

    (root / WHEEL).write_bytes(source.read_bytes())
    listed(repository, WHEEL)


def test_an_sdist_that_speaks_of_another_release_is_listed_and_logged(
    repository: Repository, root: Path, kept: KeeperProcess
) -> None:
    build_sdist(root, "bar", "1.0", filename="foo-1.0.tar.gz")

    listed(repository, "foo-1.0.tar.gz")

    line = "foo-1.0.tar.gz is listed, though pip refuses it: its metadata names the project `bar`"
    wait_until(lambda: line in kept.log, what="it is logged")
    assert reasons(repository) == {}


@pytest.mark.usefixtures("kept")
def test_a_download_in_another_order_is_not_listed_while_it_has_holes(
    repository: Repository, root: Path
) -> None:
    body = sdist_bytes(Release("acme", "1.0"), suffix=".zip", extra_files={"x": bytes(5000)})
    with (root / "acme-1.0.zip").open("wb", buffering=0) as file:
        file.seek(len(body) // 2)
        file.write(body[len(body) // 2 :])
        wait_until(lambda: reasons(repository), what="it is reported")
        assert paths(repository) == []
        file.seek(0)
        file.write(body[: len(body) // 2])

    listed(repository, "acme-1.0.zip")


@pytest.mark.usefixtures("kept")
def test_changes_of_a_listed_file_are_noticed(repository: Repository, root: Path, source: Path) -> None:
    shutil.copy(source, root)
    listed(repository, WHEEL)
    before = next(repository.catalogue.files())
    bodies = [zip_with(number) for number in (1, 2)]
    (root / "acme-1.0.zip").write_bytes(bodies[0])
    os.utime(root / "acme-1.0.zip", ns=(10**18, 10**18))
    listed(repository, WHEEL, "acme-1.0.zip")
    digests = {file.contents.digests.sha256 for file in repository.catalogue.files()}

    with (root / "acme-1.0.zip").open("r+b") as file:
        file.write(bodies[1])
    os.utime(root / "acme-1.0.zip", ns=(10**18, 10**18))

    wait_until(
        lambda: {file.contents.digests.sha256 for file in repository.catalogue.files()} - digests,
        what="the new bytes are known",
    )
    assert before in list(repository.catalogue.files())
    (root / WHEEL).unlink()
    listed(repository, "acme-1.0.zip")


@pytest.mark.usefixtures("kept")
def test_folders_are_followed_in_and_out(repository: Repository, root: Path, source: Path) -> None:
    (source.parent / "deep").mkdir()
    source.rename(source.parent / "deep" / WHEEL)

    source.parent.rename(root / "moved")
    listed(repository, f"moved/deep/{WHEEL}")
    (root / "moved").rename(root / "again")
    listed(repository, f"again/deep/{WHEEL}")
    shutil.copytree(root / "again", root / "copied" / "at" / "once")
    listed(repository, f"again/deep/{WHEEL}", f"copied/at/once/deep/{WHEEL}")
    shutil.rmtree(root / "again")
    listed(repository, f"copied/at/once/deep/{WHEEL}")
    (root / "copied").rename(source.parent.parent / "out")
    listed(repository)


@pytest.mark.usefixtures("kept")
def test_a_folder_that_was_moved_in_is_followed_afterwards(
    repository: Repository, root: Path, source: Path
) -> None:
    (source.parent / "deep").mkdir()
    body = source.read_bytes()
    source.unlink()
    source.parent.rename(root / "moved")

    def put() -> bool:
        (root / "moved" / "deep" / WHEEL).write_bytes(body)
        return paths(repository) == [f"moved/deep/{WHEEL}"]

    # Watches in a folder that was moved in may need a moment.
    wait_until(put, what="it is listed", every=0.2)


@pytest.mark.usefixtures("kept")
def test_many_files_at_once_are_all_listed(repository: Repository, root: Path, tmp_path: Path) -> None:
    for number in range(300):
        build_wheel(tmp_path / "many", "acme", f"1.{number}")

    shutil.copytree(tmp_path / "many", root, dirs_exist_ok=True)

    wait_until(lambda: len(paths(repository)) == 300, what="all are listed")


@pytest.mark.usefixtures("kept")
def test_publishing_beside_a_keeper_keeps_the_uploader(repository: Repository) -> None:
    for number in range(200):
        publish_wheel(repository, "acme", f"1.{number}")

    assert [file.origin for file in repository.catalogue.files()] == [UPLOADED] * 200


def test_a_keeper_ends_what_a_dead_writer_began(
    tmp_path: Path, repository: Repository, kept: KeeperProcess
) -> None:
    for step, expected in (("pending", []), ("linked", [WHEEL])):
        command = [sys.executable, "-m", "tests.support.writer", str(tmp_path), "die", step, "new"]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL

        wait_until(lambda: not repository.catalogue.pending(), what="nothing is pending")
        assert paths(repository) == expected
    assert [file.origin for file in repository.catalogue.files()] == [UPLOADED]
    finished = f"the writer of {WHEEL} is gone: what it began is finished"
    wait_until(lambda: finished in kept.log, what="it is logged")


@pytest.mark.usefixtures("kept")
def test_what_a_worker_asks_about_is_looked_at(repository: Repository, root: Path, source: Path) -> None:
    shutil.copy(source, root)
    listed(repository, WHEEL)
    (held,) = repository.catalogue.files()
    stale = ScanBatch(gone=[held.location])
    repository.catalogue.apply_scan(stale)

    put_in_inbox(repository.files, Location(0, WHEEL))

    listed(repository, WHEEL)


def test_a_walk_finds_what_no_event_told(repository: Repository, root: Path, source: Path) -> None:
    shutil.copy(source, root)
    with keeper(repository, rescan=0.5) as kept:
        kept.wait_ready()
        (held,) = repository.catalogue.files()
        repository.catalogue.apply_scan(ScanBatch(gone=[held.location]))

        listed(repository, WHEEL)


def test_the_second_keeper_waits_and_takes_over(repository: Repository, root: Path, source: Path) -> None:
    with keeper(repository) as first:
        first.wait_ready()
        with keeper(repository) as second:
            wait_until(lambda: second.process.poll() is None, what="it runs")
            assert second.heartbeat is None

            first.process.send_signal(signal.SIGKILL)
            first.process.wait()
            second.wait_ready()
            shutil.copy(source, root)

            listed(repository, WHEEL)
    assert not is_kept(repository.files)


def test_a_keeper_that_is_killed_in_the_middle_of_a_scan_goes_on(
    repository: Repository, root: Path, tmp_path: Path
) -> None:
    make_many(root, tmp_path, 1500)
    with keeper(repository) as killed:
        wait_until(lambda: paths(repository), what="a part is read", every=0.001)
        killed.process.send_signal(signal.SIGKILL)
        killed.process.wait()
    part = paths(repository)

    with keeper(repository) as kept:
        kept.wait_ready()

    assert 0 < len(part) < 1500
    assert len(paths(repository)) == 1500


def test_a_keeper_ends_with_its_parent(tmp_path: Path, repository: Repository) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'pypitool.keeper', '--parent', str(os.getpid()), *sys.argv[1:]]\n"
        "print(subprocess.Popen(command).pid, flush=True); time.sleep(60)"
    )
    arguments = ["--state", str(repository.state), str(repository.roots[0])]
    parent = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    wait_until(lambda: is_kept(repository.files), what="the keeper is at work")

    parent.kill()
    parent.communicate()

    wait_until(lambda: not is_kept(repository.files), what=f"process {child} has ended")


def test_a_keeper_that_is_told_to_stop_ends_at_once_with_success(repository: Repository) -> None:
    with keeper(repository) as kept:
        kept.wait_ready()
        kept.process.terminate()

        assert kept.process.wait(timeout=LONGEST) == 0


def test_a_lost_catalogue_is_rebuilt_while_the_keeper_runs(
    repository: Repository, root: Path, source: Path, kept: KeeperProcess
) -> None:
    publish_wheel(repository, "acme", "2.0")
    shutil.copy(source, root)
    listed(repository, WHEEL, "acme-2.0-py3-none-any.whl")
    before = list(repository.catalogue.files())

    for file in repository.state.glob("catalogue.sqlite*"):
        file.unlink()

    wait_until(lambda: "is lost: it is rebuilt" in kept.log, what="it is noticed")
    wait_until(lambda: is_whole(repository, before), what="all is known again")


def test_damage_that_a_worker_met_is_mended_without_waiting_for_the_next_walk(
    repository: Repository, root: Path
) -> None:
    for number in range(100):
        build_wheel(root, "acme", f"1.{number}", requires=[f"long-name-of-a-project-{number}" * 20])
    with keeper(repository) as kept:
        kept.wait_ready()
        before = list(repository.catalogue.files())
        damage(repository)

        put_doubt(repository.files)

        wait_until(lambda: "set aside as" in kept.log, what="the damage is found")
        wait_until(lambda: is_whole(repository, before), what="all is known again")


def test_with_fifty_watches_files_are_still_found(
    repository: Repository, root: Path, source: Path, tmp_path: Path
) -> None:
    for number in range(200):
        (root / f"f{number:03}").mkdir()
    limited = ["unshare", "--user", "--map-root-user", "sh", "-c"]
    limit = "echo 50 > /proc/sys/user/max_inotify_watches"
    if not shutil.which("unshare") or subprocess.run([*limited, limit], check=False).returncode:
        pytest.skip("namespaces are not allowed here")
    limited.append(f'{limit} && exec "$@"')
    with keeper(repository, before=[*limited, "sh"]) as kept:
        wait_until(lambda: "not every folder can be watched" in kept.log, what="it says so")

        shutil.copy(source, root / "f150")
        listed(repository, f"f150/{WHEEL}")
        (root / "f199" / "new").mkdir()
        shutil.copy(source, root / "f199" / "new")
        listed(repository, f"f150/{WHEEL}", f"f199/new/{WHEEL}")


@pytest.mark.slow
def test_ten_thousand_directories_are_kept(repository: Repository, root: Path, source: Path) -> None:
    for number in range(10_000):
        (root / f"f{number}").mkdir()
    with keeper(repository) as kept:
        kept.wait_ready()
        assert kept.heartbeat is not None
        assert kept.heartbeat.watched

        shutil.copy(source, root / "f9999")

        listed(repository, f"f9999/{WHEEL}")


@pytest.mark.slow
def test_files_are_found_while_a_long_first_scan_goes_on(
    repository: Repository, root: Path, tmp_path: Path, source: Path
) -> None:
    make_many(root, tmp_path, 3000)
    with keeper(repository) as kept:
        wait_until(lambda: paths(repository), what="some are listed", every=0.001)
        shutil.copy(source, root / "2999")

        wait_until(lambda: f"2999/{WHEEL}" in paths(repository), what="the new one is listed")
        assert kept.heartbeat is not None
        assert kept.heartbeat.scanning


@pytest.mark.usefixtures("kept")
def test_a_small_file_does_not_wait_for_a_large_one(
    repository: Repository, root: Path, source: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large-1.0.win32.msi"
    large.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1"))
    os.truncate(large, 600 * 1024**2)  # a hole costs no disk, and is hashed like everything else

    large.rename(root / large.name)
    shutil.copy(source, root)

    listed(repository, WHEEL)
    listed(repository, WHEEL, large.name)


def test_a_keeper_can_run_in_a_thread_of_a_worker(repository: Repository, root: Path, source: Path) -> None:
    shutil.copy(source, root)
    turns: list[Callable[[], bool]] = []

    def stop() -> bool:
        turns.append(stop)
        return bool(paths(repository))

    Keeper(repository).run(stop)

    assert paths(repository) == [WHEEL]


def test_a_file_that_was_only_touched_stays_listed(
    repository: Repository, root: Path, source: Path, kept: KeeperProcess
) -> None:
    shutil.copy(source, root)
    listed(repository, WHEEL)

    (root / WHEEL).chmod(0o600)
    put_in_inbox(repository.files, Location(0, WHEEL))

    def is_known() -> bool:
        (file,) = repository.catalogue.files()
        found = (root / WHEEL).stat()
        stat = FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        return file.stat == stat

    wait_until(is_known, what="its new stat is known")


def zip_with(number: int) -> bytes:
    return sdist_bytes(Release("acme", "1.0"), suffix=".zip", extra_files={"number": b"%d" % number})


@pytest.mark.usefixtures("kept")
def test_one_odd_file_keeps_no_other_from_being_listed(repository: Repository, root: Path) -> None:
    odd = f"Metadata-Version: 2.1\nName: bad\nVersion: {'9' * 5000}\n".encode()
    build_wheel(root, "bad", "1.0", metadata=odd)
    build_wheel(root, "zzz", "1.0")

    listed(repository, "zzz-1.0-py3-none-any.whl")

    wait_until(lambda: reasons(repository).keys() == {"bad-1.0-py3-none-any.whl"}, what="it is named")


@pytest.mark.process
def test_a_line_end_in_the_name_of_a_file_begins_no_record_of_the_log(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    (packages / "a\nERROR all is lost").mkdir(parents=True)
    (packages / "a\nERROR all is lost" / "b-1.0-py3-none-any.whl").write_bytes(b"no archive")
    command = [sys.executable, "-m", "pypitool.keeper", str(packages)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as keeper:
        assert keeper.stderr is not None
        lines = iter(keeper.stderr.readline, "")
        said = next(line for line in lines if "is not listed" in line)
        keeper.terminate()

    assert said.startswith("WARNING ")
    assert "/a\\nERROR all is lost/b-1.0-py3-none-any.whl is not listed" in said

"""Whatever people and clients do at once: in the end the catalogue says what the directories hold."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pypitool.catalogue.errors import ReleaseFileExists
from pypitool.repository.releases import NotHeld, PlanOutdated, delete, plan_delete
from pypitool.repository.repository import Repository
from pypitool.store.failures import Occupied
from tests.support.keeping import keeper
from tests.support.repositories import DEPLOY, leftovers, open_repository, publish_wheel, scan
from tests.support.waiting import NeverHappened, wait_until
from tests.support.wheels import Release, wheel_bytes, wheel_filename

pytestmark = pytest.mark.process

SECONDS = 4.0
PROJECTS, VERSIONS, SALTS = range(4), range(4), range(3)
FOLDERS = ("", "a", "a/b", "c")


@pytest.mark.slow
def test_after_a_storm_the_catalogue_and_the_directories_agree(tmp_path: Path) -> None:
    with open_repository(tmp_path, roots=2) as repository, keeper(repository) as kept:
        kept.wait_ready()
        end = time.monotonic() + SECONDS

        storm = [people, people, people, clients, clients, clients]
        failures = run([partial(one, repository, seed, end) for seed, one in enumerate(storm)])

        assert failures == []
        with contextlib.suppress(NeverHappened):
            wait_until(lambda: not differences(repository, tmp_path), what="both agree", every=0.2)
        assert differences(repository, tmp_path) == set()
        assert repository.catalogue.pending() == ()
        assert leftovers(repository) == []


def people(repository: Repository, seed: int, end: float) -> None:
    """Copy, replace, cut, rewrite, move and remove files."""
    chance = random.Random(seed)
    while time.monotonic() < end:
        root = chance.choice(repository.roots)
        path, body = root / chance.choice(FOLDERS) / a_name(chance), a_body(chance)
        with contextlib.suppress(OSError):
            chance.choice(DEEDS)(root, path, body, chance)
        time.sleep(chance.random() * 0.01)


def clients(repository: Repository, seed: int, end: float) -> None:
    """Upload, overwrite and delete."""
    chance = random.Random(seed)
    while time.monotonic() < end:
        name, version = f"p{chance.choice(PROJECTS)}", f"1.{chance.choice(VERSIONS)}"
        with contextlib.suppress(ReleaseFileExists, Occupied, NotHeld, PlanOutdated):
            if chance.random() < 0.2:
                delete(repository, plan_delete(repository, name, version), DEPLOY)
            else:
                overwrite, salt = chance.random() < 0.5, b"%d" % chance.choice(SALTS)
                publish_wheel(repository, name, version, salt=salt, overwrite=overwrite)
        time.sleep(chance.random() * 0.01)


def copy(root: Path, path: Path, body: bytes, chance: random.Random) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def replace(root: Path, path: Path, body: bytes, chance: random.Random) -> None:
    hidden = path.with_name(f".{chance.random()}")
    hidden.write_bytes(body)
    hidden.replace(path)


def cut(root: Path, path: Path, body: bytes, chance: random.Random) -> None:
    path.write_bytes(body[: chance.randrange(len(body))])


def rewrite(root: Path, path: Path, body: bytes, chance: random.Random) -> None:
    with path.open("r+b") as file:
        file.write(body)


def remove(root: Path, path: Path, body: bytes, chance: random.Random) -> None:
    path.unlink()


def move(root: Path, path: Path, body: bytes, chance: random.Random) -> None:
    (root / "a").rename(root / "d")


def remove_folder(root: Path, path: Path, body: bytes, chance: random.Random) -> None:
    shutil.rmtree(root / chance.choice(["a", "c", "d"]))


DEEDS: tuple[Callable[[Path, Path, bytes, random.Random], None], ...] = (
    copy, copy, copy, replace, cut, rewrite, remove, move, remove_folder,
)  # fmt: skip


def a_release(chance: random.Random) -> Release:
    return Release(f"p{chance.choice(PROJECTS)}", f"1.{chance.choice(VERSIONS)}")


def a_name(chance: random.Random) -> str:
    return wheel_filename(a_release(chance))


def a_body(chance: random.Random) -> bytes:
    return wheel_bytes(a_release(chance), extra_files={"salt": b"%d" % chance.choice(SALTS)})


def run(deeds: list[Callable[[], None]]) -> list[BaseException]:
    """Do everything at once, and return what failed."""
    failures: list[BaseException] = []

    def guarded(deed: Callable[[], None]) -> None:
        try:
            deed()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def differences(repository: Repository, place: Path) -> set[object]:
    """Compare the catalogue with one that is made anew."""
    state = place / f"scratch-{os.urandom(4).hex()}"
    state.mkdir()
    with Repository.open_scratch(repository.roots, state) as scratch:
        scan(scratch)
        return seen(repository) ^ seen(scratch)


def seen(repository: Repository) -> set[object]:
    held = {(file.location, file.stat, file.contents.digests) for file in repository.catalogue.files()}
    return held | {(problem.location, problem.reason) for problem in repository.catalogue.problems()}

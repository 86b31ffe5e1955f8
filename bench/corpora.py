"""The corpora: tiny valid wheels and sdists, the same bytes on every machine."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tests.support.wheels import Release, sdist_bytes, wheel_bytes, wheel_filename, zip_bytes

SMALL_PROJECT_FILES = 10
HUGE_BYTES = 100_000_000
FORMAT = 1  # another number makes every corpus anew
UPLOADED = "bench_upload"
ADDED = Release("bench-00001", "99.0")  # one more file of a small project


@dataclass(frozen=True, slots=True)
class Corpus:
    """How many files of how many projects; one of them may have `big` files."""

    name: str
    files: int
    projects: int
    big: int = 0
    description_bytes: int = 0
    huge: bool = False  # with one wheel of 100 MB

    @property
    def small_project(self) -> str:
        """A project of ten files."""
        return "bench-00001"

    @property
    def big_project(self) -> str:
        """The project of two thousand files; the small one where there is none."""
        return "bench-00000" if self.big else self.small_project

    @property
    def small_wheel(self) -> str:
        """The name of a wheel of 2 KB."""
        return wheel_filename(Release("bench-00001", "1.0"))

    @property
    def huge_wheel(self) -> str:
        """The name of the wheel of 100 MB."""
        return wheel_filename(Release("bench-huge", "1.0"))

    def project_names(self) -> list[str]:
        """Every project of it."""
        return [f"bench-{number:05d}" for number in range(self.projects)] + ["bench-huge"] * self.huge


CORPORA = {
    corpus.name: corpus
    for corpus in (
        Corpus("XS", 100, 10),
        Corpus("S", 1_000, 100),
        Corpus("M", 10_000, 1_000, big=2_000),
        Corpus("M2", 10_000, 1_000, big=2_000, description_bytes=10_000),
        Corpus("L", 100_000, 10_000, big=2_000),
        Corpus("H", 1_000, 100, huge=True),
    )
}


def make(corpus: Corpus, directory: Path, *, processes: int = 4) -> Path:
    """Fill `directory` with a corpus unless it is there already; remove what an earlier run uploaded."""
    stamp = directory.with_name(f"{directory.name}.complete")
    wanted = f"{FORMAT} {corpus}"
    if stamp.exists() and stamp.read_text() == wanted:
        remove_uploads(directory)
        return directory
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as writers:
        write = partial(_write_project, directory, corpus)
        list(writers.map(write, enumerate(project_sizes(corpus)), chunksize=32))
    if corpus.huge:
        (directory / corpus.huge_wheel).write_bytes(_huge_wheel())
    stamp.write_text(wanted)
    return directory


def project_sizes(corpus: Corpus) -> list[int]:
    """Say how many files each project has: the big one, then as many of ten as leave two for the rest."""
    count = corpus.projects - (1 if corpus.big else 0)
    files = corpus.files - corpus.big
    small = (files - 2 * count) // (SMALL_PROJECT_FILES - 2)
    sizes = [SMALL_PROJECT_FILES] * small + [2] * (count - small)
    sizes[-1] += files - sum(sizes)
    return [corpus.big, *sizes] if corpus.big else sizes


def remove_uploads(directory: Path) -> None:
    """Remove what the rows that add files have left."""
    for path in (*directory.glob(f"{UPLOADED}*"), *directory.glob(f"{ADDED.stem}*")):
        path.unlink()


def upload_wheel(client: int, number: int, run: str, *, payload: int = 2_000) -> tuple[str, bytes]:
    """Make a wheel that nobody has uploaded before, 3 KB if nothing else is said: its name and its bytes."""
    release = Release(f"{UPLOADED}-{client}-{number // 10}", f"{number}.{run}")
    return wheel_filename(release), wheel_bytes(
        release, extra_files={"payload.bin": _noise(release.stem, payload)}
    )


def _write_project(directory: Path, corpus: Corpus, project: tuple[int, int]) -> None:
    number, files = project
    for name, body in _files(corpus, number, files):
        (directory / name).write_bytes(body)


def _files(corpus: Corpus, number: int, files: int) -> Iterator[tuple[str, bytes]]:
    for version in range(1, files // 2 + files % 2 + 1):
        description = _words(f"{number}-{version}", corpus.description_bytes)
        release = Release(
            f"bench-{number:05d}", f"{version}.0", requires_python=">=3.8", description=description
        )
        yield (
            wheel_filename(release),
            wheel_bytes(release, extra_files={"payload.bin": _noise(release.stem, 900)}),
        )
        if 2 * version <= files:
            yield f"{release.stem}.tar.gz", sdist_bytes(release)


def _noise(seed: str, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def _words(seed: str, size: int) -> str:
    # Compresses three to one, as the README of a real project does.
    source = random.Random(seed)
    words = ("the", "of", "index", "package", "version", "wheel", "release", "server", "python", "install")
    text = " ".join(f"{source.choice(words)}{source.randrange(100)}" for _ in range(size // 6))
    return text[:size]


def _huge_wheel() -> bytes:
    release = Release("bench-huge", "1.0")
    info = f"{release.stem}.dist-info"
    # Noise, so that no compression shortens the work of anybody between disk and client.
    block = _noise("huge", 1_000_000)
    return zip_bytes(
        {
            "payload.bin": block * (HUGE_BYTES // len(block)),
            f"{info}/METADATA": release.metadata(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        },
        stored=True,
    )

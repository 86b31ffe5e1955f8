"""What the upstream of the benchmark offers: projects with pages of real sizes, and files to fetch."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise, product

from tests.support.wheels import Release, wheel_bytes, wheel_filename

KIB = 1024
VERSION = "100.0"
# Files on the page and bytes of the wheel of forty pure-Python projects that everybody knows, late in 2026.
_REAL_SIZES = (
    (146, 134521), (72, 67548), (27, 8458), (142, 134093), (130, 126163), (92, 25335), (98, 634701),
    (740, 159475), (267, 222003), (110, 103424), (26, 37515), (119, 78784), (145, 73517), (75, 69583),
    (18, 7552), (37, 16234), (83, 134899), (220, 90630), (92, 96951), (8, 9979), (108, 129956),
    (196, 35402), (50, 27082), (120, 1250147), (355, 411776), (57, 92853), (171, 506321), (216, 26766),
    (243, 73075), (414, 310654), (48, 11050), (11, 10235), (312, 80571), (395, 14500), (327, 80199),
    (116, 45571), (192, 135717), (299, 87427), (185, 228700), (156, 33320),
)  # fmt: skip
GRID_PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_28_aarch64",
    "musllinux_1_2_x86_64",
    "macosx_11_0_arm64",
    "win_amd64",
)
GRID_PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file on a page."""

    filename: str
    version: str
    sha256: str
    size: int
    metadata_sha256: str | None = None

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel."""
        return self.filename.endswith(".whl")


@dataclass(frozen=True, slots=True)
class Offered:
    """A project with its page, and what can be fetched of it by name."""

    project: str
    files: tuple[Listed, ...]
    bodies: Mapping[str, bytes]

    @property
    def pin(self) -> str:
        """The line of requirements that names the newest release."""
        return f"{self.project}=={self.files[-1].version}"


def real_sized() -> list[Offered]:
    """Forty projects, each of which depends on the one before."""
    return _chained("real", _REAL_SIZES)


def synthetic() -> list[Offered]:
    """Five hundred projects with a hundred files on the page and a wheel of 80 KiB."""
    return _chained("synthetic", [(100, 80 * KIB)] * 500)


def grid() -> list[Offered]:
    """Three hundred projects with wheels for five platforms and five Pythons, eight releases of each."""
    return [_compiled(f"grid-{number:03}") for number in range(300)]


def _chained(kind: str, sizes: Sequence[tuple[int, int]]) -> list[Offered]:
    names = [f"{kind}-{number:03}" for number in range(len(sizes))]
    needs = [[], *([f"{before}>=1"] for before, _ in pairwise(names))]
    return [_pure(name, *size, needed) for name, size, needed in zip(names, sizes, needs, strict=True)]


def _pure(project: str, page_files: int, wheel_size: int, requires: Sequence[str]) -> Offered:
    release = Release(project, VERSION, requires, requires_python=">=3.8")
    padding = random.Random(project).randbytes(wheel_size)  # the same on every machine
    name, body = wheel_filename(release), wheel_bytes(release, extra_files={"padding": padding})
    metadata = release.metadata()
    own = Listed(name, VERSION, _digest(body), len(body), _digest(metadata))
    older = _older(release.module, page_files - 1)
    return Offered(project, (*older, own), {name: body, f"{name}.metadata": metadata})


def _older(module: str, count: int) -> Iterator[Listed]:
    for number in range(count):
        version = f"{number // 20}.{number // 2 % 10}"
        suffix = ".tar.gz" if number % 2 else "-py3-none-any.whl"
        yield _invented(f"{module}-{version}{suffix}", version)


def _compiled(project: str) -> Offered:
    module = project.replace("-", "_")
    files = []
    for version in (f"{number}.0" for number in range(1, 9)):
        files.append(_invented(f"{module}-{version}.tar.gz", version))
        for python, platform in product(GRID_PYTHONS, GRID_PLATFORMS):
            tag = f"cp{python.replace('.', '')}"
            files.append(_invented(f"{module}-{version}-{tag}-{tag}-{platform}.whl", version))
    return Offered(project, tuple(files), {})


def _invented(filename: str, version: str) -> Listed:
    digest = _digest(filename.encode())
    return Listed(filename, version, digest, 70_000, digest)


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()

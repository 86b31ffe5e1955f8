"""Real wheels and sdists, tiny and reproducible: the same arguments give the same bytes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import re
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ZIP_EPOCH = (2020, 1, 1, 0, 0, 0)
TAR_EPOCH = 1_577_836_800
NOTHING: Mapping[str, bytes] = {}


@dataclass(frozen=True, slots=True)
class Release:
    """What METADATA or PKG-INFO says of one release."""

    name: str
    version: str
    requires: Sequence[str] = ()
    requires_python: str | None = None
    summary: str = "made for a test"
    description: str = ""
    metadata_version: str = "2.1"

    @property
    def stem(self) -> str:
        """The beginning of its files' names, as today's build back ends write it."""
        return f"{re.sub(r'[-_.]+', '_', self.name).lower()}-{self.version}"

    @property
    def module(self) -> str:
        """The name of the module inside it."""
        return re.sub(r"[-_.]+", "_", self.name).lower()

    def metadata(self) -> bytes:
        """Write its core metadata."""
        lines = [
            f"Metadata-Version: {self.metadata_version}",
            f"Name: {self.name}",
            f"Version: {self.version}",
            f"Summary: {self.summary}",
            *([f"Requires-Python: {self.requires_python}"] if self.requires_python else []),
            *(f"Requires-Dist: {requirement}" for requirement in self.requires),
        ]
        return ("\n".join(lines) + "\n\n" + self.description).encode()


def build_wheel(
    directory: Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    requires_python: str | None = None,
    extra_files: Mapping[str, bytes] = NOTHING,
    tags: str = "py3-none-any",
    build: str | None = None,
    filename: str | None = None,
    metadata: bytes | None = None,
    without: Sequence[str] = (),
) -> Path:
    """Write a valid wheel into `directory`; `filename` and `metadata` replace what would be right.

    `without` names files of its .dist-info that it lacks.
    """
    release = Release(name, version, requires, requires_python)
    path = directory / (filename or wheel_filename(release, tags=tags, build=build))
    directory.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        wheel_bytes(release, tags=tags, extra_files=extra_files, metadata=metadata, without=without)
    )
    return path


def build_sdist(
    directory: Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    requires_python: str | None = None,
    extra_files: Mapping[str, bytes] = NOTHING,
    suffix: str = ".tar.gz",
    filename: str | None = None,
    metadata: bytes | None = None,
) -> Path:
    """Write a valid sdist into `directory`: `suffix` is .tar.gz, .tgz, .tar.bz2, .tar.xz or .zip."""
    release = Release(name, version, requires, requires_python)
    path = directory / (filename or f"{release.stem}{suffix}")
    directory.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sdist_bytes(release, suffix=suffix, extra_files=extra_files, metadata=metadata))
    return path


def wheel_filename(release: Release, *, tags: str = "py3-none-any", build: str | None = None) -> str:
    """Name the wheel of a release."""
    return "-".join(part for part in (release.stem, build, tags) if part) + ".whl"


def wheel_bytes(
    release: Release,
    *,
    tags: str = "py3-none-any",
    extra_files: Mapping[str, bytes] = NOTHING,
    metadata: bytes | None = None,
    without: Sequence[str] = (),
) -> bytes:
    """Make the bytes of a wheel that pip installs, unless it is `without` something."""
    info = f"{release.stem}.dist-info"
    members = {
        f"{release.module}.py": f"version = {release.version!r}\n".encode(),
        **extra_files,
        f"{info}/METADATA": release.metadata() if metadata is None else metadata,
        f"{info}/WHEEL": _wheel_file(tags),
    }
    members[f"{info}/RECORD"] = _record(members, f"{info}/RECORD")
    for name in without:
        del members[f"{info}/{name}"]
    return zip_bytes(members)


def sdist_bytes(
    release: Release,
    *,
    suffix: str = ".tar.gz",
    extra_files: Mapping[str, bytes] = NOTHING,
    metadata: bytes | None = None,
) -> bytes:
    """Make the bytes of an sdist that setuptools can build, without asking for anything newer."""
    setup = f"from setuptools import setup\nsetup(name={release.name!r}, version={release.version!r}, "
    setup += f"py_modules=[{release.module!r}], install_requires={list(release.requires)!r})\n"
    members = {
        "PKG-INFO": release.metadata() if metadata is None else metadata,
        "setup.py": setup.encode(),
        f"{release.module}.py": f"version = {release.version!r}\n".encode(),
        **extra_files,
    }
    inside = {f"{release.stem}/{name}": body for name, body in members.items()}
    return zip_bytes(inside) if suffix == ".zip" else tar_bytes(inside, suffix=suffix)


def zip_bytes(members: Mapping[str, bytes], *, stored: bool = False) -> bytes:
    """Make a zip archive with a fixed date, compressed unless `stored`."""
    buffer = io.BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, body in members.items():
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, body, method)
    return buffer.getvalue()


def tar_bytes(members: Mapping[str, bytes], *, suffix: str = ".tar.gz") -> bytes:
    """Make a tar archive with a fixed date, compressed as `suffix` says."""
    buffer = io.BytesIO()
    # Not "w:gz": its header carries the time of the day.
    mode = {".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}.get(suffix, "w:")
    with tarfile.open(fileobj=buffer, mode=mode, format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        for name, body in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(body), TAR_EPOCH, 0o644
            archive.addfile(entry, io.BytesIO(body))
    plain = buffer.getvalue()
    return gzip.compress(plain, mtime=0) if suffix in {".tar.gz", ".tgz"} else plain


def _wheel_file(tags: str) -> bytes:
    python, abi, platform = tags.split("-")
    lines = ["Wheel-Version: 1.0", "Generator: tests", "Root-Is-Purelib: true"]
    lines += [
        f"Tag: {one}-{two}-{three}"
        for one in python.split(".")
        for two in abi.split(".")
        for three in platform.split(".")
    ]
    return ("\n".join(lines) + "\n").encode()


def _record(members: Mapping[str, bytes], own_name: str) -> bytes:
    rows = [f"{name},sha256={_record_hash(body)},{len(body)}" for name, body in members.items()]
    return ("\n".join([*rows, f"{own_name},,"]) + "\n").encode()


def _record_hash(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()

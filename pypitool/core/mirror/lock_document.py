"""A lock (pylock.toml, PEP 751) as a value: what a resolver chose, from its text and into text again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.requirement_lines import LinePosition, RequirementLine
from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import FileKind

_NAME = "pylock.toml"


@dataclass(frozen=True, slots=True)
class LockedFile:
    """One file of a locked release."""

    url: str  # empty: nobody but us has it
    hashes: Mapping[str, str]
    size: int | None = None
    upload_time: str | None = None
    filename: str = ""


@dataclass(frozen=True, slots=True)
class LockedRelease:
    """One release, and for which machines."""

    name: NormalizedName
    version: str
    marker: str | None = None
    requires_python: str | None = None
    sdist: LockedFile | None = None
    wheels: tuple[LockedFile, ...] = ()

    @property
    def files(self) -> tuple[LockedFile, ...]:
        """Every file of it that may be installed."""
        return (*self.wheels, *((self.sdist,) if self.sdist is not None else ()))

    def line(self) -> RequirementLine:
        """Return it as a pin of a requirements file."""
        marker = f" ; {self.marker}" if self.marker else ""
        hashes = (f"{name}:{value}" for file in self.files for name, value in file.hashes.items())
        return RequirementLine(
            Requirement(f"{self.name}=={self.version}{marker}"), frozenset(hashes), LinePosition(_NAME, 1)
        )

    def with_files(self, files: Iterable[Candidate]) -> LockedRelease:
        """Return it with these files; of sdists a lock has one."""
        ordered = sorted(files, key=lambda file: file.filename)
        sdists = [_locked(file) for file in ordered if file.kind is FileKind.SDIST]
        wheels = tuple(_locked(file) for file in ordered if file.kind is FileKind.WHEEL)
        return replace(self, wheels=wheels, sdist=sdists[0] if sdists else None)

    def changed(self, change: Callable[[LockedFile], LockedFile | None]) -> LockedRelease:
        """Return it with every file changed, and without those that become None."""
        wheels = (change(wheel) for wheel in self.wheels)
        return replace(
            self,
            wheels=tuple(wheel for wheel in wheels if wheel is not None),
            sdist=change(self.sdist) if self.sdist is not None else None,
        )


@dataclass(frozen=True, slots=True)
class LockDocument:
    """What a resolver chose, for all machines or for one."""

    releases: tuple[LockedRelease, ...] = ()
    requires_python: str | None = None

    def changed(self, change: Callable[[LockedFile], LockedFile | None]) -> LockDocument:
        """Return it with every file changed, and without those that become None."""
        return replace(self, releases=tuple(release.changed(change) for release in self.releases))

    def with_files(self, files_of: Callable[[NormalizedName, Version], Iterable[Candidate]]) -> LockDocument:
        """Return it with the files of each release."""
        return replace(
            self,
            releases=tuple(
                release.with_files(files_of(release.name, Version(release.version)))
                for release in self.releases
            ),
        )

    def served_at(self, url: str) -> LockDocument:
        """Return it with the addresses that its files have at a server of ours."""
        base = url.rstrip("/").removesuffix("/simple")
        return self.changed(lambda file: replace(file, url=f"{base}/packages/{quote(file.filename)}"))

    def public(self) -> tuple[LockDocument, tuple[NormalizedName, ...]]:
        """Return it without the files that have no address, and the projects of which nothing is left."""
        named = self.changed(lambda file: file if file.url else None)
        left = tuple(release for release in named.releases if release.files)
        gone = dict.fromkeys(release.name for release in named.releases if not release.files)
        return replace(named, releases=left), tuple(gone)

    def text(self) -> str:
        """Write it down, as PEP 751 wants it."""
        return "\n".join(_lines(self))


def preferring(versions: Mapping[NormalizedName, str]) -> str:
    """Write the least that tells a resolver what was chosen before."""
    releases = tuple(LockedRelease(name, version) for name, version in sorted(versions.items()))
    return LockDocument(releases).text()


def read_resolved(document: Mapping[str, Any]) -> LockDocument:
    """Read which releases uv has written down; of its files each has another address."""
    releases = (
        LockedRelease(
            canonicalize_name(package["name"]),
            package["version"],
            package.get("marker"),
            package.get("requires-python"),
        )
        for package in document.get("packages", ())
    )
    return LockDocument(tuple(releases), document.get("requires-python"))


def _locked(candidate: Candidate) -> LockedFile:
    hashes = dict(text.split(":", 1) for text in sorted(candidate.hashes))
    url = candidate.url.partition("#")[0]
    return LockedFile(url, hashes, candidate.size, candidate.upload_time, candidate.filename)


def _lines(lock: LockDocument) -> Iterator[str]:
    yield 'lock-version = "1.0"'
    yield 'created-by = "pypitool"'
    if lock.requires_python is not None:
        yield f"requires-python = {_text(lock.requires_python)}"
    for release in lock.releases:
        yield "\n[[packages]]"
        yield f"name = {_text(release.name)}"
        yield f"version = {_text(release.version)}"
        if release.marker:
            yield f"marker = {_text(release.marker)}"
        if release.requires_python:
            yield f"requires-python = {_text(release.requires_python)}"
        if release.sdist is not None:
            yield f"sdist = {_inline(release.sdist)}"
        if release.wheels:
            yield from _wheels(release.wheels)
    yield ""


def _wheels(wheels: Sequence[LockedFile]) -> Iterator[str]:
    if len(wheels) == 1:
        yield f"wheels = [{_inline(wheels[0])}]"
        return
    yield "wheels = ["
    yield from (f"    {_inline(wheel)}," for wheel in wheels)
    yield "]"


def _inline(file: LockedFile) -> str:
    hashes = ", ".join(f"{name} = {_text(value)}" for name, value in sorted(file.hashes.items()))
    parts = (
        f"url = {_text(file.url)}",
        f"upload-time = {file.upload_time}" if file.upload_time else None,
        f"size = {file.size}" if file.size is not None else None,
        f"hashes = {{ {hashes} }}" if hashes else "hashes = {}",
    )
    return f"{{ {', '.join(part for part in parts if part)} }}"


def _text(value: str) -> str:
    # The escapes of JSON are those of TOML's basic strings, but for U+007F, which TOML wants escaped.
    return json.dumps(value).replace("\x7f", "\\u007f")

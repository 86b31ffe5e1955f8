"""The files of a project by release: which belong together, which release is meant, and who speaks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pypitool.core.model import FileKind, HeldFile
from pypitool.core.versions import canonical, latest, sort_key


def by_release(files: Iterable[HeldFile]) -> dict[str, list[HeldFile]]:
    """Return the files of each release, newest release first; two spellings of a version are one."""
    held = sorted(files, key=lambda file: file.filename)
    # Parsing is most of the work: each spelling once, however many files bear it.
    same = {version: canonical(version) for version in {file.version for file in held}}
    spelled: dict[str, str] = {}
    grouped: dict[str, list[HeldFile]] = {}
    for file in held:
        version = spelled.setdefault(same[file.version], file.version)
        grouped.setdefault(version, []).append(file)
    return {version: grouped[version] for version in sorted(grouped, key=sort_key, reverse=True)}


def latest_of(grouped: Mapping[str, Iterable[HeldFile]]) -> str | None:
    """Return the version that people mean who name none."""
    return latest(grouped, {version for version, members in grouped.items() if is_yanked(members)})


def spelling_of(version: str, grouped: Iterable[str]) -> str | None:
    """Return a version as the releases that are held spell it: `1.0.0` finds `1.0`."""
    wanted = canonical(version)
    return next((spelled for spelled in grouped if canonical(spelled) == wanted), None)


def is_yanked(files: Iterable[HeldFile]) -> bool:
    """Tell whether every file of a release is yanked."""
    return all(file.yanked is not None for file in files)


def metadata_digests(files: Iterable[HeldFile]) -> list[str]:
    """Return under which digests the metadata of a release is kept; a wheel is asked before an sdist."""
    ordered = sorted(files, key=lambda file: file.kind is not FileKind.WHEEL)
    return [digest for file in ordered if (digest := file.contents.metadata_sha256) is not None]

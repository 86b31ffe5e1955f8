"""What is to be done with a file that is to be uploaded, by what the index has under its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from packaging.utils import NormalizedName

# From the strongest that every index gives to those that few do.
STRONG = ("sha256", "sha384", "sha512")


class Standing(str, Enum):
    """How a file here stands to the one of the same name there."""

    ABSENT = "absent"
    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"  # the index gives no hash: the file itself has to be looked at


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the page of an index lists it; hashes by their name, in lower-case hex."""

    url: str
    hashes: Mapping[str, str]

    @property
    def digest(self) -> tuple[str, str] | None:
        """The hash to compare with, and its name."""
        return next(((name, self.hashes[name]) for name in STRONG if name in self.hashes), None)


def standing(listed: Listed | None, digest_of: Callable[[str], str]) -> Standing:
    """Compare a file here, which `digest_of` hashes by the name of a hash, with what the index lists."""
    if listed is None:
        return Standing.ABSENT
    if listed.digest is None:
        return Standing.UNKNOWN
    name, there = listed.digest
    return Standing.SAME if digest_of(name) == there else Standing.OTHER


class _OfProject(Protocol):
    @property
    def project(self) -> NormalizedName: ...


F = TypeVar("F", bound=_OfProject)


def rounds(files: Sequence[F]) -> Iterable[tuple[F, tuple[F, ...]]]:
    """Yield the first file of each project, and those that wait for it: it may be what makes the project."""
    grouped: dict[NormalizedName, list[F]] = {}
    for file in files:
        grouped.setdefault(file.project, []).append(file)
    return ((first, tuple(others)) for first, *others in grouped.values())

"""The plan of a move: what is served from where, by which settings, and what does not come along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from pypitool.core.text import counted, shortened

_SHOWN = 20
_WIDE = 200


class Program(str, Enum):
    """From what one moves."""

    DIRECTORY = "directory"
    PYPISERVER = "pypiserver"
    BANDERSNATCH = "bandersnatch"
    DEVPI = "devpi"


@dataclass(frozen=True, slots=True)
class OldSetting:
    """A setting, by the path of its key, and where it stood before."""

    path: str
    text: str  # as a flag would have it
    because: str


@dataclass(frozen=True, slots=True)
class Left:
    """What is not taken along, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What is known of a file that lies there: by its name and its bytes."""

    filename: str
    sha256: str
    upload_time: str | None = None
    yanked: str | None = None


@dataclass(frozen=True, slots=True)
class FileToMove:
    """A file that goes into the packages: where it lies below the source, whose it is and since when."""

    relpath: str
    filename: str
    sha256: str | None = None
    uploader: str | None = None
    upload_time: str | None = None


@dataclass(frozen=True, slots=True)
class MovePlan:
    """All of a move, before anything of it is done."""

    program: Program
    source: str
    packages: tuple[str, ...]
    given: tuple[OldSetting, ...] = ()
    left: tuple[Left, ...] = ()
    lying: int = 0  # package files that are served where they lie
    known: tuple[KnownFile, ...] = ()
    mirrored_from: str | None = None  # the files were mirrored, from there
    moved: tuple[FileToMove, ...] = ()
    people: tuple[str, ...] = ()

    def without(self, *left: Left) -> MovePlan:
        """Return the plan with more that does not come along."""
        return replace(self, left=(*self.left, *left))

    def giving(self, *given: OldSetting) -> MovePlan:
        """Return the plan with more settings; of one key the last counts."""
        return replace(self, given=(*self.given, *given))


def plan_lines(plan: MovePlan, config: str, becomes: str, *, whole: bool = False) -> Iterator[str]:
    """Say a plan to a person: what is served, with which configuration, and what is left.

    Of long lists the beginning is shown, unless the `whole` is asked for.
    """
    yield f"moving from {plan.program.value}: {plan.source}"
    yield from (f"serve {directory}" for directory in plan.packages)
    yield from _about_files(plan, whole)
    yield becomes
    yield from _indented(config.splitlines())
    for why, whats in _by_reason(plan.left).items():
        yield f"not taken along: {why}"
        yield from _some(whats, whole)
    if plan.people:
        yield "not taken along: the passwords of people"
        yield from _indented(plan.people)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}".rstrip() for line in lines)


def _some(texts: Sequence[str], whole: bool) -> Iterator[str]:
    """Show so many lines as somebody reads, each so long."""
    shown = texts if whole else texts[:_SHOWN]
    yield from _indented(text if whole else shortened(text, _WIDE) for text in shown)
    if len(shown) < len(texts):
        yield f"  and {len(texts) - len(shown)} more: `-v` shows them all"


def _by_reason(left: Iterable[Left]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for one in left:
        grouped.setdefault(one.why, []).append(one.what)
    return grouped


def _about_files(plan: MovePlan, whole: bool) -> Iterator[str]:
    if plan.moved:
        yield f"link or copy {counted(len(plan.moved), 'file')}"
        yield from _some([_moved_line(one) for one in plan.moved], whole)
    elif plan.program is not Program.DEVPI:
        yield f"  {counted(plan.lying, 'file')} where they lie, nothing is copied"
    if plan.mirrored_from is not None:
        times = sum(one.upload_time is not None for one in plan.known)
        yield f"  as mirrored from {plan.mirrored_from}, {counted(times, 'upload time')} from JSON"


def _moved_line(file: FileToMove) -> str:
    by = f" by {file.uploader}" if file.uploader else ""
    at = f" at {file.upload_time}" if file.upload_time else ""
    return f"{file.filename}{f', uploaded{by}{at}' if by or at else ''}"


def plan_document(plan: MovePlan, config: str, config_place: str) -> dict[str, Any]:
    """Return a plan for programs."""
    return {
        "program": plan.program.value,
        "source": plan.source,
        "packages": list(plan.packages),
        "config": {"file": config_place, "text": config},
        "left": [{"what": one.what, "why": one.why} for one in plan.left],
        "people": list(plan.people),
        "files": [
            {"name": one.filename, "uploader": one.uploader, "uploaded": one.upload_time}
            for one in plan.moved
        ],
        "lying": plan.lying,
        "known": len(plan.known),
    }

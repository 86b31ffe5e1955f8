"""What the catalogue does not have: it is not here, or nobody can say yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.filenames import BadFilename, parse
from pypitool.core.model import Problem
from pypitool.repository.scan_record import BEING_WRITTEN
from pypitool_server.services import services


class StillReading(PypitoolError):
    """The directories are being read for the first time: what is not known may be there all the same.

    Neither 404 nor the fallback would be true, and the fallback would hear a name that is ours.
    """

    kind = Kind.UNAVAILABLE
    # pip comes back five times.
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}
    sentence = "not known yet: the package directories are still being read"


class StillWriting(PypitoolError):
    """The first file of a project is being copied in."""

    kind = Kind.UNAVAILABLE
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}
    sentence = "a file of `{project}` is still being written"
    project: NormalizedName


class NothingListed(PypitoolError):
    """A project of which every file is broken: it is ours all the same, and somebody else's is not."""

    kind = Kind.NOT_FOUND
    sentence = "the files of `{project}` that are here cannot be listed: the server's log says why"
    project: NormalizedName


def refuse_while_reading() -> None:
    """Raise `StillReading` until the directories were walked to their end."""
    if not services().repository.catalogue.is_complete():
        raise StillReading


def refuse_unless_absent(project: NormalizedName) -> None:
    """Raise `StillReading` unless it is certain that we hold no file of a project."""
    refuse_while_reading()
    # Asked again: it may have been listed, and the walk have ended, since the caller looked.
    if services().repository.catalogue.project(project) is not None:
        raise StillReading


def refuse_unlisted(project: NormalizedName) -> None:
    """Raise where a project that we do not list has files here all the same."""
    reasons = {
        problem.reason for problem in services().repository.catalogue.problems() if _is_of(problem, project)
    }
    if BEING_WRITTEN in reasons:
        raise StillWriting(project)
    if reasons:
        raise NothingListed(project)


def _is_of(problem: Problem, project: NormalizedName) -> bool:
    filename = problem.location.filename
    if not canonicalize_name(filename).startswith(project):  # parsing takes ten times as long
        return False
    try:
        return parse(filename).project == project
    except BadFilename:
        return False

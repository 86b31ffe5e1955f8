"""The units of systemd for the jobs: what each reads and writes by its command line, and their files."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pypitool.cli.root import parsed_line
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.state_files import SERVICE
from pypitool.host import write_whole

if TYPE_CHECKING:
    from pypitool.config.job_tables import JobSettings
    from pypitool.config.settings import Settings
    from pypitool.core.units.units import JobUnits
    from pypitool.mirror.schedule import Timing

# What the options and arguments of a job's command are called that name files to be written: they are
# written beside themselves and renamed, so it is their directory that has to be open. And directories.
_FILES_WRITTEN = ("pin_files", "file")
_DIRECTORIES_WRITTEN = ("directory",)


class UnitsUnwritable(PypitoolError):
    """The directory for the units takes none."""

    kind = Kind.INVALID
    sentence = "cannot write {path}: {reason}"
    hint = "name a directory that is there; units of the machine lie in /etc/systemd/system, which is root's"
    path: Path
    reason: str


class UnitChange(str, Enum):
    """What became of the file of a unit."""

    WROTE = "wrote"
    KEPT = "kept"
    REPLACED = "replaced"


def timing_of(job: JobSettings) -> Timing:
    """Return when a job is due."""
    from pypitool.mirror.schedule import Timing

    return Timing(job.cron, job.timezone, timedelta(seconds=job.jitter), timedelta(seconds=job.catch_up))


def units_of(settings: Settings, job: JobSettings, config: Path) -> JobUnits:
    """Return a job as its units need it."""
    from pypitool.core.units.calendar import on_calendar
    from pypitool.core.units.template import Places
    from pypitool.core.units.units import DONE_BY_ANOTHER, JobUnits

    context = parsed_line(job.run)
    server, flags = settings.server, context.obj.flags
    packages = flags.get("server.packages") or server.packages
    state = flags.get("server.state") or server.state
    written = [*packages, *([state] if state else []), *_written(context.params)]
    read = (*_paths_of(context.params), *_inputs_of(settings))
    return JobUnits(
        job.name,
        on_calendar(job.cron, job.timezone),
        this_program(),
        config,
        Places(tuple(SERVICE / path for path in written), tuple(SERVICE / path for path in read)),
        success=(DONE_BY_ANOTHER,) if job.run[0] == "sync" else (),
        delay=int(job.jitter),
        catches_up=bool(job.catch_up),
    )


def this_program() -> Path:
    """Return the program of ours that a unit can run."""
    program = Path(sys.argv[0])
    # Of `python -m pypitool`, which no unit could run.
    beside = Path(sys.executable).with_name("pypitool")
    return (beside if program.name == "__main__.py" else program).absolute()


def _written(values: Mapping[str, Any]) -> Iterator[Path]:
    for path in _paths_of({name: values.get(name) for name in _FILES_WRITTEN}):
        yield path.parent
    yield from _paths_of({name: values.get(name) for name in _DIRECTORIES_WRITTEN})


def _paths_of(values: Mapping[str, Any]) -> Iterator[Path]:
    for value in values.values():
        yield from (one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, Path))


def _inputs_of(settings: Settings) -> Iterator[Path]:
    for one in settings.sets:
        inputs = (*one.requirements, *one.constraints, *one.lock)
        yield from (place for place in inputs if isinstance(place, Path))


def unit_doubts(unit: JobUnits, job: JobSettings, made: Collection[Path] = ()) -> Iterator[str]:
    """Say what keeps a unit from starting, or leads it elsewhere than the same line typed by hand.

    `made`: directories that are about to be.
    """
    for path in dict.fromkeys(unit.places.written):
        if path not in made and not path.is_dir() and not path.is_relative_to(SERVICE):
            starts = "until it is, its unit does not start"
            yield f"job {job.name} writes to {path}, which is no directory: {starts}"
    for path in _paths_of(parsed_line(job.run).params):
        if not path.is_absolute():
            yield f"job {job.name}: {path} is {SERVICE / path} for its unit; write the whole path into `run`"


def write_units(directory: Path, files: Mapping[str, str]) -> list[tuple[Path, UnitChange]]:
    """Write the files of units that are not as they should be, and say what became of each."""
    return [(directory / name, _write_unit(directory / name, text.encode())) for name, text in files.items()]


def _write_unit(path: Path, body: bytes) -> UnitChange:
    try:
        before = path.read_bytes() if path.exists() else None
        if before == body:
            return UnitChange.KEPT
        write_whole(path, body)
    except OSError as error:
        raise UnitsUnwritable(path, (error.strerror or str(error)).lower()) from error
    return UnitChange.WROTE if before is None else UnitChange.REPLACED


def next_steps(directory: Path, jobs: Sequence[JobSettings]) -> str:
    """Say what makes the written units count."""
    timers = " ".join(f"pypitool-{job.name}.timer" for job in jobs)
    place = Path("/etc/systemd/system")
    copied = "" if directory.absolute() == place else f"copy them to {place}, then as root: "
    return f"{copied}systemctl daemon-reload && systemctl enable --now {timers}"

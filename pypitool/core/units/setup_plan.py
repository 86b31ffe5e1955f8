"""What `setup systemd` does: a plan of steps, which a dry run prints and a real one carries out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pypitool.core.state_files import SERVICE
from pypitool.core.units.steps import (
    GiveToGroup,
    KeepBefore,
    MakeDirectory,
    RemoveFile,
    RunCommand,
    SetupStep,
    WriteFile,
)
from pypitool.core.units.template import CONFIGURATION, LOGS, RUNTIME, USER

UNIT_FOLDER = Path("/etc/systemd/system")
SERVER_UNIT = "pypitool.service"
# The program first, alone in quotes where its path has a space, and nothing behind the command, which would
# be somebody's own: what is ours is written anew, the rest is kept.
_COMMAND = r"(?:serve|daemon|sync|schedule run \S+)"
_OURS = re.compile(
    rf"^ExecStart=(?:'[^'\n]*/pypitool'|\S*/pypitool) (?:--config \S+ )?{_COMMAND}$", re.MULTILINE
)
_OF_JOB = re.compile(r"^ExecStart=.* schedule run \S+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FoundPath:
    """A file or directory as it was found."""

    user: int
    group: int
    mode: int


@dataclass(frozen=True, slots=True)
class FoundMachine:
    """What is there before anything is done."""

    user: int | None = None  # the numbers of the service's user and group
    group: int | None = None
    units: Mapping[str, str] = field(default_factory=dict)  # files of units, by name: those called pypitool*
    paths: Mapping[Path, FoundPath] = field(default_factory=dict)  # of those that were asked for
    drop_ins: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class WantedService:
    """What is to be there: by the configuration, or by the one that is about to be written."""

    units: Mapping[str, str]
    directories: Sequence[Path]  # that the server writes into
    config: Path
    state: Path = SERVICE
    passwords: Path | None = None
    config_text: str = ""  # for a machine that has none
    of_jobs: Sequence[Path] = ()  # directories that jobs write into; nobody makes them

    @property
    def paths(self) -> tuple[Path, ...]:
        """Everything besides the units that it matters to find."""
        passwords = () if self.passwords is None else (self.passwords,)
        return (
            CONFIGURATION,
            self.config,
            SERVICE,
            self.state,
            *self.directories,
            *self.of_jobs,
            *passwords,
            LOGS,
        )


def plan_setup(found: FoundMachine, wanted: WantedService) -> list[SetupStep]:
    """Say what makes the service of a machine, or brings it up to date; what is right is left alone."""
    units = list(_units(found, wanted))
    started = [name for name in wanted.units if name == SERVER_UNIT or _is_started(name, wanted.units)]
    return [
        *_user(found),
        *_directories(found, wanted),
        *_configuration(found, wanted),
        *units,
        *([RunCommand(("systemctl", "daemon-reload"))] if units else []),
        RunCommand(("systemctl", "enable", *started)),
        # What runs is of the version before; a timer that has changed counts from its start.
        RunCommand(("systemctl", "restart", *started)),
    ]


def of_others(found: FoundMachine, paths: Iterable[Path]) -> list[Path]:
    """Choose the directories that are there, and the service's user may not write, as far as modes tell."""
    there = ((path, found.paths[path]) for path in paths if path in found.paths)
    return [path for path, one in there if not _writes(found, one)]


def _writes(found: FoundMachine, there: FoundPath) -> bool:
    by_user = found.user is not None and there.user == found.user and there.mode & 0o200
    by_group = found.group is not None and there.group == found.group and there.mode & 0o020
    return bool(by_user or by_group or there.mode & 0o002)


def left_by_removal(found: FoundMachine) -> list[str]:
    """Name what a removal does not take away."""
    places = (str(path) for path in (*found.paths, *found.drop_ins))
    return [*([] if found.user is None else [f"the user {USER}"]), *dict.fromkeys(places)]


def plan_removal(found: FoundMachine) -> list[SetupStep]:
    """Say what takes the units away."""
    ours = _our_units(found.units)
    if not ours:
        return []
    return [
        RunCommand(("systemctl", "disable", "--now", *ours)),
        *(RemoveFile(UNIT_FOLDER / name) for name in ours),
        RunCommand(("systemctl", "daemon-reload")),
    ]


def _is_started(name: str, units: Mapping[str, str]) -> bool:
    """Tell whether a unit is started by itself: a timer, or a service that has none."""
    return name.endswith(".timer") or name.replace(".service", ".timer") not in units


def _user(found: FoundMachine) -> Iterator[SetupStep]:
    if found.user is None:
        group = "--user-group" if found.group is None else f"--gid={USER}"
        home, shell = f"--home-dir={SERVICE}", "--shell=/usr/sbin/nologin"
        yield RunCommand(("useradd", "--system", group, home, "--no-create-home", shell, USER))


def _directories(found: FoundMachine, wanted: WantedService) -> Iterator[SetupStep]:
    if CONFIGURATION not in found.paths:
        yield MakeDirectory(CONFIGURATION, "root", 0o755)
    elif (found.paths[CONFIGURATION].user, found.paths[CONFIGURATION].group) == (0, 0):
        # What root makes there, a password file, is then the group's to read.
        yield GiveToGroup(CONFIGURATION, found.paths[CONFIGURATION].mode)
    modes = {**dict.fromkeys(wanted.directories, 0o755), SERVICE: 0o750, wanted.state: 0o750}
    for path, mode in sorted(modes.items()):  # each after the one that it lies in
        # Those two are made for the unit whenever it starts.
        if path not in found.paths and not path.is_relative_to(LOGS) and not path.is_relative_to(RUNTIME):
            yield MakeDirectory(path, USER, mode)


def _configuration(found: FoundMachine, wanted: WantedService) -> Iterator[SetupStep]:
    if wanted.config not in found.paths:
        yield WriteFile(wanted.config, wanted.config_text, USER)
    passwords = wanted.passwords
    if passwords is None:
        return
    there = found.paths.get(passwords)
    if there is None:
        yield WriteFile(passwords, "", USER, 0o640)
    elif not _reads(found, there):
        yield GiveToGroup(passwords, there.mode | 0o040)


def _reads(found: FoundMachine, there: FoundPath) -> bool:
    by_user = there.user == found.user and there.mode & 0o400
    by_group = there.group == found.group and there.mode & 0o040
    return bool(by_user or by_group or there.mode & 0o004)


def _units(found: FoundMachine, wanted: WantedService) -> Iterator[SetupStep]:
    gone = [name for name in _our_jobs(found.units) if name not in wanted.units]
    if timers := [name for name in gone if name.endswith(".timer")]:
        yield RunCommand(("systemctl", "disable", "--now", *timers))
    yield from (RemoveFile(UNIT_FOLDER / name) for name in gone)
    ours = _our_units(found.units)
    for name, text in wanted.units.items():
        before = found.units.get(name)
        if before == text:
            continue
        if before is not None and name not in ours:
            yield KeepBefore(UNIT_FOLDER / name)
        yield WriteFile(UNIT_FOLDER / name, text, is_new=before is None)


def _our_units(units: Mapping[str, str]) -> list[str]:
    """Name those that run pypitool, and their timers: as we write them, or as somebody copied them."""
    return _with_timers(units, (name for name, text in units.items() if _OURS.search(text)))


def _our_jobs(units: Mapping[str, str]) -> list[str]:
    return _with_timers(units, (name for name in _our_units(units) if _OF_JOB.search(units[name])))


def _with_timers(units: Mapping[str, str], services: Iterable[str]) -> list[str]:
    found = [name for name in services if name.endswith(".service")]
    timers = {name.replace(".service", ".timer") for name in found} & units.keys()
    return [*found, *sorted(timers)]

"""This machine, as `setup` finds and changes it: accounts, directories, files, and commands of the system."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.units.setup_plan import SERVER_UNIT, UNIT_FOLDER, FoundMachine, FoundPath
from pypitool.core.units.steps import Machine, SetupStep
from pypitool.core.units.template import HOMES, TEMPORARY, USER
from pypitool.host import whole_file

_LONGEST = 600.0  # seconds; a server may rebuild its catalogue before it is ready
_LAST_LINES = 5
_RUNS = Path("/run/systemd/system")  # sd_booted(3): it is there where systemd runs the machine


class NoSystemd(PypitoolError):
    """Something else runs this machine."""

    kind = Kind.CONFIG
    sentence = "systemd does not run this machine"
    hint = "`--dry-run` shows what would be done; in a container run `pypitool serve` itself"


class OnlyRoot(PypitoolError):
    """Another user asks for what only root may do."""

    kind = Kind.FORBIDDEN
    sentence = "only root can set up a service of the machine"
    hint = "run it with sudo; `--dry-run` shows what would be done"


class ProgramHidden(PypitoolError):
    """The service could not run this program."""

    kind = Kind.CONFIG
    sentence = "the service cannot run {program}: {place} {reason}"
    hint = (
        "install it for the machine, `python3 -m venv /opt/pypitool && /opt/pypitool/bin/pip install "
        "pypitool`, then `/opt/pypitool/bin/pypitool setup systemd`"
    )
    program: Path
    place: Path
    reason: str


class StepFailed(PypitoolError):
    """A step of the plan could not be carried out; those before it are done."""

    kind = Kind.INTERNAL
    sentence = "{what} failed: {reason}"
    hint = "what was done before stays done; mend it and run it again"
    what: str
    reason: str


class NotStarted(StepFailed):
    """What was set up does not start."""

    hint = "mend it, then run it again; `journalctl -u pypitool -n 30` has the rest"


class ThisMachine:
    """The real one, which steps are carried out on."""

    def run(self, words: Sequence[str]) -> None:
        """Run a command, and raise what is wrong if it fails."""
        ended = _ended(words)
        if ended.returncode == 0:
            return
        is_start = tuple(words[:2]) == ("systemctl", "restart")
        said = (_last_words() if is_start else "") or ended.stderr.strip() or ended.stdout.strip()
        raise (NotStarted if is_start else StepFailed)(f"`{' '.join(words)}`", said)

    def make_directory(self, path: Path, owner: str, group: str, mode: int) -> None:
        """Make a directory, with those around it, which are root's."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True)
        os.chown(path, pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid)
        path.chmod(mode)

    def write(self, path: Path, text: str, group: str, mode: int) -> None:
        """Write a file of root's in one step, for this group to read."""

        def prepare(new: Path) -> None:
            os.chown(new, 0, grp.getgrnam(group).gr_gid)
            new.chmod(mode)

        with whole_file(path, prepare) as file:
            file.write(text.encode())

    def give(self, path: Path, group: str, mode: int) -> None:
        """Let a group have a file or directory."""
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
        path.chmod(mode)

    def rename(self, path: Path, to: Path) -> None:
        """Give a file another name."""
        path.rename(to)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink(missing_ok=True)


def carry_out(steps: Iterable[SetupStep], machine: Machine, tell: Callable[[SetupStep], None]) -> None:
    """Carry out a plan, and tell of each step once it is done."""
    for step in steps:
        try:
            step.carry_out(machine)
        except OSError as error:
            raise StepFailed(str(step), (error.strerror or str(error)).lower()) from error
        tell(step)


def refuse_machine() -> None:
    """Raise what keeps a service from being set up here by who asks for it."""
    if os.geteuid() != 0:
        raise OnlyRoot
    if not _RUNS.is_dir():
        raise NoSystemd


def refuse_program(program: Path) -> None:
    """Raise why the service could not run a program: it sees no home, and is nobody there."""
    places = (program.parent, program.resolve(), Path(sys.prefix), Path(sys.base_prefix))
    for place in places:
        if any(place.is_relative_to(hidden) for hidden in (*HOMES, *TEMPORARY)):
            raise ProgramHidden(program, place, "is hidden from services")
        for folder in place.parents:
            if not folder.stat().st_mode & stat.S_IXOTH:
                raise ProgramHidden(program, folder, "lets nobody else in")


def find(paths: Iterable[Path], folder: Path = UNIT_FOLDER) -> FoundMachine:
    """Look at what there is."""
    return FoundMachine(
        user=_number(lambda: pwd.getpwnam(USER).pw_uid),
        group=_number(lambda: grp.getgrnam(USER).gr_gid),
        units={path.name: path.read_text(errors="replace") for path in _unit_files(folder)},
        paths=dict(_found(paths)),
        drop_ins=sorted(folder.glob("pypitool*.d")),
    )


def status_text() -> str:
    """Return what the server has told systemd about itself."""
    return _shown("StatusText")


def _last_words() -> str:
    """Return what the server itself logged last, as the reason why it does not run."""
    this_start = f"_SYSTEMD_INVOCATION_ID={_shown('InvocationID')}"
    log = ("journalctl", this_start, "--lines", str(_LAST_LINES), "--output=cat", "--no-pager")
    return _ended(log).stdout.strip()


def _shown(what: str) -> str:
    """Return a property of the server's unit."""
    return _ended(("systemctl", "show", f"--property={what}", "--value", SERVER_UNIT)).stdout.strip()


def _ended(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, capture_output=True, text=True, errors="replace", check=False, timeout=_LONGEST,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _number(look_up: Callable[[], int]) -> int | None:
    try:
        return look_up()
    except KeyError:
        return None


def _unit_files(folder: Path) -> Iterator[Path]:
    for suffix in ("service", "timer"):
        yield from (path for path in sorted(folder.glob(f"pypitool*.{suffix}")) if path.is_file())


def _found(paths: Iterable[Path]) -> Iterator[tuple[Path, FoundPath]]:
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            there = path.stat()
            yield path, FoundPath(there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode))

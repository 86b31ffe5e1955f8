"""The template of every unit: those in `systemd/`, of `schedule --systemd`, and those that `setup` writes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pypitool.core.state_files import SERVICE

USER = "pypitool"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
CONFIGURATION = Path("/etc/pypitool")
LOGS = Path("/var/log/pypitool")
RUNTIME = Path("/run/pypitool")
# What `ProtectHome=true` hides, so that `ReadWritePaths=` does not open it either; and `PrivateTmp=true`.
HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108  # nothing is put there


@dataclass(frozen=True, slots=True)
class Places:
    """What a unit gets at besides its own directories; every path is absolute."""

    written: Sequence[Path] = ()  # directories that files are put into
    read: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class Manner:
    """How systemd starts, reloads and ends a service, in its own words."""

    start: str  # lines before ExecStart=
    end: str  # lines after it
    capabilities: str = ""
    rest: str = ""  # lines at the end of the section
    directories: Sequence[str] = ()  # besides that of the state
    is_patient: bool = True  # its work comes after that of others
    is_reloaded: bool = False
    is_started_at_boot: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A service as its unit describes it."""

    name: str  # of its file, without the suffix
    description: str
    command: Sequence[str]  # begins with the program
    manner: Manner
    about: str  # comment lines about what it is
    places: Places = field(default_factory=Places)

    def unit(self) -> str:
        """Return the text of its unit."""
        manner, program = self.manner, self.command[0]
        return _SERVICE.format(
            about=_comment(self.about, f"{self.name}.service"),
            description=self.description,
            mounts="".join(f"RequiresMountsFor={_escaped(str(path))}\n" for path in self._mounted()),
            start=manner.start,
            command=_line(self.command),
            reload=_RELOAD.format(program=_line([program])) if manner.is_reloaded else "",
            end=manner.end,
            user=USER,
            home=SERVICE,
            directories="".join(f"{name}Directory=pypitool\n" for name in manner.directories),
            patience=_PATIENCE if manner.is_patient else "",
            capabilities=manner.capabilities,
            writable="".join(f"ReadWritePaths={_escaped(str(path))}\n" for path in self._opened()),
            protect_home="read-only" if self._reaches(HOMES) else "true",
            private_tmp="false" if self._reaches(TEMPORARY) else "true",
            rest=manner.rest,
            install=_INSTALL.format(target="multi-user") if manner.is_started_at_boot else "",
        )

    def _opened(self) -> list[Path]:
        """List what needs a line: what systemd makes for the unit is open to it anyway."""
        own = (SERVICE, LOGS, RUNTIME) if "Runtime" in self.manner.directories else (SERVICE,)
        return [path for path in dict.fromkeys(self.places.written) if not _any_below([path], own)]

    def _mounted(self) -> list[Path]:
        """List what may lie on a disk that is mounted late: without it nothing starts, and nothing fails."""
        # systemd 252 reads no escapes there.
        return [path for path in self._opened() if str(path).isprintable() and "\\" not in str(path)]

    def _reaches(self, hidden: Sequence[Path]) -> bool:
        return _any_below((Path(self.command[0]), *self.places.written, *self.places.read), hidden)


@dataclass(frozen=True, slots=True)
class Timer:
    """What starts a service of the same name on time."""

    name: str
    description: str
    calendar: str
    about: str
    delay: int = 0  # seconds; not all machines of the world at the same second
    catches_up: bool = True

    def unit(self) -> str:
        """Return the text of its unit."""
        return _TIMER.format(
            about=_comment(self.about, f"{self.name}.timer"),
            description=self.description,
            calendar=self.calendar,
            persistent="true" if self.catches_up else "false",
            delay=f"{self.delay}s" if self.delay else "0",
            install=_INSTALL.format(target="timers"),
        )


def _comment(about: str, file: str) -> str:
    lines = about.replace("{file}", file).splitlines()
    return "".join(f"# {line}\n" if line else "#\n" for line in lines)


def _any_below(paths: Iterable[Path], places: Sequence[Path]) -> bool:
    return any(path.is_relative_to(place) for path in paths for place in places)


def _line(words: Iterable[str]) -> str:
    return " ".join(_escaped(word).replace("$", "$$") for word in words)


def _escaped(word: str) -> str:
    # systemd.unit(5): `%` begins a specifier, and a backslash an escape, within quotes too. A line end in a
    # path must not begin another setting.
    plain = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", word.replace("\\", "\\\\"))
    return shlex.quote(plain).replace("%", "%%")


_SERVICE = """\
{about}
[Unit]
Description={description}
After=network-online.target
Wants=network-online.target
{mounts}
[Service]
{start}ExecStart={command}
{reload}{end}
User={user}
Group={user}
UMask=0027
StateDirectory=pypitool
StateDirectoryMode=0750
{directories}WorkingDirectory={home}
{patience}
{capabilities}
# It writes its state, and what is named here, and nothing else.
ProtectSystem=strict
{writable}ProtectHome={protect_home}
PrivateTmp={private_tmp}
PrivateDevices=true
ProtectKernelTunables=true
ProtectKernelModules=true
ProtectKernelLogs=true
ProtectControlGroups=true
ProtectClock=true
ProtectHostname=true
ProtectProc=invisible
NoNewPrivileges=true
RestrictSUIDSGID=true
RestrictNamespaces=true
RestrictRealtime=true
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LockPersonality=true
MemoryDenyWriteExecute=true
RemoveIPC=true
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
{rest}{install}"""
_RELOAD = """\
# A faulty configuration is told to whoever asked, and changes nothing.
ExecReload={program} config check
# The shell's own kill: not every machine has another one.
ExecReload=/bin/sh -c "kill -HUP $MAINPID"
"""
_PATIENCE = """\
# Clients of the server come first.
Nice=10
IOSchedulingClass=idle
"""
_TIMER = """\
{about}
[Unit]
Description={description}

[Timer]
OnCalendar={calendar}
Persistent={persistent}
RandomizedDelaySec={delay}
{install}"""
_INSTALL = """
[Install]
WantedBy={target}.target
"""

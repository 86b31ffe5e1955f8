"""The units there are: the server, the daemon, one run of `sync`, and a job with its timer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pypitool.core.units.template import Manner, Places, Service, Timer

# Where the units that come with the project look for it.
SHIPPED_PROGRAM = Path("/opt/pypitool/bin/pypitool")
_NOWHERE = Places()

_WRITTEN = """
`sudo pypitool setup systemd` writes this file, and writes it anew when it is run after an upgrade. What is to
stay different belongs into `systemctl edit {file}`."""
_ELSEWHERE = """
Package directories elsewhere than below /var/lib/pypitool, and whatever else it is to write, need a line;
`setup` puts in those that the configuration names:

  [Service]
  ReadWritePaths=/srv/packages
  ProtectHome=read-only    # only where they lie below /home, which is hidden otherwise"""
_NO_CAPABILITIES = "CapabilityBoundingSet=\nAmbientCapabilities=\n"
_SERVER = Manner(
    start="Type=notify\nNotifyAccess=main\n",
    end="""\
Restart=on-failure
RestartSec=2
# Exit code 8 is a wrong configuration: starting again would not mend it.
RestartPreventExitStatus=2 8
# SIGTERM goes to the parent, which lets downloads finish for `stop-timeout` (30 s) and then cuts them:
# with a longer one, make this longer too.
KillMode=mixed
TimeoutStopSec=45
# A lost catalogue is rebuilt before the first answer.
TimeoutStartSec=180
""",
    capabilities="""\
# Ports below 1024 without root.
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
""",
    rest="LimitNOFILE=65536\n",
    directories=("Runtime", "Logs", "Configuration"),
    is_patient=False,
    is_reloaded=True,
    is_started_at_boot=True,
)
_DAEMON = Manner(
    start="Type=notify\nNotifyAccess=main\n",
    end="""\
Restart=on-failure
RestartSec=10
# Exit code 8 is a wrong configuration: starting again would not mend it.
RestartPreventExitStatus=2 8
# SIGTERM lets the file in hand arrive, however large it is; then partial files are kept.
KillMode=mixed
TimeoutStopSec=15min
""",
    capabilities=_NO_CAPABILITIES,
    directories=("Configuration",),
    is_reloaded=True,
    is_started_at_boot=True,
)


def _run(success: Sequence[int] = ()) -> Manner:
    good = f"SuccessExitStatus={' '.join(map(str, success))}\n" if success else ""
    return Manner(
        start="Type=oneshot\n",
        end=f"""\
{good}# A first run may take hours; an interrupted one goes on where it was.
TimeoutStartSec=infinity
# SIGTERM ends it after the reads in hand; partial files are kept.
KillMode=mixed
TimeoutStopSec=60
""",
        capabilities=_NO_CAPABILITIES,
        directories=("Configuration",),
    )


# Of a `sync`: another run holds the directory, and does what this one would have done.
DONE_BY_ANOTHER = 6


def server(program: Path = SHIPPED_PROGRAM, places: Places = _NOWHERE) -> Service:
    """Return the server as a service of the machine."""
    about = f"""\
The package index as a service of the machine. What is served, where and to whom stands in
/etc/pypitool/config.toml; without that it serves /var/lib/pypitool/packages on port 8080.
`systemctl reload pypitool` reads it again, and changes nothing if it is wrong.
{_WRITTEN}{_ELSEWHERE}"""
    command = (str(program), "serve")
    return Service("pypitool", "Python package index (pypitool)", command, _SERVER, about, places)


def daemon(program: Path = SHIPPED_PROGRAM, places: Places = _NOWHERE) -> Service:
    """Return the jobs of the configuration as a process that waits for them."""
    about = f"""\
The jobs of the configuration, [job.NAME], run when they are due: `pypitool daemon`. A timer for each does the
same without a process that waits (`pypitool schedule --systemd`); this is for who prefers one place.
`systemctl reload pypitool-daemon` reads the configuration again.
{_WRITTEN}{_ELSEWHERE}"""
    what = "Python package mirror, its jobs (pypitool daemon)"
    return Service("pypitool-daemon", what, (str(program), "daemon"), _DAEMON, about, places)


def sync(program: Path = SHIPPED_PROGRAM, places: Places = _NOWHERE) -> Service:
    """Return one run of `sync` as a service."""
    about = f"""\
One run of the mirror: `pypitool sync`, each night by pypitool-sync.timer. What is fetched stands in
/etc/pypitool/config.toml: [upstream.*], [targets], [set.*]. `systemctl start pypitool-sync` runs it now,
`pypitool runs` tells how it went.
{_WRITTEN}{_ELSEWHERE}"""
    what = "Python package mirror, one run (pypitool sync)"
    command = (str(program), "sync")
    return Service("pypitool-sync", what, command, _run([DONE_BY_ANOTHER]), about, places)


def nightly() -> Timer:
    """Return what starts `sync` each night."""
    about = f"""\
Starts pypitool-sync.service each night: not between 02:00 and 03:00, which some nights do not have, and
others twice. A night that was missed is caught up when the machine is on again, however late. Jobs of the
configuration have timers of their own: `pypitool schedule --systemd`.
{_WRITTEN}"""
    what = "Python package mirror, each night"
    return Timer("pypitool-sync", what, "*-*-* 03:30:00", about, delay=600)


def shipped() -> dict[str, str]:
    """Return the units that come with the project, by the names of their files."""
    services = {f"{one.name}.service": one.unit() for one in (server(), daemon(), sync())}
    return {**services, f"{nightly().name}.timer": nightly().unit()}


@dataclass(frozen=True, slots=True)
class JobUnits:
    """A job as its units need it; every path is absolute."""

    name: str
    calendar: str
    program: Path
    config: Path
    places: Places = _NOWHERE
    success: Sequence[int] = ()  # exit codes that are no failure, besides 0
    delay: int = 0
    catches_up: bool = True

    def files(self) -> dict[str, str]:
        """Return its service and its timer, by the names of their files."""
        service, timer = self._service(), self._timer()
        return {f"{service.name}.service": service.unit(), f"{timer.name}.timer": timer.unit()}

    def _service(self) -> Service:
        command = (str(self.program), "--config", str(self.config), "schedule", "run", self.name)
        places = Places(self.places.written, (*self.places.read, self.config))
        about = (
            f"The job {self.name} of the configuration; it may write what its command line names.\n{_WRITTEN}"
        )
        what = f"pypitool job {self.name}"
        return Service(f"pypitool-{self.name}", what, command, _run(self.success), about, places)

    def _timer(self) -> Timer:
        name = f"pypitool-{self.name}"
        about = f"Starts {name}.service when the job is due.\n{_WRITTEN}"
        what = f"pypitool job {self.name}, on time"
        return Timer(name, what, self.calendar, about, self.delay, self.catches_up)

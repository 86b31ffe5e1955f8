"""What `setup` wants of a machine: units for the server and the jobs, filled in from the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pypitool.cli.job_units import this_program, unit_doubts, units_of
from pypitool.config.config_files import SYSTEM_FILE
from pypitool.config.loader import Loaded
from pypitool.config.settings import Settings
from pypitool.core.state_files import SERVICE
from pypitool.core.units.setup_plan import SERVER_UNIT, FoundMachine, WantedService, of_others
from pypitool.core.units.template import USER, Places
from pypitool.core.units.units import JobUnits, daemon, nightly, server, sync

PACKAGES = SERVICE / "packages"
PASSWORDS = SYSTEM_FILE.with_name("htpasswd")
FIRST_CONFIG = f"""\
# What is served, where and to whom, for the service and for root's commands. Every key: docs/reference.md.
# `pypitool config check` finds faults, `systemctl reload pypitool` lets a change count.

[server]
packages = "{PACKAGES}"    # elsewhere: `sudo pypitool setup systemd` again
state = "{SERVICE}"
host = "0.0.0.0"    # "127.0.0.1" behind a proxy of this machine
port = 8080

[auth]
authenticate = ["update"]    # who uploads logs in; "list", "download": who reads, too
passwords = "{PASSWORDS}"    # `sudo pypitool user add NAME` adds somebody
"""


def settings_of(loaded: Loaded) -> Settings:
    """Return the settings as the service reads them: its home is another one than root's."""
    settings = loaded.settings
    if not loaded.origins["server.packages"].is_default:
        return settings
    return replace(settings, server=replace(settings.server, packages=(PACKAGES,)))


def wanted(settings: Settings, units: Mapping[str, str], *, is_first: bool = False) -> WantedService:
    """Say what is to be there; `units` are there already, and are kept up to date."""
    places, jobs = server_places(settings), _jobs(settings)
    return WantedService(
        units=dict(_units(places, jobs, units)),
        directories=places.written,
        config=SYSTEM_FILE,
        state=settings.server.state or SERVICE,
        passwords=PASSWORDS if is_first else settings.auth.passwords,
        config_text=FIRST_CONFIG,
        of_jobs=[path for job in jobs for path in job.places.written],
    )


def _jobs(settings: Settings) -> list[JobUnits]:
    return [units_of(settings, job, SYSTEM_FILE) for job in settings.jobs]


def _units(places: Places, jobs: Sequence[JobUnits], there: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    program = this_program()
    yield SERVER_UNIT, server(program, places).unit()
    if (name := "pypitool-daemon.service") in there:
        # It runs all of them, so none gets a timer.
        written = (path for job in jobs for path in job.places.written)
        read = (path for job in jobs for path in job.places.read)
        every = Places((*places.written, *written), (*places.read, *read))
        yield name, daemon(program, every).unit()
    else:
        for job in jobs:
            yield from job.files().items()
    if "pypitool-sync.service" in there and "sync" not in [job.name for job in jobs]:
        yield "pypitool-sync.service", sync(program, places).unit()
        yield "pypitool-sync.timer", nightly().unit()


def server_places(settings: Settings) -> Places:
    """Return what the server writes and reads, by its configuration."""
    server, auth = settings.server, settings.auth
    beside = (path.parent for path in (server.log_file, server.unix_socket) if path is not None)
    state = () if server.state is None else (server.state,)
    read = (SYSTEM_FILE, auth.passwords, server.cert, server.key, server.welcome)
    return Places((*server.packages, *state, *beside), tuple(path for path in read if path is not None))


def doubts(settings: Settings, found: FoundMachine, wanted: WantedService) -> Iterator[str]:
    """Say what would keep the service from its work, and is somebody's to decide."""
    for path in of_others(found, dict.fromkeys((*settings.server.packages, *wanted.of_jobs))):
        yield f"{path} is not the service's: `chown -R {USER} {path}` lets it write there"
    for job in settings.jobs:
        yield from unit_doubts(units_of(settings, job, SYSTEM_FILE), job, made=wanted.directories)

"""`pypitool schedule`: the jobs of the configuration, when they run, how they went, and running one."""

from __future__ import annotations

import shlex
import threading
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import Group, option
from pypitool.cli.completing import job_names
from pypitool.cli.invocation import Invocation
from pypitool.cli.job_units import next_steps, timing_of, unit_doubts, units_of, write_units
from pypitool.cli.main import Failure, describe, report
from pypitool.cli.mirror_run import workspace_of
from pypitool.cli.output import Output
from pypitool.cli.root import root
from pypitool.config.faults import WantsConfiguration
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.guard import Guard
from pypitool.core.mirror.run_events import ErrorEvent
from pypitool.core.mirror.run_summary import RunOutcome, Summary
from pypitool.core.state_files import StateFiles

if TYPE_CHECKING:
    from pypitool.config.job_tables import JobSettings
    from pypitool.config.settings import Settings
    from pypitool.mirror.record import Run


class NoConfiguration(WantsConfiguration):
    """Jobs stand in a configuration file, and none was read."""

    kind = Kind.CONFIG
    sentence = "there is no configuration file, and so there are no jobs"
    hint = "name one with --config FILE, or write /etc/pypitool/config.toml"


class ScheduleGroup(Group):
    """A group that does something of its own when no command of it is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take an empty line for the list of jobs."""
        return click.Group.parse_args(self, ctx, args)


@click.group(
    "schedule",
    cls=ScheduleGroup,
    invoke_without_command=True,
    examples=(
        "pypitool schedule",
        "pypitool schedule run nightly",
        "pypitool schedule --systemd --write DIR",
    ),
)
@option("--systemd", is_flag=True, help="Print a service and a timer of systemd for each job.")
@option(
    "--write",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="With --systemd: write them into this directory, each into its file.",
)
@click.pass_context
def schedule_command(ctx: click.Context, systemd: bool, directory: Path | None) -> int:
    """List the jobs, run one, or print units for systemd.

    Each job comes with its next run, its last one, and how that went. A unit may write to the state, the
    packages, and what the command line of its job writes: files of `update --write`, a bundle's directory.
    """
    invocation: Invocation = ctx.obj
    if directory is not None and not systemd:
        raise click.UsageError("`--write` says where `--systemd` writes the units: give both")
    if ctx.invoked_subcommand is not None:
        return 0
    loaded = invocation.load()
    if systemd:
        _print_units(invocation, loaded.settings, _config_file(loaded.files), directory)
    else:
        _print_jobs(invocation, loaded.settings)
    return 0


@schedule_command.command(
    "run",
    examples=(
        "pypitool schedule run nightly",
        "pypitool schedule run nightly --config /etc/pypitool/config.toml",
    ),
    exits={2: "there is no such job"},
)
@click.argument("job", shell_complete=job_names)
@click.pass_obj
def run_command(invocation: Invocation, job: str) -> int:
    """Run a job now; it ends with the exit code of its command."""
    loaded = invocation.load()
    _config_file(loaded.files)
    return run_job(invocation, _find_job(loaded.settings, job))


def _config_file(files: tuple[Path, ...]) -> Path:
    if not files:
        raise NoConfiguration
    return files[-1].absolute()


def _print_jobs(invocation: Invocation, settings: Settings) -> None:
    now, output = datetime.now(timezone.utc), Output(invocation)
    rows = [_row(settings, job, now) for job in settings.jobs]
    if invocation.json:
        output.document(rows)
        return
    output.table(
        ("Job", "Run", "Cron", "Next", "Last", "Outcome"),
        [[value or "-" for value in row.values()] for row in rows],
        nothing="there are no jobs; write [job.NAME] tables into the configuration",
    )


def _row(settings: Settings, job: JobSettings, now: datetime) -> dict[str, str | None]:
    following, last = timing_of(job).next_due(now), last_run(settings, job.name)
    return {
        "job": job.name,
        "run": shlex.join(job.run),
        "cron": job.cron,
        "next": following.strftime("%Y-%m-%dT%H:%M:%SZ") if following is not None else None,
        "last": last.started if last is not None else None,
        "outcome": last.summary.outcome.value if last is not None and last.summary is not None else None,
    }


def _print_units(invocation: Invocation, settings: Settings, config: Path, directory: Path | None) -> None:
    output, units = Output(invocation), [units_of(settings, job, config) for job in settings.jobs]
    for unit, job in zip(units, settings.jobs, strict=True):
        output.notices(unit_doubts(unit, job))
    files = {name: text for unit in units for name, text in unit.files().items()}
    if directory is None:
        click.echo("\n".join(f"# {name}\n{text}" for name, text in files.items()), nl=False)
        return
    changes = write_units(directory, files)
    if invocation.json:
        output.document([{"file": str(path), "outcome": change.value} for path, change in changes])
        return
    for path, change in changes:
        output.line(f"{change.value} {path}")
    if settings.jobs:
        output.done(f"hint: {next_steps(directory, settings.jobs)}")


def _find_job(settings: Settings, name: str) -> JobSettings:
    """Return a job by its name."""
    from pypitool.mirror.configured import UnknownName

    by_name = {job.name: job for job in settings.jobs}
    if name not in by_name:
        raise UnknownName("job", name, sorted(by_name))
    return by_name[name]


def run_job(invocation: Invocation, job: JobSettings, stop: threading.Event | None = None) -> int:
    """Run a job now, and return the exit code of its command."""

    own = replace(invocation, job=job.name, stop=stop, flags={}, notices=[])
    began = datetime.now(timezone.utc)

    def run() -> int:
        code = root.main(list(job.run), prog_name="pypitool", standalone_mode=False, obj=own)
        return code if isinstance(code, int) else 0

    def failed(error: PypitoolError) -> int:
        # What is wrong with one job must not end the daemon, nor stay unsaid.
        failure = describe(error)
        report(failure, invocation)
        _tell(invocation, job, failure, began, stop)
        return failure.exit_code

    return Guard.turn(run, failed)


def last_run(settings: Settings, name: str) -> Run | None:
    """Return the last run of a job, without opening anything that is not there."""
    from pypitool.mirror.record import MirrorRecord
    from pypitool.repository.state import choose_state

    state = choose_state(settings.server.packages, settings.server.state)
    return MirrorRecord(StateFiles(state).mirror, scratch=True).last_run_of(name)


def _tell(
    invocation: Invocation,
    job: JobSettings,
    failure: Failure,
    began: datetime,
    stop: threading.Event | None,
) -> None:
    """Put on record and tell that a job could not even begin: no run has done either."""
    from pypitool.core.mirror.run_trouble import RunTrouble
    from pypitool.mirror.configured import recipients
    from pypitool.mirror.notify import notify

    # Even where the configuration is what is wrong, the rest of it says who is to be told.
    settings = invocation.load_readable()[0].settings
    seconds = (datetime.now(timezone.utc) - began).total_seconds()
    summary = Summary(job.run[0], failure.exit_code, RunOutcome.FAILED, seconds=seconds)
    Guard.turn(
        partial(_record, settings, job, summary, failure, began),
        lambda error: Output(invocation).warning(f"the run is not put on record: {error}"),
    )
    told = recipients(settings)
    if told is not None:
        for fault in notify(told, summary, job.name, RunTrouble(reason=failure.message), stop):
            Output(invocation).warning(fault)


def _record(
    settings: Settings, job: JobSettings, summary: Summary, failure: Failure, began: datetime
) -> None:
    from pypitool.mirror.run import RunFrame, record_unbegun

    workspace = workspace_of(settings)
    frame = RunFrame(job.run[0], shlex.join(job.run), workspace, job=job.name)
    record_unbegun(frame, summary, ErrorEvent(failure.kind, failure.message), began)

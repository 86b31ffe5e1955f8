"""`pypitool setup`: a service of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import Group, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output
from pypitool.cli.root import operands

if TYPE_CHECKING:
    from pypitool.core.units.steps import SetupStep


@click.group(
    "setup",
    cls=Group,
    examples=("pypitool setup systemd --dry-run", "sudo pypitool setup systemd"),
)
def setup_command() -> None:
    """Make a service of this machine out of the server and its jobs."""


@setup_command.command(
    "systemd",
    examples=(
        "pypitool setup systemd --dry-run",
        "sudo /opt/pypitool/bin/pypitool setup systemd",
        "sudo pypitool setup systemd --remove",
    ),
    exits={4: "only root may", 8: "the configuration is wrong, or this machine has no systemd"},
)
@option("-n", "--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@option("--remove", is_flag=True, help="Take the units away; user, state, packages and configuration stay.")
@click.pass_obj
def systemd_command(invocation: Invocation, dry_run: bool, remove: bool) -> None:
    """Set up the server, and a timer for each job, as units of systemd.

    A user, the directories, /etc/pypitool/config.toml, a password file and the units are made unless they are
    there, and the units are started. What the configuration names is what they may write. Run again after an
    upgrade or a change of directories or jobs, it writes the units anew and restarts them; configuration,
    passwords and what `systemctl edit` has written stay. Each step is printed; a dry run prints the same.
    """
    from pypitool.setup.this_machine import ThisMachine, carry_out, refuse_machine, status_text

    _refuse_other_file(invocation)
    if not dry_run:
        refuse_machine()
    output = Output(invocation)
    steps, left = _removal() if remove else _setup(output)

    def tell(step: SetupStep) -> None:
        if not invocation.json:
            output.line(str(step))

    if dry_run:
        for step in steps:
            tell(step)
    else:
        carry_out(steps, ThisMachine(), tell)
    if invocation.json:
        output.document({"dry_run": dry_run, "steps": [str(step) for step in steps], "left": left})
    elif remove:
        output.done(_what_is_left(steps, left))
    elif dry_run:
        output.done("nothing was changed")
    else:
        output.done(f"pypitool: {status_text()}")
        output.hint(_NEXT)


_NEXT = (
    "/etc/pypitool/config.toml says what is served, `pypitool user add NAME` lets somebody upload, and "
    "`journalctl -u pypitool` shows the log"
)


def _refuse_other_file(invocation: Invocation) -> None:
    from pypitool.config.config_files import SYSTEM_FILE

    if invocation.config not in (None, SYSTEM_FILE):
        raise click.UsageError(f"the service reads {SYSTEM_FILE}, and no other configuration")


def _setup(output: Output) -> tuple[list[SetupStep], list[str]]:
    from pypitool.cli.job_units import this_program
    from pypitool.cli.service_units import doubts, settings_of, wanted
    from pypitool.config.config_files import SYSTEM_FILE
    from pypitool.config.loader import load_settings
    from pypitool.core.units.setup_plan import plan_setup
    from pypitool.setup.this_machine import find, refuse_program

    refuse_program(this_program())
    # As the service will: what the caller's variables and own file say does not count there.
    loaded = load_settings({}, {}, operands=operands)
    settings, is_first = settings_of(loaded), SYSTEM_FILE not in loaded.files
    wish = wanted(settings, find(()).units, is_first=is_first)
    found = find(wish.paths)
    output.notices((*loaded.notices, *doubts(settings, found, wish)))
    return plan_setup(found, wish), []


def _removal() -> tuple[list[SetupStep], list[str]]:
    from pypitool.cli.service_units import settings_of, wanted
    from pypitool.config.config_files import SYSTEM_FILE
    from pypitool.config.loader import load_settings
    from pypitool.core.units.setup_plan import left_by_removal, plan_removal
    from pypitool.setup.this_machine import find

    # A configuration that is faulty keeps nobody from taking the units away.
    loaded = load_settings({}, {}, operands=operands, tolerated=[])
    wish = wanted(settings_of(loaded), {}, is_first=SYSTEM_FILE not in loaded.files)
    found = find(wish.paths)
    return plan_removal(found), left_by_removal(found)


def _what_is_left(steps: Sequence[SetupStep], left: Sequence[str]) -> str:
    begin = "there is no unit of pypitool" if not steps else "the units are gone"
    return f"{begin}; left as they are: {', '.join(left) or 'nothing'}"

"""`pypitool state`: what was decided, where there is more than one place for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import Group, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.output import Output, load_and_warn, log_to_stderr
from pypitool.core.text import counted

if TYPE_CHECKING:
    from pypitool.repository.merge_states import TakenOver

_HEADINGS = ("When", "What", "Who", "Project", "Version", "File")


@click.group(
    "state",
    cls=Group,
    examples=(
        "pypitool state adopt /srv/packages/.pypitool -n",
        "sudo pypitool state adopt /srv/packages/.pypitool",
    ),
)
def state_command() -> None:
    """Bring together what was decided in two states of the same directories."""


@state_command.command(
    "adopt",
    examples=(
        "sudo pypitool state adopt /srv/packages/.pypitool",
        "pypitool state adopt /var/lib/pypitool -n --state ./state --packages ./packages",
    ),
    exits={8: "the other state has nothing, is in use, or belongs to other directories"},
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@option("-n", "--dry-run", is_flag=True, help="Show what would be taken over, and change nothing.")
@on_packages
@click.pass_obj
def adopt(invocation: Invocation, directory: Path, dry_run: bool) -> None:
    """Let the state of the package directories take over another one.

    DIR is the other state: what it has and this one has not, yanks, owners, tokens, is appended here in order
    of time. What was decided last counts, and a token that was revoked in either stays revoked. A state that
    knows nothing yet gets a copy of all. The log of DIR is then called facts.jsonl.moved, and nothing uses it
    any more. Stop the server that works with DIR first; one that works with this state may go on.

    If DIR is this state itself, and belongs to other package directories, it belongs to these from now on.
    """
    from pypitool.repository.merge_states import take_over

    server = load_and_warn(invocation).settings.server
    with log_to_stderr(invocation):
        taken = take_over(directory, server.packages, server.state, invocation.environ, dry_run=dry_run)
    _tell(Output(invocation), taken, dry_run=dry_run)


def _tell(output: Output, taken: TakenOver, *, dry_run: bool) -> None:
    from pypitool.core.audit_query import public_line

    lines = [public_line(line.document) for line in taken.lines]
    if output.invocation.json:
        said = {"state": str(taken.state), "other": str(taken.other), "way": taken.way.value}
        output.document({**said, "dry_run": dry_run, "decisions": lines})
        return
    if dry_run:
        keys = ("at", "what", "who", "project", "version", "file")
        output.table(_HEADINGS, [[str(line.get(key, "")) for key in keys] for line in lines])
    output.done(_sentence(taken, "would be" if dry_run else "are"))


def _sentence(taken: TakenOver, are: str) -> str:
    from pypitool.repository.merge_states import Way

    if taken.way is Way.NOTHING:
        return f"{taken.state} is the state of these directories already"
    if taken.way is Way.KEPT:
        return f"the decisions of {taken.state} {are} kept: it belongs to these directories"
    if not taken.lines:
        return f"{taken.state} knows already all that was decided in {taken.other}"
    return (
        f"{counted(len(taken.lines), 'decision')} of {taken.other} {are} {taken.way.value} to {taken.state}"
    )

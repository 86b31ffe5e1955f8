"""`pypitool bundle`: files and all that is known of them in one tar, for a network without any internet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import Group, option
from pypitool.cli.completing import set_names
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages, open_rescanned
from pypitool.cli.mirror_run import run_for, workspace_of
from pypitool.cli.output import Output
from pypitool.cli.run_output import RunOutput
from pypitool.core.mirror.run_summary import Ending, Summary, Tally, run_outcome

if TYPE_CHECKING:
    from pypitool.config.settings import Settings
    from pypitool.mirror.sync import Mirror, Report
    from pypitool.repository.repository import Repository

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(
    "bundle",
    cls=Group,
    examples=("pypitool bundle export night.tar", "pypitool bundle import night.tar"),
)
def bundle_command() -> None:
    """Carry packages to a network without any internet."""


@bundle_command.command(
    "export",
    examples=("pypitool bundle export all.tar", "pypitool bundle export night.tar backend --since 17"),
    exits={5: "there is no such run"},
)
@click.argument("file", type=_FILE)
@click.argument("names", metavar="[SET]...", nargs=-1, shell_complete=set_names)
@option("--since", type=int, metavar="RUN", help="Only what has been fetched after this run.")
@option("--uploaded", is_flag=True, help="Take what people uploaded too.")
@on_packages
@click.pass_obj
def export_command(
    invocation: Invocation, file: Path, names: tuple[str, ...], since: int | None, uploaded: bool
) -> int:
    """Write a bundle of everything here, or of what some sets want.

    It is an uncompressed tar: a manifest with the hash of each file, its upload time, origin and yank, then
    the files.
    """
    import time

    from pypitool.mirror.bundle import export_bundle, files_for_bundle

    settings, began, output = invocation.load().settings, time.monotonic(), RunOutput(invocation)
    with open_rescanned(invocation) as repository:
        wanted = _wanted(repository, settings, names, since)
        files = files_for_bundle(repository.catalogue.files(), uploaded=uploaded, names=wanted)
        size = export_bundle(repository, file, files, output.event)
    tally = Tally(kept=len(files), bytes=size)
    output.summary(Summary("bundle export", 0, run_outcome(tally, Ending()), tally, time.monotonic() - began))
    return 0


@bundle_command.command(
    "import",
    examples=("pypitool bundle import night.tar", "pypitool bundle import ours.tar --uploaded"),
    exits={
        1: "the bundle is not whole, and nothing was published",
        3: "",
        6: "another run holds the directory",
    },
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@option("--uploaded", is_flag=True, help="Believe it what people uploaded: no upstream is asked for that.")
@on_packages
@click.pass_obj
def import_command(invocation: Invocation, file: Path, uploaded: bool) -> int:
    """Publish what is in a bundle, after all of it has been verified.

    Files that are here already stay; other bytes under a held name are a conflict, and the rest goes in. What
    the bundle calls uploaded counts as copied in, unless you say --uploaded.
    """
    settings = invocation.load().settings

    def work(mirror: Mirror, report: Report) -> Ending:
        from pypitool.mirror.bundle import import_bundle

        import_bundle(mirror.repository, file, mirror.actor, report, uploaded=uploaded)
        return Ending()

    Output(invocation).detail(f"verifying {file}")
    return run_for(invocation, "bundle import", workspace_of(settings), work, arguments=(str(file),))


def _wanted(
    repository: Repository, settings: Settings, names: tuple[str, ...], since: int | None
) -> frozenset[str] | None:
    from pypitool.manage.runs import NoSuchRun
    from pypitool.mirror.configured import check_set_names
    from pypitool.mirror.record import MirrorRecord

    record = MirrorRecord(repository.files.mirror, scratch=True)
    wanted: frozenset[str] | None = None
    if names:
        check_set_names(settings, names)
        wanted = record.members(names)
    if since is not None:
        if record.run(since) is None:
            raise NoSuchRun(since)
        fetched = record.fetched_since(since)
        wanted = fetched if wanted is None else wanted & fetched
    return wanted

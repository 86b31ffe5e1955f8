"""`pypitool sync`: the sets of the configuration, fetched and proved.

`pypitool sync --explain PROJECT`: each file on offer, and the rule that took or refused it.

The nightly no-op of `sync --locked`: recognised before anything heavy is imported.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.mirror_run import workspace_of
from pypitool.cli.opening import on_packages
from pypitool.cli.output import Output
from pypitool.core.event_document import document
from pypitool.mirror.stamp import (
    Stamp,
    digest_of,
    outcome_lines,
    read_stamp,
    remember_line,
    stats_of,
    write_stamp,
)
from pypitool.repository.state import choose_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pypitool.config.settings import Settings
    from pypitool.core.mirror.run_events import Event
    from pypitool.core.mirror.run_summary import Ending
    from pypitool.mirror.candidate_report import Explained
    from pypitool.mirror.sets import PinnedSet
    from pypitool.mirror.sync import Mirror, Report

SYNC_EXITS = {
    1: "a set has a hole, or one of its files cannot be used",
    3: "",
    5: "no set wants the project to explain, or no index has it",
    6: "another run holds the directory",
    7: "no index answered; trying again may help",
}


@command(
    "sync",
    examples=("pypitool sync", "pypitool sync backend --dry-run", "pypitool sync --explain numpy"),
    exits=SYNC_EXITS,
)
@click.argument("names", metavar="[SET]...", nargs=-1)
@option("-n", "--dry-run", is_flag=True, help="Say what would be fetched, and write nothing.")
@option("--locked", is_flag=True, help="Ask only for what no earlier run has planned.")
@option("--offline", is_flag=True, help="Ask nobody: what is missing is a hole.")
@option("--resolve", is_flag=True, help="Add missing dependencies, whatever `closure` the sets have.")
@option(
    "--explain", metavar="PROJECT", help="Show every file of a project and the rule that took or refused it."
)
@on_packages
@click.pass_obj
def sync_command(
    invocation: Invocation,
    names: tuple[str, ...],
    dry_run: bool,
    locked: bool,
    offline: bool,
    resolve: bool,
    explain: str | None,
) -> int:
    """Fetch what the configured sets want, and prove that they install.

    Files that are here already are kept; yanks follow the upstream. The proof reads the metadata of what is
    on disk: a hole, a requirement that nothing there satisfies for a target, is named with who needs it.
    """
    settings = invocation.load().settings
    if explain is not None:
        return explain_sets(invocation, settings, names, explain)

    stamping = Stamping.of(settings, names, invocation, resolve=resolve)
    if locked and not dry_run and (code := stamping.replayed(invocation)) is not None:
        return code
    # Not before: that nothing has changed is told in the time that these take to import.
    from pypitool.cli.mirror_run import run_for, tell_input_warnings, workspace_of
    from pypitool.mirror.configured import recipients, set_requests, upstreams
    from pypitool.mirror.sets import Closure

    requests = set_requests(settings, names)
    if resolve:
        requests = tuple(replace(request, closure=Closure.RESOLVE) for request in requests)
    for request in requests:
        tell_input_warnings(invocation, request.inputs)
    asked = upstreams(settings, invocation.environ)

    def work(mirror: Mirror, report: Report) -> Ending:
        from pypitool.mirror.resolve import pin_sets
        from pypitool.mirror.sync import SyncOptions, synchronise

        options = SyncOptions(dry_run=dry_run, offline=offline, locked=locked)
        sets = pin_sets(requests, asked, mirror.private_names, invocation.environ, offline=offline)
        with stamping.watching(mirror, sets, report, wanted=not (dry_run or offline)) as watched:
            return watched.ended(synchronise(mirror, sets, options, watched.take))

    return run_for(
        invocation, "sync", workspace_of(settings), work,
        arguments=names, upstreams=() if offline else asked, private=settings.policy.private,
        dry_run=dry_run, recipients=recipients(settings),
    )  # fmt: skip


def explain_sets(invocation: Invocation, settings: Settings, names: tuple[str, ...], project: str) -> int:
    """Print the verdicts about a project for every set and target."""
    from pypitool.mirror.candidate_report import explain
    from pypitool.mirror.configured import set_requests, upstreams
    from pypitool.mirror.run import RunFrame, open_mirror

    asked = upstreams(settings, invocation.environ)
    requests = set_requests(settings, names)
    frame = RunFrame("sync", "sync", workspace_of(settings), asked, settings.policy.private, dry_run=True)
    with open_mirror(frame) as mirror:
        explained = explain(mirror, requests, project, invocation.environ)
    if invocation.json:
        for one in explained:
            click.echo(json.dumps(document(one)))
    else:
        _print(Output(invocation), explained)
    return 0


def _print(output: Output, explained: list[Explained]) -> None:
    output.table(("SET", "TARGET", "TAKEN", "FILE", "RULE"), list(_rows(explained)))


def _rows(explained: list[Explained]) -> Iterator[tuple[str, ...]]:
    for one in explained:
        yield one.set, one.target, "yes" if one.taken else "no", one.filename, one.rule


@dataclass(frozen=True, slots=True)
class Stamping:
    """The stamp of one question: where it lies, and what it depends on."""

    state: Path
    question: str
    environ: Mapping[str, str]
    line: tuple[str, ...]  # as it was typed
    began: float

    @classmethod
    def of(
        cls, settings: Settings, names: tuple[str, ...], invocation: Invocation, *, resolve: bool = False
    ) -> Stamping:
        """Return the stamp of a `sync` of these sets, as they are configured now."""
        server = settings.server
        question = digest_of(
            names,
            resolve,
            server.packages,
            settings.policy,
            settings.targets,
            settings.sets,
            settings.upstreams,
        )
        state = choose_state(server.packages, server.state, invocation.environ)
        return cls(state, question, invocation.environ, invocation.line, time.monotonic())

    def replayed(self, invocation: Invocation) -> int | None:
        """Print the outcome of the last run and return its exit code, if nothing has changed since."""
        stamp = read_stamp(self.state, self.question, self.environ)
        if stamp is None:
            return None
        for text in outcome_lines(
            stamp, is_json=invocation.json, is_quiet=invocation.quiet, began=self.began
        ):
            click.echo(text)
        return stamp.exit_code

    @contextmanager
    def watching(
        self, mirror: Mirror, sets: Sequence[PinnedSet], report: Report, *, wanted: bool
    ) -> Iterator[Watched]:
        """Look at a run, and leave a stamp when it ends with everything in its place."""
        watched = Watched(report)
        yield watched
        if wanted and watched.is_settled():
            write_stamp(self.state, self._stamp(mirror, sets, watched))
            remember_line(self.line, self.environ, self.state, self.question)

    def _stamp(self, mirror: Mirror, sets: Sequence[PinnedSet], watched: Watched) -> Stamp:
        from pypitool.mirror.stamp_inputs import folders_of, inputs_of, paths_of

        return Stamp(
            question=self.question,
            inputs=inputs_of(sets, self.environ),
            files=stats_of(paths_of(mirror.repository, watched.filenames)),
            exit_code=1 if watched.holes else 0,
            holes=watched.holes,
            folders=stats_of(folders_of(mirror.repository)),
        )


@dataclass(slots=True)
class Watched:
    """What a run said, as far as its stamp depends on it."""

    report: Report
    filenames: list[str] = field(default_factory=list)
    holes: list[Mapping[str, object]] = field(default_factory=list)
    has_failed: bool = False
    has_ended: bool = False

    def take(self, event: Event) -> None:
        """Pass an event on."""
        from pypitool.core.mirror.run_events import FileEvent, HoleEvent, ProjectEvent

        if isinstance(event, FileEvent) and event.kind is None:
            self.filenames.append(event.name)
        elif isinstance(event, (FileEvent, ProjectEvent)):
            self.has_failed = True
        elif isinstance(event, HoleEvent):
            self.holes.append(document(event))
        self.report(event)

    def ended(self, ending: Ending) -> Ending:
        """Note how the run ended."""
        self.has_ended = not ending.interrupted
        return ending

    def is_settled(self) -> bool:
        """Tell whether the same run again would do nothing."""
        return self.has_ended and not self.has_failed

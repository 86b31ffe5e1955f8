"""The nightly no-op of `sync --locked`: recognised before anything heavy is imported."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypitool.cli.invocation import Invocation
from pypitool.mirror.stamp import Stamp, digest_of, read_stamp, remember, stats_of, told, write_stamp
from pypitool.repository.state import choose_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pypitool.config.settings import Settings
    from pypitool.core.mirror.run_events import Event
    from pypitool.core.mirror.run_summary import Ending
    from pypitool.mirror.sets import PinnedSet
    from pypitool.mirror.sync import Mirror, Report


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
        for text in told(stamp, is_json=invocation.json, is_quiet=invocation.quiet, began=self.began):
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
            remember(self.line, self.environ, self.state, self.question)

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
            self.holes.append(event.as_json())
        self.report(event)

    def ended(self, ending: Ending) -> Ending:
        """Note how the run ended."""
        self.has_ended = not ending.interrupted
        return ending

    def is_settled(self) -> bool:
        """Tell whether the same run again would do nothing."""
        return self.has_ended and not self.has_failed

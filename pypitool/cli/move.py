"""A move for a command: its plan is printed, then carried out, and last its configuration is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pypitool.cli.invocation import Invocation
from pypitool.cli.local import open_rescanned, progress_bar
from pypitool.cli.output import Output
from pypitool.core.masking import masked_urls

if TYPE_CHECKING:
    from pypitool.core.moving.move_plan import MovePlan
    from pypitool.moving.carry_out import MovedFile
    from pypitool.repository.repository import Repository

_STATE = "server.state"


@dataclass(frozen=True, slots=True)
class Move:
    """One move: its plan, where its configuration goes, and the work that is more than that."""

    invocation: Invocation
    plan: MovePlan
    config: Path
    dry_run: bool
    work: Callable[[Move], int] | None = None

    def carry_out(self) -> int:
        """Print the plan and, unless that was all, do what it says."""
        from pypitool.moving.new_config import configuration, what_becomes_of, write_configuration

        text, left = configuration(self.plan)
        self._print(self.plan.without(*left), masked_urls(text), what_becomes_of(self.config, text))
        if self.dry_run:
            return 0
        code = 0 if self.work is None else self.work(self)
        wrote = write_configuration(self.config, text)
        self.said({"config": str(self.config), "wrote": wrote}, self._written(wrote))
        if not self.invocation.json:
            self._hint()
        return code

    def _print(self, plan: MovePlan, text: str, becomes: str) -> None:
        from pypitool.core.moving.move_plan import plan_document, plan_lines

        output = Output(self.invocation)
        if self.invocation.json:
            document = plan_document(plan, text, str(self.config))
            output.document({"type": "plan", "dry_run": self.dry_run, **document})
            return
        for line in plan_lines(plan, text, becomes, whole=self.invocation.verbose > 0):
            output.line(masked_urls(line))

    def _written(self, wrote: bool) -> str:
        return f"wrote {self.config}" if wrote else f"{self.config} is there already, with these settings"

    def _hint(self) -> None:
        output = Output(self.invocation)
        for name in self.plan.people[:1]:
            output.hint(
                f"`pypitool user add {name} -P FILE` gives a new password; `[auth] passwords` names FILE"
            )
        output.hint(f"`pypitool serve --config {self.config}` serves them")

    def opened(self) -> AbstractContextManager[Repository]:
        """Open the directories of the plan, as they are now."""
        flags = self.invocation.flags
        flags["server.packages"] = tuple(map(Path, self.plan.packages))
        for one in self.plan.given:
            if one.path == _STATE:
                flags[_STATE] = Path(one.text)
        return open_rescanned(self.invocation)

    def told(self, files: Iterator[MovedFile]) -> list[MovedFile]:
        """Take files as they are moved, and say what became of each."""
        moved: list[MovedFile] = []
        with progress_bar(self.invocation, "moving files") as step:
            for file in files:
                moved.append(file)
                step(len(moved), len(self.plan.moved))
                self._tell(file)
        return moved

    def _tell(self, file: MovedFile) -> None:
        output = Output(self.invocation)
        if self.invocation.json:
            document = {"type": "file", "name": file.name, "outcome": file.outcome}
            output.document({**document, **({"message": file.message} if file.message else {})})
        elif file.outcome == "failed":
            output.warning(f"{file.name} is not moved: {file.message}")
        else:
            output.detail(f"{file.outcome} {file.name}")

    def said(self, document: Mapping[str, Any], text: str) -> None:
        """Say what a step came to."""
        output = Output(self.invocation)
        if self.invocation.json:
            output.document({"type": "done", **document})
        else:
            output.done(text)

"""The options of `pypitool update`, those of `pypi-server update` among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from pypitool.cli.command import option
from pypitool.cli.mirror_options import gathered
from pypitool.cli.without_effect import BACKEND

F = TypeVar("F", bound=Callable[..., Any])

_WHAT, _HOW, _WHERE = "What", "How", "Where"
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_LOG = "what it does is printed, and `pypitool runs` tells it again"

WITHOUT_EFFECT = {
    **BACKEND,
    "--hash-algo": "sha256 is what counts",
    "--log-file": _LOG,
    "--log-stream": _LOG,
    "--log-frmt": _LOG,
    "--log-req-frmt": _LOG,
    "--log-res-frmt": _LOG,
    "--log-err-frmt": _LOG,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    prereleases: bool
    max_change: str
    ignore_files: tuple[Path, ...]
    mirrored_only: bool
    vulnerabilities: bool
    security: bool
    execute: bool
    dry_run: bool
    pin_files: tuple[Path, ...]
    exit_code: bool
    directory: Path | None

    @property
    def fetches(self) -> bool:
        """Whether files are to come; a dry run of that only names them."""
        return self.execute and not self.dry_run


def asking(function: F) -> F:
    """Give the command its options; it gets them as `asked`."""
    return gathered(
        function,
        "asked",
        Asked,
        option(
            "--pre", "-u", "--allow-unstable", "prereleases", is_flag=True, topic=_WHAT,
            help="Offer pre-releases too.",
        ),
        option(
            "--max", "max_change", type=click.Choice(["patch", "minor", "major"]), default="major",
            show_default=True, topic=_WHAT, help="The largest step: of 1.2.3, patch keeps 1.2 and minor 1.",
        ),
        option(
            "--blacklist-file", "--ignorelist-file", "ignore_files", multiple=True, type=_FILE, topic=_WHAT,
            metavar="FILE", help="Leave the projects alone that stand in this file, one on a line.",
        ),
        option("--mirrored-only", is_flag=True, topic=_WHAT, help="Leave alone what was copied in."),
        option(
            "--vulnerabilities", is_flag=True, topic=_WHAT, help="Show what is known against what is here."
        ),
        option("--security", is_flag=True, topic=_WHAT, help="Only what is known to be vulnerable."),
        option("-x", "--execute", is_flag=True, topic=_HOW, help="Fetch the files, for every target."),
        option(
            "-n", "--dry-run", is_flag=True, topic=_HOW,
            help="Write nothing; with -x, name the files that would come.",
        ),
        option(
            "--write", "pin_files", multiple=True, type=click.Path(path_type=Path), topic=_HOW,
            metavar="FILE", help="Move the `==` pins of this file to what is new, with their hashes.",
        ),
        option("--exit-code", is_flag=True, topic=_HOW, help="End with 10 when something is offered."),
        option(
            "-d", "--download-directory", "directory", type=click.Path(path_type=Path, file_okay=False),
            topic=_WHERE, metavar="DIR", help="Put new files here; default: beside what they replace.",
        ),
    )  # fmt: skip

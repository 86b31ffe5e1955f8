"""`pypitool lock`: write a pylock.toml with everything that a set needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.mirror_options import (
    RequirementOptions,
    TargetOptions,
    UpstreamOptions,
    requirement_options,
    target_options,
    upstream_options,
)
from pypitool.cli.mirror_run import tell_input_warnings, workspace_of
from pypitool.cli.output import Output
from pypitool.core.errors import Kind, PypitoolError
from pypitool.host import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pypitool.config.settings import Settings
    from pypitool.core.mirror.requirement_lines import RequirementLine as Line
    from pypitool.core.mirror.targets import Target
    from pypitool.mirror.inputs import Inputs
    from pypitool.mirror.private_names import PrivateNames
    from pypitool.mirror.resolve import Resolution


class NothingToLock(PypitoolError):
    """Requirements of which no index may be asked."""

    kind = Kind.INVALID
    hint = "pin them in the requirements of the set; they are served from the directory"
    projects: Sequence[str]

    def __str__(self) -> str:
        return f"there is nothing to lock: {', '.join(self.projects)} is ours, and no index is asked for it"


@command(
    "lock",
    examples=(
        "pypitool lock -r requirements.in -o pylock.toml",
        "pypitool lock -r requirements.in -o pylock.toml --target ubuntu24 --target windows",
    ),
    exits={1: "no set of versions satisfies the requirements", 7: "no index answered"},
)
@requirement_options
@target_options
@upstream_options
@option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("pylock.toml"), show_default=True,
    metavar="FILE", topic="Where", help="Write the lock here.",
)  # fmt: skip
@on_packages
@click.pass_obj
def lock_command(
    invocation: Invocation,
    wanted: RequirementOptions,
    whom: TargetOptions,
    where: UpstreamOptions,
    output: Path,
) -> int:
    """Resolve requirements for every target, and write them as a lock.

    A pylock.toml (PEP 751) pins everything, with hashes. One lock holds for all targets; where no such answer
    exists there is one for each target, named pylock.TARGET.toml beside it.
    """
    if wanted.is_empty():
        raise click.UsageError("name a requirement, or a file of them with -r")
    from pypitool.mirror.configured import targets, upstreams
    from pypitool.mirror.resolve import ResolverRequest, resolve

    settings, inputs = invocation.load().settings, wanted.read()
    tell_input_warnings(invocation, inputs)
    asked_for = whom.targets(targets(settings))
    with _private_names(settings) as private_names:
        question = ResolverRequest(
            wanted=_public_lines(invocation, private_names, inputs, asked_for),
            constraints=inputs.constraints,
            upstreams=where.upstreams(upstreams(settings, invocation.environ)),
            formats=inputs.formats,
            prereleases=inputs.prereleases,
            private_names=private_names,
        )
        answers = resolve(question, asked_for, invocation.environ)
    for answer in answers:
        path = _path(output, answer)
        write_whole(path, answer.pylock.encode(), handed_over=False)
        Output(invocation).done(f"wrote {path}")
    return 0


@contextmanager
def _private_names(settings: Settings) -> Iterator[PrivateNames]:
    from pypitool.mirror.run import RunFrame, open_mirror

    frame = RunFrame("lock", "lock", workspace_of(settings), private=settings.policy.private, dry_run=True)
    with open_mirror(frame) as mirror:
        yield mirror.private_names


def _public_lines(
    invocation: Invocation, private_names: PrivateNames, inputs: Inputs, targets: tuple[Target, ...]
) -> tuple[Line, ...]:
    """Return the lines that an index may see, and say which projects the lock is without."""
    from packaging.utils import canonicalize_name

    names = (canonicalize_name(line.requirement.name) for line in inputs.wanted)
    ours = [name for name in dict.fromkeys(names) if private_names.is_ours(name)]
    lines = private_names.public_lines(inputs.wanted, targets)
    if not lines:
        raise NothingToLock(ours)
    for name in ours:
        Output(invocation).warning(f"{name} is ours: no index is asked for it, and the lock is without it")
    return lines


def _path(output: Path, answer: Resolution) -> Path:
    return output if answer.target is None else output.with_name(f"pylock.{answer.target}.toml")

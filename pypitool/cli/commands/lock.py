"""`pypitool lock`: write a pylock.toml with everything that a set needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.mirror_options import ForWhom, FromWhere, Wanted, for_whom, from_where, wanting
from pypitool.cli.mirror_run import place_of, tell_input_warnings
from pypitool.cli.opening import on_packages
from pypitool.cli.output import Output
from pypitool.core.errors import Kind, PypitoolError
from pypitool.host import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pypitool.config.settings import Settings
    from pypitool.core.mirror.requirement_lines import Wanted as Line
    from pypitool.core.mirror.targets import Target
    from pypitool.mirror.inputs import Inputs
    from pypitool.mirror.private_names import House
    from pypitool.mirror.resolve import Resolution


class NothingToLock(PypitoolError):
    """Requirements of which no index may be asked."""

    kind: ClassVar[Kind] = Kind.INVALID
    hint = "pin them in the requirements of the set; they are served from the directory"

    def __init__(self, projects: Sequence[str]) -> None:
        super().__init__(projects)
        self.projects = tuple(projects)

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
@wanting
@for_whom
@from_where
@option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("pylock.toml"), show_default=True,
    metavar="FILE", topic="Where", help="Write the lock here.",
)  # fmt: skip
@on_packages
@click.pass_obj
def lock_command(
    invocation: Invocation, wanted: Wanted, whom: ForWhom, where: FromWhere, output: Path
) -> int:
    """Resolve requirements for every target, and write them as a lock.

    A pylock.toml (PEP 751) pins everything, with hashes. One lock holds for all targets; where no such answer
    exists there is one for each target, named pylock.TARGET.toml beside it.
    """
    if wanted.is_empty():
        raise click.UsageError("name a requirement, or a file of them with -r")
    from pypitool.mirror.configured import targets, upstreams
    from pypitool.mirror.resolve import Question, resolve

    settings, inputs = invocation.load().settings, wanted.read()
    tell_input_warnings(invocation, inputs)
    asked_for = whom.targets(targets(settings))
    with _house(settings) as house:
        question = Question(
            wanted=_for_strangers(invocation, house, inputs, asked_for),
            constraints=inputs.constraints,
            upstreams=where.upstreams(upstreams(settings, invocation.environ)),
            formats=inputs.formats,
            prereleases=inputs.prereleases,
            house=house,
        )
        answers = resolve(question, asked_for, invocation.environ)
    for answer in answers:
        path = _path(output, answer)
        write_whole(path, answer.pylock.encode(), handed_over=False)
        Output(invocation).done(f"wrote {path}")
    return 0


@contextmanager
def _house(settings: Settings) -> Iterator[House]:
    from pypitool.mirror.run import RunFrame, opened

    frame = RunFrame("lock", "lock", place_of(settings), private=settings.policy.private, dry_run=True)
    with opened(frame) as mirror:
        yield mirror.house


def _for_strangers(
    invocation: Invocation, house: House, inputs: Inputs, targets: tuple[Target, ...]
) -> tuple[Line, ...]:
    """Return the lines that an index may see, and say which projects the lock is without."""
    from packaging.utils import canonicalize_name

    names = (canonicalize_name(line.requirement.name) for line in inputs.wanted)
    ours = [name for name in dict.fromkeys(names) if house.keeps(name)]
    lines = house.for_strangers(inputs.wanted, targets)
    if not lines:
        raise NothingToLock(ours)
    for name in ours:
        Output(invocation).warning(f"{name} is ours: no index is asked for it, and the lock is without it")
    return lines


def _path(output: Path, answer: Resolution) -> Path:
    return output if answer.target is None else output.with_name(f"pylock.{answer.target}.toml")

"""`pypitool lock`: write a pylock.toml with everything that a set needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.mirror_options import ForWhom, FromWhere, Wanted, for_whom, from_where, wanting
from pypitool.cli.mirror_run import tell_input_warnings
from pypitool.cli.output import Output

if TYPE_CHECKING:
    from pypitool.mirror.resolver import Resolution


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
    from pypitool.mirror.resolver import Question, resolve

    settings, inputs = invocation.load().settings, wanted.read()
    tell_input_warnings(invocation, inputs)
    question = Question(
        wanted=inputs.wanted,
        constraints=inputs.constraints,
        upstreams=where.upstreams(upstreams(settings, invocation.environ)),
        formats=inputs.formats,
        prereleases=inputs.prereleases,
    )
    answers = resolve(question, whom.targets(targets(settings)), invocation.environ)
    for answer in answers:
        path = _path(output, answer)
        _write(path, answer.pylock)
        Output(invocation).done(f"wrote {path}")
    return 0


def _path(output: Path, answer: Resolution) -> Path:
    return output if answer.target is None else output.with_name(f"pylock.{answer.target}.toml")


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)

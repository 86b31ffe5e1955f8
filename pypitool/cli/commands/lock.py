"""`pypitool lock`: write a pylock.toml with everything that a set needs."""

from __future__ import annotations

import threading
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
from pypitool.cli.mirror_run import (
    stop_on_signals,
    tell_input_warnings,
    transfer_progress,
    workspace_of,
)
from pypitool.cli.output import Output
from pypitool.cli.pip_index import hinting
from pypitool.cli.settings_options import setting_option
from pypitool.core.errors import Kind, PypitoolError
from pypitool.host import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.utils import NormalizedName

    from pypitool.config.settings import Settings
    from pypitool.core.mirror.lock_document import LockDocument
    from pypitool.mirror.inputs import Inputs
    from pypitool.mirror.resolve import Resolution, ResolverRequest
    from pypitool.mirror.sync import Mirror
    from pypitool.upstream.upstream import Upstream


class NothingToLock(PypitoolError):
    """Requirements of which no index may be asked."""

    kind = Kind.INVALID
    hint = "say with --url where this directory is served: what it holds is locked with those addresses"
    projects: Sequence[str]

    def __str__(self) -> str:
        names = ", ".join(self.projects)
        are, them = ("is", "it") if len(self.projects) == 1 else ("are", "them")
        return f"there is nothing to lock: {names} {are} ours, and no index is asked for {them}"


def _web_address(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith(("http://", "https://")):
        raise click.BadParameter(f"`{value}` is no http address")
    return value


@command(
    "lock",
    examples=(
        "pypitool lock -r requirements.in -o pylock.toml",
        "pypitool lock -r requirements.in -o pylock.toml --target ubuntu24 --target windows",
        "pypitool lock -r requirements.in --url http://packages.example.com:8080",
    ),
    exits={
        1: "no set of versions satisfies the requirements",
        3: "a page could not be read: what is here of its project was taken",
        7: "no index answered",
    },
)
@requirement_options
@target_options
@upstream_options
@setting_option("policy.cooldown", topic="What")
@option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("pylock.toml"), show_default=True,
    metavar="FILE", topic="Where", help="Write the lock here.",
)  # fmt: skip
@option(
    "--url", metavar="URL", topic="Where", callback=_web_address,
    help="Write the addresses that the files have at this server of packages, not those of the index.",
)  # fmt: skip
@on_packages
@click.pass_obj
def lock_command(
    invocation: Invocation,
    wanted: RequirementOptions,
    whom: TargetOptions,
    where: UpstreamOptions,
    output: Path,
    url: str | None,
) -> int:
    """Resolve requirements for every target, and write them as a lock.

    A pylock.toml (PEP 751) pins everything, with hashes. One lock holds for all targets of the configuration,
    or for those that are named; where no such answer exists there is one for each target, named
    pylock.TARGET.toml beside it. With --url it installs where the index cannot be reached: from the server
    that serves the packages directory.
    """
    if wanted.is_empty():
        raise click.UsageError("name a requirement, or a file of them with -r")
    from pypitool.mirror.configured import named_request, targets, upstreams
    from pypitool.mirror.resolve import question_of, resolve

    settings = invocation.load().settings
    inputs = wanted.read(where.web_inputs(settings, invocation))
    tell_input_warnings(invocation, inputs)
    configured = targets(settings)
    asked_for = whom.targets(configured) if whom.names_any() else configured
    request = named_request("lock", settings, inputs, asked_for, resolve=True)
    indexes = where.upstreams(upstreams(settings, invocation.environ))
    with hinting(indexes, invocation.environ), _mirror(invocation, settings, indexes) as mirror:
        question = question_of(request, mirror.private_names)
        _check_known(invocation, inputs, question)
        with mirror.progress.during("resolving"):
            resolved = resolve(question, mirror.sources, invocation.environ)
    for answer in resolved.answers:
        path = _path(output, answer)
        lock = (
            answer.lock.served_at(url)
            if url is not None
            else _public(invocation, answer.lock, resolved.failed)
        )
        write_whole(path, lock.text().encode(), handed_over=False)
        Output(invocation).done(f"wrote {path}")
    for error in resolved.failed.values():
        Output(invocation).log("error", str(error))
    return 3 if resolved.failed else 0


@contextmanager
def _mirror(invocation: Invocation, settings: Settings, upstreams: tuple[Upstream, ...]) -> Iterator[Mirror]:
    from pypitool.mirror.run import RunFrame, open_mirror

    stop, private = threading.Event(), settings.policy.private
    with stop_on_signals(stop), transfer_progress(invocation) as view:
        frame = RunFrame(
            "lock", "lock", workspace_of(settings), upstreams, private, dry_run=True, stop=stop, progress=view
        )
        with open_mirror(frame) as mirror:
            yield mirror


def _check_known(invocation: Invocation, inputs: Inputs, question: ResolverRequest) -> None:
    """Say which lines the lock is without: of our own projects, what is not here is nowhere."""
    left_out = [line.requirement for line in inputs.wanted if line not in question.wanted]
    names = list(dict.fromkeys(str(requirement) for requirement in left_out))
    if names and not question.wanted:
        raise NothingToLock(names)
    for name in names:
        Output(invocation).warning(f"{name} is ours and not here: the lock is without it")


def _public(
    invocation: Invocation, lock: LockDocument, failed: Mapping[NormalizedName, PypitoolError]
) -> LockDocument:
    """Return a lock without what has no address at any index, and say so."""
    public, ours = lock.public()
    if ours and not public.releases:
        # What is here stands in for a page that failed, and has no address: the failure is the reason.
        raise next(iter(failed.values()), NothingToLock(ours))
    for name in ours:
        why = f"the page of {name} could not be read" if name in failed else f"{name} is here alone"
        Output(invocation).warning(
            f"{why}, and the lock is without it; `--url` writes the addresses of this server"
        )
    return public


def _path(output: Path, answer: Resolution) -> Path:
    return output if answer.target is None else output.with_name(f"pylock.{answer.target}.toml")

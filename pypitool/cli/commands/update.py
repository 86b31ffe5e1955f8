"""`pypitool update`: newer releases of what is held, offered or fetched."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pypitool.cli.command import command, option
from pypitool.cli.invocation import Invocation
from pypitool.cli.local import on_packages
from pypitool.cli.mirror_options import (
    TargetOptions,
    UpstreamOptions,
    gathered,
    target_options,
    upstream_options,
)
from pypitool.cli.mirror_run import run_for
from pypitool.cli.output import Output, load_and_warn
from pypitool.cli.pypiserver import BACKEND, accept_and_warn
from pypitool.cli.settings_options import setting_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.utils import NormalizedName

    from pypitool.config.settings import Settings
    from pypitool.core.mirror.run_summary import Ending
    from pypitool.core.mirror.update_choice import UpdateTerms
    from pypitool.mirror.environments import Environment
    from pypitool.mirror.sets import SetRequest
    from pypitool.mirror.sync import Mirror, Report
    from pypitool.mirror.update import UpdateOptions
    from pypitool.mirror.web_inputs import WebInputs
    from pypitool.mirror.workspace import Workspace
    from pypitool.upstream.upstream import Upstream

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
            metavar="FILE", help="Move the `==` pins and hashes of this file, and add what they need.",
        ),
        option("--exit-code", is_flag=True, topic=_HOW, help="End with 10 when something is offered."),
        option(
            "-d", "--download-directory", "directory", type=click.Path(path_type=Path, file_okay=False),
            topic=_WHERE, metavar="DIR", help="Put new files here; default: beside what they replace.",
        ),
    )  # fmt: skip


@command(
    "update",
    examples=(
        "pypitool update",
        "pypitool update numpy --max minor --cooldown 7d --execute --write requirements.txt",
        "pypitool update -x ~/packages",
    ),
    exits={
        1: "a set has no solution, or its proof fails, or a file of requirements cannot be used",
        3: "",
        5: "there is no such project here",
        6: "another run holds the directory",
        7: "no index answered; trying again may help",
        10: "",
    },
)
@click.argument("words", metavar="[PROJECT|DIR]...", nargs=-1)
@asking
@setting_option("policy.cooldown", topic="What")
@target_options
@upstream_options
@on_packages
@accept_and_warn(WITHOUT_EFFECT)
@click.pass_obj
def update_command(
    invocation: Invocation, words: tuple[str, ...], asked: Asked, whom: TargetOptions, where: UpstreamOptions
) -> int:
    """Say what is newer than what is here, and with -x fetch it.

    Projects that were mirrored are looked at, and those that were copied in when the index lists one of
    their files. Private projects, and those of which somebody uploaded a file, are never asked for. Each
    newer release that is not offered is held back with its reason. A word with a slash in it, or one that
    is a directory, is a directory of packages.

    With -x or --write each set of the configuration, and each FILE, moves as one: uv chooses releases that
    install together on all targets, and a FILE is proved as it would be before it is written. What no set
    wants moves project by project.
    """
    from pypitool.mirror.configured import recipients, upstreams
    from pypitool.mirror.pin_files import check_pin_files

    directories = tuple(Path(word) for word in words if "/" in word or os.path.isdir(word))
    workspace, settings = _workspace(invocation, directories)
    check_pin_files(asked.pin_files)
    upstreams_asked = where.upstreams(upstreams(settings, invocation.environ))
    if not settings.upstreams and where.index is None:
        _tell_default(invocation, upstreams_asked[0])
    names = _names(word for word in words if Path(word) not in directories)
    terms = _terms(settings, asked, whom, upstreams_asked)
    environments = _environments(invocation, workspace, asked, terms, by_flag=whom.names_any())
    options = replace(_options(settings, asked, terms), names=names, environments=environments)
    apart, options = _apart(workspace, asked, options)

    def work(mirror: Mirror, report: Report) -> Ending:
        from pypitool.mirror.update import update
        from pypitool.mirror.workspace import open_read_only

        with ExitStack() as stack:
            scanned = stack.enter_context(open_read_only(workspace)) if apart is not None else None
            return update(mirror, replace(options, environ=invocation.environ), report, scanned)

    return run_for(
        invocation, "update", apart or workspace, work,
        arguments=_described(words, asked), upstreams=upstreams_asked, private=settings.policy.private,
        largest_file=settings.policy.max_file_size,
        dry_run=not asked.fetches, recipients=recipients(settings),
    )  # fmt: skip


def _tell_default(invocation: Invocation, upstream: Upstream) -> None:
    # The names of what is held go there: whoever carried them here over an air gap wants to know.
    if not invocation.quiet:
        names = "-i URL or an [upstream.NAME] names another"
        text = f"no upstream is configured: {upstream.index} is asked about what is here; {names}"
        Output(invocation).log("notice", text)


def _workspace(invocation: Invocation, directories: tuple[Path, ...]) -> tuple[Workspace, Settings]:
    """Return where to look, and everything else that is configured."""
    from pypitool.mirror.workspace import Workspace
    from pypitool.repository.state_errors import PackagesMissing

    loaded = load_and_warn(invocation)
    server = loaded.settings.server
    roots = tuple(map(_absolute, directories)) or server.packages
    # The configured state belongs to the configured directories; others have their own.
    is_configured = [*map(_absolute, server.packages)] == [*map(_absolute, roots)]
    state = server.state if is_configured else invocation.flags.get("server.state")
    for root in roots:
        if not root.is_dir():
            raise PackagesMissing(root)
    return Workspace(roots, state, server.reserve_deleted), loaded.settings


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))


def _names(words: Iterable[str]) -> frozenset[NormalizedName]:
    from packaging.utils import canonicalize_name

    return frozenset(map(canonicalize_name, words))


def _terms(
    settings: Settings, asked: Asked, whom: TargetOptions, upstreams: tuple[Upstream, ...]
) -> UpdateTerms:
    from pypitool.core.mirror.update_choice import MaxChange, UpdateRules, UpdateTerms
    from pypitool.mirror.configured import selection_rules, targets
    from pypitool.mirror.inputs import Inputs

    configured = targets(settings)
    return UpdateTerms(
        targets=whom.targets(configured) if whom.names_any() else configured,
        guesses=not (settings.targets or whom.names_any()),
        rules=UpdateRules(
            prereleases=asked.prereleases or settings.policy.prereleases,
            max_change=MaxChange(asked.max_change),
            cooldown=timedelta(seconds=settings.policy.cooldown),
        ),
        selection=selection_rules(settings, Inputs()),
        unhashed=frozenset(upstream.name for upstream in upstreams if upstream.allow_unhashed),
    )


def _options(settings: Settings, asked: Asked, terms: UpdateTerms) -> UpdateOptions:
    from pypitool.mirror.configured import asks_about_copied_in
    from pypitool.mirror.update import UpdateOptions

    return UpdateOptions(
        terms=terms,
        ignored=_names(name for path in asked.ignore_files for name in _listed(path)),
        copied_in=asks_about_copied_in(settings) and not asked.mirrored_only,
        vulnerabilities=asked.vulnerabilities,
        security=asked.security,
        execute=asked.fetches,
        plan=asked.execute and asked.dry_run,
        writes=not asked.dry_run,
        exit_code=asked.exit_code,
    )


def _environments(
    invocation: Invocation, workspace: Workspace, asked: Asked, terms: UpdateTerms, *, by_flag: bool
) -> tuple[Environment, ...]:
    """Return what is installed together: the sets, where their directory is looked at, and written files."""
    from pypitool.mirror.configured import selection_rules, web_inputs
    from pypitool.mirror.environments import read_environments
    from pypitool.mirror.inputs import Inputs
    from pypitool.mirror.sets import SetRequest

    settings, targets = invocation.load().settings, tuple(terms.targets)
    alone = SetRequest("", Inputs(), targets, rules=selection_rules(settings, Inputs()))
    sets: tuple[SetRequest, ...] = ()
    moves = asked.execute or bool(asked.pin_files)
    web = web_inputs(settings, invocation.environ, stop=invocation.stop, only_copies=not moves)
    if settings.sets and workspace.roots == tuple(map(_absolute, settings.server.packages)):
        sets = _sets(invocation, settings, web, moves=moves)
    if by_flag:
        sets = tuple(replace(one, targets=targets) for one in sets)
    return read_environments(sets, asked.pin_files, alone, web.read)


def _sets(
    invocation: Invocation, settings: Settings, web: WebInputs, *, moves: bool
) -> tuple[SetRequest, ...]:
    """Read the sets; who only looks is told that one cannot be read, and goes on."""
    from pypitool.mirror.configured import set_requests
    from pypitool.mirror.inputs import InputFaults

    try:
        return set_requests(settings, (), invocation.environ, web=web)
    except InputFaults as error:
        if moves:
            raise
        for fault in error.faults:
            Output(invocation).warning(f"{fault}; what the sets have excludes nothing here")
        return ()


def _listed(path: Path) -> list[str]:
    # Who writes `acme==1.0` wants acme left alone: better one name too many than a private one sent out.
    return re.findall(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)", path.read_text(encoding="utf-8"), re.MULTILINE)


def _apart(
    workspace: Workspace, asked: Asked, options: UpdateOptions
) -> tuple[Workspace | None, UpdateOptions]:
    """Say where new files go: a directory of its own, or a folder of one that is looked at."""
    if asked.directory is None or not asked.fetches:
        return None, options
    directory = _absolute(asked.directory)
    directory.mkdir(parents=True, exist_ok=True)
    for number, root in enumerate(map(_absolute, workspace.roots)):
        if directory.is_relative_to(root):
            folder = directory.relative_to(root).as_posix()
            return None, replace(options, destination=(number, "" if folder == "." else folder))
    return replace(workspace, roots=(directory,), state=None), replace(options, destination=(0, ""))


def _described(words: tuple[str, ...], asked: Asked) -> tuple[str, ...]:
    return (*words, *(["--execute"] if asked.execute else []))

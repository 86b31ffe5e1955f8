"""The package directories that a command works on: their options, and how they are opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from pypitool.cli.invocation import Invocation
from pypitool.cli.output import Output, load_and_warn, log_to_stderr
from pypitool.cli.settings_options import setting_option

if TYPE_CHECKING:
    from pathlib import Path

    from pypitool.cli.terminal import Bar
    from pypitool.core.model import HeldFile, Problem
    from pypitool.repository.repository import Repository
    from pypitool.repository.scan_record import ScanReport

_TOPIC = "Where"


def on_packages(function: Any) -> Any:
    """Give a command the options that say which directories it works on."""
    for path in ("server.state", "server.packages"):
        function = setting_option(path, topic=_TOPIC)(function)
    return function


@contextmanager
def open_repository(
    invocation: Invocation, *, reader_only: bool = False, mends: bool = True
) -> Iterator[Repository]:
    """Open the repository as it is recorded; damage that is met is mended, where no server does that."""
    from pypitool.catalogue.errors import CatalogueDamaged, CatalogueRebuilt

    with log_to_stderr(invocation), _opened(invocation, reader_only, mends) as repository:
        try:
            yield repository
        except CatalogueDamaged as error:
            if reader_only or not mends or not _is_mended(repository):
                raise
            raise CatalogueRebuilt(error.path, error.detail) from None


def _opened(invocation: Invocation, reader_only: bool, mends: bool) -> AbstractContextManager[Repository]:
    from pypitool.catalogue.errors import CatalogueDamaged
    from pypitool.core.state_files import StateFiles
    from pypitool.repository.contact import is_kept, put_doubt
    from pypitool.repository.repository import Repository

    if reader_only and (apart := _read_apart(invocation)) is not None:
        return apart
    server = load_and_warn(invocation).settings.server
    opened = partial(
        Repository.open,
        server.packages,
        server.state,
        invocation.environ,
        reserve_deleted=server.reserve_deleted,
    )
    try:
        return opened(reader_only=reader_only, mends=False)
    except CatalogueDamaged as error:
        files = StateFiles(error.path.parent)
        if not reader_only and mends and not is_kept(files):
            return opened()
        if mends:
            put_doubt(files)
        raise


def _is_mended(repository: Repository) -> bool:
    """Rebuild a damaged catalogue, and read the directories; False: a server is there, and was told."""
    from pypitool.repository.scan import mend_if_alone, scan_if_alone

    if mend_if_alone(repository) is None:
        return False
    scan_if_alone(repository)
    return True


def _read_apart(invocation: Invocation) -> AbstractContextManager[Repository] | None:
    """Return the directories to be looked at without a state of their own: who only looks makes none.

    Of a state that is yet to be adopted a copy is looked at. None: the state is in its place.
    """
    from pypitool.repository.state import choose_state, find_state
    from pypitool.repository.state_errors import PackagesMissing

    server = invocation.load().settings.server
    for root in server.packages:
        if not root.is_dir():
            raise PackagesMissing(root)
    state = find_state(server.packages, server.state, invocation.environ)
    asked = choose_state(server.packages, server.state, invocation.environ)
    if state == asked:
        return None
    from pypitool.mirror.workspace import Workspace, open_read_only

    return open_read_only(Workspace(server.packages, state or asked, server.reserve_deleted))


@contextmanager
def open_to_look(invocation: Invocation, *, mends: bool = True) -> Iterator[Repository]:
    """Open the repository as the directories are now, and make no state where there is none."""
    apart = _read_apart(invocation)
    if apart is None:
        with open_rescanned(invocation, mends=mends) as repository:
            yield repository
        return
    with log_to_stderr(invocation), apart as repository:
        tell_problems(invocation, repository.catalogue.problems())
        yield repository


def state_directory(invocation: Invocation) -> Path:
    """Say where the state lies, without opening it: what is in it may be what has to be replaced."""
    from pypitool.repository.state import locate_state

    server = invocation.load().settings.server
    return locate_state(server.packages, server.state, invocation.environ)


@contextmanager
def open_rescanned(invocation: Invocation, *, mends: bool = True) -> Iterator[Repository]:
    """Open the repository as the directories are now: where no server looks after them, we look."""
    with open_repository(invocation, mends=mends) as repository:
        with progress_bar(invocation, "reading packages") as step:
            report = _scanned(repository, step, mends=mends)
        if report is not None:
            tell_problems(invocation, report.problems)
            tell_misnamed(invocation, report.misnamed)
        yield repository


def _scanned(repository: Repository, step: Callable[[int, int], None], *, mends: bool) -> ScanReport | None:
    from pypitool.catalogue.errors import CatalogueDamaged
    from pypitool.repository.scan import mend_if_alone, scan_if_alone

    try:
        return scan_if_alone(repository, step)
    except CatalogueDamaged:
        # Nothing was asked of it yet: the command goes on with the one that is made anew.
        if not mends or mend_if_alone(repository) is None:
            raise
        return scan_if_alone(repository, step)


def tell_problems(invocation: Invocation, problems: Iterable[Problem]) -> None:
    """Name the files that are not listed, and why."""
    for problem in problems:
        Output(invocation).warning(f"{problem.location.path} is not listed: {problem.reason}")


def tell_misnamed(invocation: Invocation, files: Iterable[HeldFile]) -> None:
    """Name the files that are listed, and that installers refuse."""
    for file in files:
        Output(invocation).warning(
            f"{file.location.path} is listed, though pip refuses it: {file.contents.misnamed}"
        )


@contextmanager
def progress_bar(invocation: Invocation, what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar from the first step on, if somebody watches."""
    bars: list[Bar] = []

    def step(done: int, total: int) -> None:
        from pypitool.cli.terminal import Bar

        if invocation.shows_progress():
            bars[:] = bars or [Bar(what)]
            bars[0].step(done, total)

    try:
        yield step
    finally:
        for bar in bars:
            bar.stop()

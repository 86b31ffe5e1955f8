"""`make trips`: how far one upload, one page or one `sync` walks through our files.

A *move* is a call of one of our functions in another file than the call before, as `sys.setprofile` sees it.
Who follows a path with an editor makes the same moves; where they are many, the parts lie wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from bench.report import table
from pypitool.__main__ import main as pypitool
from pypitool.config.loader import load_settings
from pypitool.keeper.keeper import Keeper
from pypitool.repository.repository import Repository
from pypitool.repository.tokens import TokenRequest, create
from tests.server.site import JSON, Site, make_site
from tests.support.forms import upload_form
from tests.support.offers import wheel
from tests.support.repositories import DEPLOY, open_repository, scan
from tests.support.upstream import FakeUpstream
from tests.support.wheels import Release, build_wheel, wheel_bytes, wheel_filename

ROOT = Path(__file__).resolve().parents[1]
OURS = (f"{ROOT / 'pypitool'}{os.sep}", f"{ROOT / 'server' / 'pypitool_server'}{os.sep}")

# What a trip does is the block that it gives away; what it needs is there by then.
World = Callable[[Path], AbstractContextManager[Callable[[], object]]]


@dataclass(frozen=True, slots=True)
class Goal:
    """How many files a trip enters, and how often it moves between them."""

    files: int
    moves: int


@dataclass(frozen=True, slots=True)
class Trip:
    """One thing that people or programs do."""

    name: str
    title: str
    world: World
    goal: Goal | None = None
    before: Goal | None = None  # measured in the same way at 3e5d8c4, when the files lay side by side
    most_calls: int | None = None
    most: Goal | None = None  # where something that has come since takes its steps; else `before`


@dataclass
class Trace:
    """The calls of our functions, in the order of each thread."""

    threads: dict[int, list[CodeType]] = field(default_factory=dict)

    @property
    def calls(self) -> list[CodeType]:
        """Every call."""
        return [code for calls in self.threads.values() for code in calls]

    @property
    def files(self) -> set[str]:
        """The files whose functions were called."""
        return {code.co_filename for code in self.calls}

    @property
    def moves(self) -> list[tuple[CodeType, CodeType]]:
        """The calls that came after one in another file, each with that one."""
        return [
            (one, other)
            for calls in self.threads.values()
            for one, other in pairwise(calls)
            if one.co_filename != other.co_filename
        ]

    def note(self, frame: FrameType, event: str, _argument: Any) -> None:
        """Take what the interpreter tells a profiler."""
        code = frame.f_code
        # The body of a module or of a class is not a call: it has no fast local variables.
        if event == "call" and code.co_filename.startswith(OURS) and code.co_flags & inspect.CO_OPTIMIZED:
            self.threads.setdefault(threading.get_ident(), []).append(code)


@contextmanager
def tracing() -> Iterator[Trace]:
    """Trace this thread, and those that are started meanwhile."""
    trace = Trace()
    threading.setprofile(trace.note)
    sys.setprofile(trace.note)
    try:
        yield trace
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def take(trip: Trip) -> Trace:
    """Trace a trip in a world of its own, after one in another: imports on the way are no part of it."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("first", "second"):
            place = Path(scratch, name)
            place.mkdir()
            with trip.world(place) as act, tracing() as trace:
                act()
    return trace


@contextmanager
def upload(place: Path) -> Iterator[Callable[[], object]]:
    """Upload a wheel as twine does, into an open application that nobody has asked for anything yet."""
    release = Release("acme-core", "1.0", requires_python=">=3.8")
    form = upload_form(wheel_filename(release), wheel_bytes(release))
    with open_repository(place) as repository:
        client = make_site(repository, authenticate=()).app.test_client(use_cookies=False)

        def act() -> None:
            answer = client.post("/", data=form.data, content_type=form.content_type)
            assert answer.status_code == 200, answer.text

        yield act


@contextmanager
def first_page(place: Path) -> Iterator[Callable[[], object]]:
    """Get the page of a project with five files as pip does, for the first time."""
    with site_of_five(place) as site:
        yield lambda: site.get("/simple/acme-core/", Accept=JSON).close()


@contextmanager
def replayed_page(place: Path) -> Iterator[Callable[[], object]]:
    """Get that page once more."""
    with site_of_five(place) as site:
        for _ in range(2):
            site.get("/simple/acme-core/", Accept=JSON)
        yield lambda: site.get("/simple/acme-core/", Accept=JSON).close()
        assert site.last_was_replayed


@contextmanager
def site_of_five(place: Path) -> Iterator[Site]:
    """Serve a project with five files."""
    with open_repository(place) as repository:
        for number in range(5):
            build_wheel(repository.roots[0], "acme-core", f"1.{number}")
        yield make_site(repository)


SETTINGS = """
[server]
packages = "packages"

[upstream.local]
index = "{url}"
retries = 0

[targets]
linux = {{ python = "3.12", platform = "manylinux_2_39_x86_64" }}

[set.backend]
requirements = "backend.txt"
"""


@contextmanager
def sync(place: Path) -> Iterator[Callable[[], object]]:
    """Fetch the one requirement of a set from an index on loopback, by the command."""
    (place / "backend.txt").write_text("acme-core==1.0\n")
    config = place / "config.toml"
    with FakeUpstream() as upstream:
        upstream.index.offers["acme-core"] = [wheel("acme-core", "1.0")]
        config.write_text(SETTINGS.format(url=upstream.url))
        yield lambda: succeed("sync", "--config", str(config))


def succeed(*words: str) -> None:
    """Run a command that must end with 0."""
    with io.StringIO() as said, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pypitool(words)
        assert code == 0, said.getvalue()


@contextmanager
def copied_in(place: Path) -> Iterator[Callable[[], object]]:
    """Keep a directory for one turn, in which a file lies that was copied in."""
    with open_repository(place) as repository:
        scan(repository)
        build_wheel(repository.roots[0], "acme-core", "1.0")
        heartbeat = repository.state / "keeper.json"
        keeper = Keeper(repository)
        yield lambda: keeper.run(
            lambda: heartbeat.exists() and '"walked_at": null' not in heartbeat.read_text()
        )
        assert len(list(repository.catalogue.files())) == 1


FIVE_KEYS = """
[server]
packages = "packages"
port = 8081
disable-fallback = true
[auth]
authenticate = ["update", "list"]
[policy]
private = ["acme-*"]
"""


@contextmanager
def five_keys(place: Path) -> Iterator[Callable[[], object]]:
    """Read a configuration file of five keys."""
    config = place / "config.toml"
    config.write_text(FIVE_KEYS)
    yield lambda: load_settings({}, {}, config, system_file=place / "none.toml")


@contextmanager
def opening(place: Path) -> Iterator[Callable[[], object]]:
    """Open a directory for the first time."""
    packages = place / "packages"
    packages.mkdir()
    with ExitStack() as opened:
        yield lambda: opened.enter_context(Repository.open([packages], place / "state", {}))


@contextmanager
def token(place: Path) -> Iterator[Callable[[], object]]:
    """Make a token."""
    with open_repository(place) as repository:
        wanted = TokenRequest("ci", ("acme-core",), ("upload",), owner="user:deploy")
        yield lambda: create(repository, wanted, DEPLOY)


TRIPS = (
    Trip("upload", "one wheel uploaded", upload, Goal(44, 180), Goal(56, 235)),
    Trip("page", "a first page", first_page, Goal(21, 80), Goal(26, 92)),
    Trip("sync", "one requirement of `sync`", sync, Goal(85, 900), Goal(122, 1495)),
    Trip("copied-in", "a file that was copied in", copied_in, Goal(36, 150), Goal(44, 221)),
    Trip("keys", "five keys of TOML", five_keys, Goal(10, 200), Goal(14, 801)),
    # An opening has come to look whose the state is, and whether the same directories have another one.
    Trip("open", "`Repository.open`", opening, Goal(14, 55), Goal(18, 67), most=Goal(20, 95)),
    Trip("token", "a token made", token, Goal(10, 32), Goal(12, 42)),
    Trip("replayed", "a replayed page", replayed_page, most_calls=14),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the trips and print how long each was; 0 whatever came out."""
    options = parser().parse_args(arguments)
    if options.explain:
        print(explained(take(named(options.explain)), most=options.most))
        return 0
    trips = [named(name) for name in options.trips] or TRIPS
    print(table(HEADINGS, [line(trip, take(trip)) for trip in trips]))
    return 0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    names = [trip.name for trip in TRIPS]
    made = argparse.ArgumentParser(prog="python -m bench.trips", description="Trace trips through our files.")
    made.add_argument("trips", nargs="*", metavar="TRIP", help=f"trips, default all: {', '.join(names)}")
    made.add_argument(
        "--explain", choices=names, metavar="TRIP",
        help="print the pairs of files with the most moves between them, and the functions entered most",
    )  # fmt: skip
    made.add_argument("--most", type=int, default=25, metavar="N", help="lines of an explanation, default 25")
    return made


def named(name: str) -> Trip:
    """Find a trip."""
    return next(trip for trip in TRIPS if trip.name == name)


HEADINGS = ("trip", "files", "moves", "goal", "before", "calls", "functions", "kept")


def line(trip: Trip, trace: Trace) -> list[str]:
    """Write a line of the table."""
    goal, before = (f"{one.files} / {one.moves:,}" if one else "–" for one in (trip.goal, trip.before))
    calls = f"{len(trace.calls):,}" + (f" of {trip.most_calls}" if trip.most_calls else "")
    functions = f"{len(set(trace.calls)):,}"
    kept = "yes" if keeps(trip, trace) else "no"
    return [trip.title, f"{len(trace.files)}", f"{len(trace.moves):,}", goal, before, calls, functions, kept]


def keeps(trip: Trip, trace: Trace) -> bool:
    """Tell whether a trip is as short as it should be."""
    if trip.most_calls is not None and len(trace.calls) > trip.most_calls:
        return False
    return trip.goal is None or (len(trace.files) <= trip.goal.files and len(trace.moves) <= trip.goal.moves)


def explained(trace: Trace, *, most: int) -> str:
    """Say between which files the most moves are, and into which functions."""
    pairs = Counter((shown(one), shown(other)) for one, other in trace.moves)
    entered = Counter((f"{shown(other)}:{other.co_firstlineno}", other.co_name) for _, other in trace.moves)
    tables = ((("moves", "from", "to"), pairs), (("moves", "into", "function"), entered))
    return "\n\n".join(
        table(headings, [[f"{number:,}", *words] for words, number in counted.most_common(most)])
        for headings, counted in tables
    )


def shown(code: CodeType) -> str:
    """Say where a function stands."""
    return os.path.relpath(code.co_filename, ROOT)


if __name__ == "__main__":
    sys.exit(main())

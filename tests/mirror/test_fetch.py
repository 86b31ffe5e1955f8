from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from pypitool.catalogue.facts import local_actor
from pypitool.core.errors import Kind
from pypitool.core.limits import FILE_BYTES
from pypitool.core.mirror.run_events import FileEvent
from pypitool.core.mirror.selection import Candidate
from pypitool.core.mirror.sync_plan import FetchItem, WantedFile
from pypitool.core.model import OriginKind
from pypitool.core.progress import TransferProgress
from pypitool.core.state_files import HiddenFiles
from pypitool.mirror.fetch import Fetcher
from pypitool.mirror.partial import PartialFile, PartialFiles
from pypitool.repository.repository import Repository
from pypitool.upstream.fetch_page import UpstreamPage, fetch_page
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from tests.support.upstream import (
    Action,
    Answer,
    Dialect,
    FakeUpstream,
    Handler,
    Offer,
    drip,
    other_bytes,
    redirect,
    reset,
    respond,
    stall,
    truncate,
)
from tests.support.waiting import wait_until
from tests.support.wheels import Release, wheel_bytes, wheel_filename

A = canonicalize_name("a")
BIG = os.urandom(3 * 1024**2)


def offer(version: str, extra: bytes = b"", **more: object) -> Offer:
    release = Release("a", version)
    body = wheel_bytes(release, extra_files={"big": extra} if extra else {})
    return replace(Offer(wheel_filename(release), body), **more)  # type: ignore[arg-type]


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    packages = tmp_path / "packages"
    packages.mkdir()
    with Repository.open([packages], environ={}) as repository:
        yield repository


def items(fake: FakeUpstream, *hashes: str) -> list[FetchItem]:
    page = fetch_page(UpstreamSession(Upstream("fake", fake.url)), A)
    assert isinstance(page, UpstreamPage)
    return [FetchItem(wanted(candidate, *hashes), "fake") for candidate in page.candidates]


def wanted(candidate: Candidate, *hashes: str) -> WantedFile:
    return WantedFile(candidate, ("linux",), frozenset(hashes))


def fetch(
    repository: Repository,
    fake: FakeUpstream,
    work: list[FetchItem] | None = None,
    stop: threading.Event | None = None,
    progress: TransferProgress | None = None,
    timeout: float = 30.0,
    largest: int = FILE_BYTES.most,
) -> dict[str, FileEvent]:
    stop = stop or threading.Event()
    session = UpstreamSession(Upstream("fake", fake.url, retries=2, timeout=timeout), stop)
    events: list[FileEvent] = []
    fetcher = Fetcher(
        repository, {"fake": session}, local_actor(), stop, progress or TransferProgress(), largest
    )
    fetcher.fetch(items(fake) if work is None else work, events.append)
    session.close()
    return {event.name: event for event in events}


def partials(repository: Repository) -> list[str]:
    return list(PartialFiles(repository.roots[0]).names())


def held(repository: Repository) -> dict[str, str]:
    return {file.filename: file.contents.digests.sha256 for file in repository.catalogue.files()}


def test_files_are_held_with_their_origin_upload_time_and_yank(
    repository: Repository, fake: FakeUpstream
) -> None:
    fake.index.offers["a"] = [offer("1.0", yanked="broken"), offer("2.0")]

    events = fetch(repository, fake)

    assert {event.outcome for event in events.values()} == {"fetched"}
    project = repository.catalogue.project(A)
    assert project is not None
    first, second = sorted(project.files, key=lambda file: file.version)
    assert (first.origin.kind, first.origin.detail) == (OriginKind.MIRRORED, "fake")
    assert (first.upload_time, first.yanked) == ("2026-01-02T03:04:05.678900Z", "broken")
    assert second.yanked is None
    assert second.contents.metadata_sha256 is not None
    assert (repository.roots[0] / second.filename).read_bytes() == fake.index.offers["a"][1].body
    assert partials(repository) == []


def test_one_files_failure_does_not_stop_the_others(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0"), offer("2.0"), offer("3.0")]
    fake.fail("/files/a-2.0", respond(404))

    events = fetch(repository, fake)

    assert [events[f"a-{v}-py3-none-any.whl"].outcome for v in ("1.0", "2.0", "3.0")] == [
        "fetched",
        "failed",
        "fetched",
    ]
    assert events["a-2.0-py3-none-any.whl"].kind is Kind.NOT_FOUND


@pytest.mark.parametrize("action", [truncate(5000), reset(), respond(503, Retry_After="0")])
def test_a_passing_failure_is_mended_within_the_run(
    repository: Repository, fake: FakeUpstream, action: object
) -> None:
    fake.index.offers["a"] = [offer("1.0", BIG)]
    fake.fail("/files/", action, times=1)  # type: ignore[arg-type]

    (event,) = fetch(repository, fake).values()

    assert event.outcome == "fetched"


def test_a_weak_tag_keeps_no_file_from_being_continued(repository: Repository, fake: FakeUpstream) -> None:
    def weak(handler: Handler, answer: Answer) -> None:
        answer.headers["ETag"] = "W/" + answer.headers["ETag"]
        truncate(1_000_000)(handler, answer)

    fake.index.offers["a"] = [offer("1.0", BIG)]
    fake.fail("/files/", weak, times=1)

    fetch(repository, fake)

    second = fake.seen[-1]
    assert (second.headers["Range"], second.headers.get("If-Range")) == ("bytes=1000000-", None)


def test_a_truncated_file_is_continued_where_it_ended(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0", BIG)]
    fake.fail("/files/", truncate(1_000_000), times=1)

    fetch(repository, fake)

    first, second = [seen for seen in fake.seen if seen.path.startswith("/files/")]
    assert "Range" not in first.headers
    assert second.headers["Range"] == "bytes=1000000-"
    assert second.headers["If-Range"].startswith('"')


def test_a_file_whose_bytes_changed_upstream_is_begun_again(
    repository: Repository, fake: FakeUpstream
) -> None:
    fake.index.offers["a"] = [offer("1.0", BIG)]
    work = items(fake)
    with PartialFiles(repository.roots[0]).open(fake.index.offers["a"][0].digest) as partial:
        partial.begin('"another"')
        partial.append(b"x" * 1000)

    (event,) = fetch(repository, fake, work).values()

    assert event.outcome == "fetched"


def test_an_upstream_without_ranges_sends_it_all_again(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0", BIG)]
    fake.index.dialect = Dialect(ranges=False)
    fake.fail("/files/", truncate(1_000_000), times=1)

    (event,) = fetch(repository, fake).values()

    assert event.outcome == "fetched"


def test_other_bytes_are_refused_and_not_kept(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0")]
    fake.fail("/files/", other_bytes())

    (event,) = fetch(repository, fake).values()

    assert (event.outcome, event.kind) == ("failed", Kind.INVALID)
    assert "its sha256 is" in (event.message or "")
    assert held(repository) == {}
    assert partials(repository) == []


def test_the_hash_of_the_requirement_is_enforced(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0")]
    right = hashlib.sha512(fake.index.offers["a"][0].body).hexdigest()

    refused = fetch(repository, fake, items(fake, f"sha512:{'0' * 128}"))
    taken = fetch(repository, fake, items(fake, f"sha512:{right}"))

    assert [event.outcome for event in refused.values()] == ["failed"]
    assert [event.outcome for event in taken.values()] == ["fetched"]


def test_a_file_of_another_size_than_announced_is_refused(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0", size=10_000_000)]

    (event,) = fetch(repository, fake).values()

    assert event.outcome == "failed"
    assert "10000000 were announced" in (event.message or "")


def test_a_file_that_is_no_archive_is_not_published_even_with_the_right_hash(
    repository: Repository, fake: FakeUpstream
) -> None:
    fake.index.offers["a"] = [Offer("a-1.0-py3-none-any.whl", b"no wheel at all")]

    (event,) = fetch(repository, fake).values()

    assert (event.outcome, event.kind) == ("failed", Kind.INVALID)
    assert not (repository.roots[0] / "a-1.0-py3-none-any.whl").exists()


def test_a_name_that_exists_with_other_bytes_is_a_conflict_and_stays(
    repository: Repository, fake: FakeUpstream
) -> None:
    fake.index.offers["a"] = [offer("1.0")]
    fetch(repository, fake)
    before = held(repository)
    fake.index.offers["a"] = [offer("1.0", b"other")]

    (event,) = fetch(repository, fake).values()

    assert (event.outcome, event.kind) == ("conflict", Kind.CONFLICT)
    assert held(repository) == before


def test_a_silent_upstream_fails_the_file_and_keeps_what_arrived(
    repository: Repository, fake: FakeUpstream
) -> None:
    fake.index.offers["a"] = [offer("1.0", BIG)]
    fake.fail("/files/", stall(600_000, 5), times=1)
    fake.fail("/files/", stall(0, 5))

    (event,) = fetch(repository, fake, timeout=1.0).values()

    assert (event.outcome, event.kind) == ("failed", Kind.UNAVAILABLE)
    assert partials(repository) == [fake.index.offers["a"][0].digest]


def test_the_next_run_continues_an_interrupted_file(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0", BIG)]
    fake.fail("/files/", stall(600_000, 5), times=1)
    fake.fail("/files/", respond(404), times=1)
    fetch(repository, fake, timeout=1.0)

    (event,) = fetch(repository, fake).values()

    assert event.outcome == "fetched"
    assert int(fake.seen[-1].headers["Range"].removeprefix("bytes=").rstrip("-")) >= 500_000


def test_a_stop_ends_the_run_and_keeps_partials(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0", BIG), offer("2.0", BIG)]
    fake.fail("/files/", drip(65536, 0.05))
    stop = threading.Event()

    class StopAfterSome(TransferProgress):
        def moved(self, name: str, count: int) -> None:
            stop.set()

    events = fetch(repository, fake, stop=stop, progress=StopAfterSome())

    assert events == {}
    assert partials(repository)
    assert held(repository) == {}


def test_a_small_file_is_written_once_and_where_it_belongs(
    repository: Repository, fake: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.index.offers["a"] = [offer("1.0")]
    work = items(fake)
    monkeypatch.setattr(PartialFile, "_to_disk", lambda partial: pytest.fail("it is written twice"))

    (event,) = fetch(repository, fake, work).values()

    assert event.outcome == "fetched"


def test_what_came_of_a_small_file_is_kept_when_the_run_is_interrupted(
    repository: Repository, fake: FakeUpstream
) -> None:
    fake.index.offers["a"] = [offer("1.0", os.urandom(450_000))]
    fake.fail("/files/", stall(400_000, 5), times=1)
    fake.fail("/files/", respond(404), times=1)
    fetch(repository, fake, timeout=1.0)
    assert partials(repository) == [fake.index.offers["a"][0].digest]

    (event,) = fetch(repository, fake).values()

    assert (event.outcome, partials(repository)) == ("fetched", [])
    assert fake.seen[-1].headers["Range"] == "bytes=262144-"
    assert fake.seen[-1].headers["If-Range"].startswith('"')


def test_a_file_on_another_host_is_fetched(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0")]
    with FakeUpstream() as files:
        files.index.offers["a"] = fake.index.offers["a"]
        fake.fail("/files/", redirect(f"{files.root}/files/a-1.0-py3-none-any.whl"))

        (event,) = fetch(repository, fake).values()

    assert event.outcome == "fetched"


def test_what_does_not_fit_is_not_begun(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0", size=10**18), offer("1.1")]

    events = fetch(repository, fake, largest=10**19)

    assert {event.outcome for event in events.values()} == {"failed"}
    assert all("no space left" in str(event.message) for event in events.values())
    assert fake.paths("/files/") == []


def test_what_arrives_is_watched(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0", BIG)]
    seen: list[object] = []

    class Log(TransferProgress):
        def started(self, name: str, size: int | None) -> None:
            seen.append("started")

        def moved(self, name: str, count: int) -> None:
            seen.append(count)

        def ended(self, name: str) -> None:
            seen.append("ended")

    (event,) = fetch(repository, fake, progress=Log()).values()

    assert (seen[0], seen[-1], event.outcome) == ("started", "ended", "fetched")
    assert sum(each for each in seen if isinstance(each, int)) == len(fake.index.offers["a"][0].body)


class Crowd:
    """Answers when as many have asked at once as may, or after a moment; counts how many did."""

    def __init__(self, expected: int) -> None:
        self.most = 0
        self._now = 0
        self._changed = threading.Condition()
        self._expected = expected

    def __call__(self, handler: Handler, answer: Answer) -> None:
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most > self._expected, timeout=0.1)
            self._now -= 1
        handler.send(answer)


def test_an_upstream_is_never_asked_by_more_than_its_workers(
    repository: Repository, fake: FakeUpstream
) -> None:
    fake.index.offers["a"] = [offer(f"{number}.0") for number in range(12)]
    crowd = Crowd(expected=3)
    work = items(fake)
    fake.fail("/files/", crowd)
    session = UpstreamSession(Upstream("fake", fake.url, workers=3))
    fetcher = Fetcher(repository, {"fake": session}, local_actor(), threading.Event(), TransferProgress())

    fetcher.fetch(work, lambda event: None)

    assert crowd.most == 3
    assert len(held(repository)) == 12


FETCH = """
import sys, threading
from pathlib import Path
from tests.mirror.test_fetch import *
from pypitool.upstream.fetch_page import fetch_page

url, packages = sys.argv[1:]
with Repository.open([Path(packages)], environ={}) as repository:
    session = UpstreamSession(Upstream("fake", url))
    work = [FetchItem(wanted(c), "fake") for c in fetch_page(session, A).candidates]
    fetcher = Fetcher(repository, {"fake": session}, local_actor(), threading.Event(), TransferProgress())
    fetcher.fetch(work, print)
"""


@pytest.mark.process
def test_a_killed_run_loses_at_most_a_mebibyte(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0", BIG)]
    fake.fail("/files/", stall(2_500_000, 20), times=1)
    packages = repository.roots[0]
    path = HiddenFiles(packages).partial / fake.index.offers["a"][0].digest
    command = [sys.executable, "-c", FETCH, fake.url, str(packages)]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as run:
        wait_until(lambda: path.exists() and path.stat().st_size > 1_500_000, what="half of it arrived")
        run.send_signal(signal.SIGKILL)

    (event,) = fetch(repository, fake).values()

    assert event.outcome == "fetched"
    assert int(fake.seen[-1].headers["Range"].removeprefix("bytes=").rstrip("-")) > 1_400_000


def endless(pieces: int) -> Action:
    """Send a body that never says how long it is."""

    def act(handler: Handler, answer: Answer) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        for _ in range(pieces):
            handler.wfile.write(b"x" * 65536)
        handler.close_connection = True

    return act


@pytest.mark.parametrize(
    ("sizes", "largest", "says"),
    [(True, 5 * 1024**3, "were announced"), (False, 2 * 1024**2, "max-file-size is 2097152")],
    ids=["announced", "not announced"],
)
def test_more_than_there_should_be_is_stopped_and_not_resumed(
    repository: Repository, fake: FakeUpstream, sizes: bool, largest: int, says: str
) -> None:
    fake.index.offers["a"] = [offer("1.0", BIG[:1_000_000])]
    fake.index.dialect = Dialect(sizes=sizes)
    fake.fail("/files/", endless(pieces=20_000), times=1)

    (event,) = fetch(repository, fake, largest=largest).values()

    assert (event.outcome, event.kind) == ("failed", Kind.INVALID)
    assert says in (event.message or "")
    assert partials(repository) == []
    (again,) = fetch(repository, fake, largest=largest).values()
    assert again.outcome == "fetched"


@pytest.mark.parametrize("left", [1000, 5_000_000], ids=["shorter", "longer"])
def test_garbage_that_an_earlier_run_left_fails_no_sound_file(
    repository: Repository, fake: FakeUpstream, left: int
) -> None:
    fake.index.offers["a"] = [sound] = [offer("1.0", BIG)]
    with PartialFiles(repository.roots[0]).open(sound.digest) as partial:
        partial.append(b"x" * left)

    (event,) = fetch(repository, fake).values()

    assert event.outcome == "fetched"


def test_a_size_that_is_too_large_fails_its_file_alone(repository: Repository, fake: FakeUpstream) -> None:
    fake.index.offers["a"] = [offer("1.0"), offer("2.0", size=10**15)]

    events = fetch(repository, fake)

    assert {event.version: event.outcome for event in events.values()} == {"1.0": "fetched", "2.0": "failed"}
    assert len(fake.paths("/files/")) == 1

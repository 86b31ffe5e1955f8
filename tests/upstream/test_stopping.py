"""A stop ends every wait of a session, whatever it waits for; so does an upstream that is too slow.

Each server here stands still for longer than any test waits: who goes on was ended from outside.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from packaging.utils import canonicalize_name

from pypitool.core.errors import PypitoolError
from pypitool.core.giving_up import UpstreamPace
from pypitool.upstream.fetch_page import fetch_page
from pypitool.upstream.lines import Lines
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import GivenUp, Stopped, TooSlow, Unreachable
from pypitool.upstream.watch import Watch
from tests.support.stalling import full_server, silent_server
from tests.support.upstream import Action, Answer, FakeUpstream, Handler, Offer, respond, stall
from tests.support.waiting import wait_until

A = canonicalize_name("a")
AN_HOUR = 3600.0
AT_LAST = 45.0  # far less than that


class Asking(threading.Thread):
    """Asks for a page in a thread, and tells what came of it."""

    def __init__(self, session: UpstreamSession) -> None:
        super().__init__(daemon=True)
        self._session, self.error = session, None

    error: PypitoolError | None

    def run(self) -> None:
        try:
            fetch_page(self._session, A)
        except PypitoolError as error:
            self.error = error

    def ended(self) -> PypitoolError | None:
        self.join(AT_LAST)
        assert not self.is_alive(), "it still waits"
        return self.error


def upstream(url: str, **more: object) -> Upstream:
    settings = {"retries": 5, "timeout": AN_HOUR, "retry_after_max": AN_HOUR, **more}
    return Upstream("fake", url, **settings)  # type: ignore[arg-type]


@contextmanager
def answering(action: Action) -> Iterator[tuple[str, Callable[[], object]]]:
    with FakeUpstream() as fake:
        fake.index.offers["a"] = [Offer("a-1.0-py3-none-any.whl", b"wheel")]
        fake.fail("^/simple/a/", action)
        yield fake.url, lambda: fake.seen


@contextmanager
def silent(scheme: str) -> Iterator[tuple[str, Callable[[], object]]]:
    with silent_server() as port:
        yield f"{scheme}://127.0.0.1:{port}/simple/", lambda: True


@contextmanager
def full() -> Iterator[tuple[str, Callable[[], object]]]:
    with full_server() as port:
        yield f"http://127.0.0.1:{port}/simple/", lambda: True


def without_a_length(handler: Handler, answer: Answer) -> None:
    """Send something and no end: to a client it is one when the connection ends."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    handler.wfile.write(b"<a href='../../files/a-1.0-py3-none-any.whl'>a-1.0-py3-none-any.whl</a>")
    handler.wfile.flush()
    handler.server.closing.wait(AN_HOUR)


PLACES: dict[str, Callable[[], AbstractContextManager[tuple[str, Callable[[], object]]]]] = {
    "connection": full,
    "handshake": lambda: silent("https"),
    "head": lambda: silent("http"),
    "body": lambda: answering(stall(40, AN_HOUR)),
    "body-without-a-length": lambda: answering(without_a_length),
    "retry": lambda: answering(respond(503, Retry_After="3000")),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_stop_ends_whoever_waits(
    place: Callable[[], AbstractContextManager[tuple[str, Callable[[], object]]]],
) -> None:
    with place() as (url, is_asked):
        stop = threading.Event()
        session = UpstreamSession(upstream(url), stop)
        asking = Asking(session)
        asking.start()
        wait_until(lambda: session.requests and is_asked(), what="it has asked")

        stop.set()

        assert isinstance(asking.ended(), Stopped)
        session.close()


def test_a_stop_ends_the_look_for_a_host_that_takes_long() -> None:
    never, asked = threading.Event(), threading.Event()

    def find(host: str, port: int | None) -> list[tuple[object, ...]]:
        asked.set()
        never.wait(AN_HOUR)
        return []

    lines = Lines(find=find)

    def end() -> None:
        asked.wait(AT_LAST)
        lines.cut()

    threading.Thread(target=end, daemon=True).start()

    with pytest.raises(OSError, match="everything was ended"):
        lines.look_up("far", 80)
    never.set()


def test_nothing_begins_once_everything_was_ended() -> None:
    lines = Lines()
    lines.cut()

    with silent_server() as port, pytest.raises(OSError, match="everything was ended"):
        lines.connect("127.0.0.1", port, 5, ())


class Clock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def dripping(stop: threading.Event, **more: bool) -> Iterator[tuple[Watch, Clock, threading.Thread]]:
    """Read from a server that has sent one byte of its answer and sends no other; yield who watches."""
    clock, lines = Clock(), Lines()
    watch = Watch("index", lines, stop, UpstreamPace(), clock=clock, **more)
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = lines.connect("127.0.0.1", server.getsockname()[1], AN_HOUR, ())
        there, _ = server.accept()
        there.sendall(b"H")
        line.recv_into(bytearray(1))
        reading = threading.Thread(target=line.recv_into, args=(bytearray(1),), daemon=True)
        reading.start()
        wait_until(lambda: lines.traffic(0).is_sending, what="it reads")
        yield watch, clock, reading
        there.close()
        line.close()


def looked(watch: Watch, clock: Clock, until: float) -> float | None:
    """Look once a second, and say when it was the last time."""
    while clock.now < until:
        if watch.look():
            return clock.now
        clock.now += 1
    return None


def test_an_upstream_that_is_too_slow_is_ended_and_not_asked_again() -> None:
    with dripping(threading.Event()) as (watch, clock, reading):
        ended = looked(watch, clock, 300)

        reading.join(AT_LAST)
        assert (ended, reading.is_alive()) == (120, False)
        with pytest.raises(TooSlow, match="less than 4 KB/s for 120 s"):
            watch.check("a")
        with pytest.raises(GivenUp):
            watch.begin("b")
        with pytest.raises(TooSlow):
            watch.pause(AN_HOUR, "a")


def test_what_has_begun_may_be_finished_after_a_stop_unless_it_stands_still() -> None:
    stop = threading.Event()
    with dripping(stop, finishes=True) as (watch, clock, reading):
        stop.set()
        at_once, ended = watch.look(), looked(watch, clock, 30)

        reading.join(AT_LAST)
        assert (at_once, ended is not None, reading.is_alive()) == (False, True, False)
        with pytest.raises(Stopped):
            watch.check("a")


def test_whoever_waits_to_try_again_has_no_other_try_once_nobody_is_reached() -> None:
    watch = Watch("index", Lines(), threading.Event(), UpstreamPace(), most_unreached=1)
    goes_on: list[bool] = []
    waiting = threading.Thread(target=lambda: goes_on.append(watch.pause(AN_HOUR, "a")), daemon=True)
    waiting.start()

    with pytest.raises(Unreachable), watch.asked_for("b"):
        raise Unreachable("b", "connection refused")

    waiting.join(AT_LAST)
    assert goes_on == [False]
    with pytest.raises(GivenUp, match=r"c was not asked: index cannot be reached \(connection refused\)"):
        watch.begin("c")

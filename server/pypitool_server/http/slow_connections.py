"""The watch over slow clients: once a second the kernel is asked what became of each connection.

The engine waits for the next byte of a body for ever, and for a client that takes none (granian 2.8). Whose
request it is need not be known: a connection is slow, or it is not. Of a unix socket the proxy in front
decides how long its clients may take.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pypitool.core.guard import Turns
from pypitool.core.pace import Pace, Patience, Verdict, judge
from pypitool_server.http.own_connections import Identity, OwnConnection, OwnConnections

LOOK_SECONDS = 1.0
# After the end of what it sends, a client has this long to be answered.
ANSWER_SECONDS = 10.0
_BUSY = (Verdict.SENDS_NOTHING, Verdict.IDLE)  # what a client whose answer is being made looks like
_SENDING = (Verdict.SENDS_NOTHING, Verdict.SENDS_SLOWLY)

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Answering:
    """A request, and since when the application is busy with it; None while it waits for the client."""

    peer: str
    since: float | None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for the client."""
        self.since = None
        try:
            yield
        finally:
            self.since = time.monotonic()


class Answers:
    """What the application is busy with: who waits for us must not be taken for somebody who is slow."""

    def __init__(self) -> None:
        self._current: set[Answering] = set()

    def begin(self, peer: str) -> Answering:
        """Note that a request of this peer is being answered."""
        answering = Answering(peer, time.monotonic())
        self._current.add(answering)
        return answering

    def end(self, answering: Answering) -> None:
        """Note that it was answered."""
        self._current.discard(answering)

    def may_be_for(self, peer: str, *, after: float, before: float) -> bool:
        """Say whether one that began between these two moments may be for a connection of a peer."""
        return any(
            one.peer == peer and one.since is not None and after <= one.since <= before
            for one in self._current.copy()
        )


class SlowConnections:
    """Ends the connections of clients that are too slow; one thread for all of a worker."""

    def __init__(self, connections: OwnConnections, answers: Answers, patience: Patience) -> None:
        self._connections = connections
        self._answers = answers
        self._patience = patience
        self._every = min(LOOK_SECONDS, max(0.02, patience.silence / 4))
        self._paces: dict[Identity, Pace] = {}
        self._cut: dict[Identity, float] = {}

    def start(self) -> None:
        """Look from now on, each second."""
        threading.Thread(target=self._run, name="slow connections", daemon=True).start()

    def look(self) -> None:
        """Look at every connection once, and end those that are too slow."""
        with self._connections.lock:
            self._look()

    def _look(self) -> None:
        before, self._paces = self._paces, {}
        cut, self._cut = self._cut, {}
        for connection in self._connections.all():
            sample = self._connections.sample()
            if sample is None:
                continue
            pace = before.get(connection.identity)
            if pace is None:
                pace = Pace(sample)
            else:
                pace.follow(sample, self._patience.window)
            self._paces[connection.identity] = pace
            verdict = judge(pace, self._patience)
            if verdict is not Verdict.FINE:
                self._end(connection, pace, verdict, cut.get(connection.identity))

    def _end(self, connection: OwnConnection, pace: Pace, verdict: Verdict, cut: float | None) -> None:
        now = pace.last
        if verdict in _BUSY and self._is_being_answered(connection, pace):
            return
        if verdict in _SENDING and (cut is None or now.at - cut < ANSWER_SECONDS):
            # Its sender is told why, if it still listens.
            self._cut[connection.identity] = now.at if cut is None else cut
            self._connections.end_receiving()
            return
        log.debug("a connection of %s is ended: %s", connection.peer, verdict.value)
        self._connections.end()

    def _is_being_answered(self, connection: OwnConnection, pace: Pace) -> bool:
        silent_since = pace.last.at - pace.last.last_received
        # It may have waited for a thread before we were busy with it, but not for long.
        return self._answers.may_be_for(
            connection.peer, after=silent_since - 1.0, before=silent_since + self._patience.silence / 2
        )

    def _run(self) -> None:
        turns = Turns(lambda fault: log.error("slow connections are not seen: %s", fault))
        while True:
            began = time.monotonic()
            turns.take(self.look)
            # However many there are, it is a small part of what this process does.
            time.sleep(max(self._every, 10 * (time.monotonic() - began)))

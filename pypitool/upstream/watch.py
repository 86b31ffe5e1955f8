"""A watch over one session: an order to stop, an upstream that sends too slowly, and one that is given up.

It looks four times a second, in a thread of its own: whoever waits for a byte cannot look himself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from pypitool.core.giving_up import LEAST_RATE, MOST_UNREACHED, WINDOW_SECONDS, Reach, UpstreamPace
from pypitool.upstream.lines import Lines
from pypitool.upstream.upstream_errors import GivenUp, Stopped, TooSlow, Unreachable

_TICK = 0.25
_STILLNESS = 1.25  # how long a file may stand still that is brought to its end after a stop

_SLOW = f"has sent less than {LEAST_RATE // 1024} KB/s for {WINDOW_SECONDS:g} s"


class Watch:
    """Ends what a session waits for, and says why."""

    def __init__(
        self,
        place: str,  # for messages
        lines: Lines,
        stop: threading.Event,
        pace: UpstreamPace,
        *,
        finishes: bool = False,
        most_unreached: int = MOST_UNREACHED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place, self._lines, self._stop, self._pace, self._clock = place, lines, stop, pace, clock
        self._finishes = finishes  # what has begun when it is told to stop
        self._last_pace = UpstreamPace(_STILLNESS, _STILLNESS)
        self._given_up: str | None = None
        self.has_answered = False  # anything at all, be it a refusal
        self._reach = Reach(most_unreached)
        self._unreached: dict[Hashable, Unreachable] = {}  # projects
        self._woken = threading.Event()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, url: str) -> None:
        """Allow a request, or raise `Stopped` or `GivenUp`."""
        if self._stop.is_set():
            raise Stopped()
        if self._given_up is not None:
            raise GivenUp(url, self._given_up)
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
                    self._thread.start()

    def check(self, url: str) -> None:
        """Raise why all connections were ended, if they were."""
        if not self._lines.is_cut:
            return
        if self._stop.is_set():
            raise Stopped()
        raise TooSlow(url, _SLOW)

    def pause(self, seconds: float, url: str) -> bool:
        """Wait before another try; False: there is none, for nobody gets an answer."""
        if not self._woken.wait(seconds):
            return True
        if self._stop.is_set():
            raise Stopped()
        self.check(url)
        return False

    @contextmanager
    def asked_for(self, project: Hashable) -> Iterator[None]:
        """Ask for a project within; when it was no use for some in a row, no other one is begun.

        What is under way then comes to its end, and is not tried again. Who resolves asks first, and the run
        asks for the same project after it: as long as nothing has ever come back, the answer is the same.
        """
        before = self._unreached.get(project)
        if before is not None and not self.has_answered:
            raise Unreachable(before.url, before.reason)
        unreached: str | None = None
        try:
            yield
        except Unreachable as error:
            unreached = error.reason
            self._unreached[project] = error
            raise
        finally:
            self._note(project, unreached)

    def _note(self, project: Hashable, unreached: str | None) -> None:
        with self._lock:
            reach = replace(self._reach, has_answered=self.has_answered)
            self._reach = reach.after(project, unreached=unreached is not None)
            is_lost = self._reach.is_lost
        if is_lost:
            self._give_up(f"{self._place} cannot be reached ({unreached})")

    def _give_up(self, reason: str) -> None:
        self._given_up = self._given_up or reason
        self._woken.set()

    def close(self) -> None:
        """Watch no longer."""
        self._closed.set()

    def look(self) -> bool:
        """Look once; True: it was the last look."""
        traffic = self._lines.traffic(self._clock())
        if self._stop.is_set():
            self._woken.set()
            # Whoever waits is judged now, in whatever he waits.
            if self._finishes and not self._last_pace.is_too_slow(replace(traffic, is_sending=True)):
                return False
        elif self._pace.is_too_slow(traffic):
            self._give_up(f"{self._place} {_SLOW}")
        else:
            return False
        self._lines.cut()
        return True

    def _watch(self) -> None:
        while not self._closed.wait(_TICK):
            if self.look():
                return

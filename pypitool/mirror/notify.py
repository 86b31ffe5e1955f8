"""Telling somebody how a run ended: a webhook, a command, or both. It never changes how the run ended."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from tempfile import TemporaryFile
from typing import IO

from pypitool.core.mirror.run_summary import RunOutcome, Summary
from pypitool.core.mirror.run_trouble import RunTrouble
from pypitool.upstream.upstream_errors import Stopped, UpstreamError, redacted

_TIMEOUT = 15.0
_AFTER_STOP = 0.75  # for each of the two
_LOOK_EVERY = 0.1
_IN_VAIN = "it did not end in time"
_TOLD_OF_A_COMMAND = 400  # characters of what it wrote on stderr, from the end
_NONE = RunTrouble()


class NotifyOn(str, Enum):
    """Which runs are worth a message."""

    FAILURE = "failure"
    CHANGE = "change"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Recipients:
    """Who is told, and of what."""

    webhook: str | None = None
    command: Sequence[str] = ()
    on: NotifyOn = NotifyOn.FAILURE


def is_worth_telling(on: NotifyOn, summary: Summary) -> bool:
    """Tell whether a run is one that people asked to hear of."""
    failed = summary.outcome is not RunOutcome.OK
    if on is NotifyOn.FAILURE:
        return failed
    news = summary.tally.fetched + summary.tally.offered + summary.tally.deleted
    return on is NotifyOn.ALWAYS or failed or news > 0


def notify(
    recipients: Recipients,
    summary: Summary,
    job: str | None = None,
    trouble: RunTrouble = _NONE,
    stop: threading.Event | None = None,
) -> tuple[str, ...]:
    """Tell everybody, and return what went wrong with the telling."""
    if not is_worth_telling(recipients.on, summary):
        return ()
    stop = stop or threading.Event()
    body = json.dumps(message(summary, job, trouble)).encode()
    faults = []
    if recipients.webhook:
        faults.append(_post(recipients.webhook, body, _Patience(stop)))
    if recipients.command:
        faults.append(_run(recipients.command, body, _Patience(stop)))
    return tuple(fault for fault in faults if fault is not None)


def message(summary: Summary, job: str | None = None, trouble: RunTrouble = _NONE) -> Mapping[str, object]:
    """Compose what is sent: the summary, the machine, what is wrong, and a text for a chat."""
    host = socket.gethostname()
    what = f"{summary.command} ({job})" if job else summary.command
    head = f"pypitool on {host}: {what} ended {_ending(summary)} (exit {summary.exit_code}): "
    text = "\n".join((head + _news(summary, trouble), *trouble.lines()))
    return {**summary.as_json(), "host": host, "job": job, "text": text, **trouble.as_json(summary)}


def _ending(summary: Summary) -> str:
    # To people a hole is a dependency that is missing.
    is_missing = summary.outcome is RunOutcome.HOLES
    return "with missing dependencies" if is_missing else summary.outcome.value


def _news(summary: Summary, trouble: RunTrouble) -> str:
    if trouble.reason is not None:
        return trouble.reason
    tally = summary.tally
    told = summary.outcome in (RunOutcome.FAILED, RunOutcome.INTERRUPTED)
    reason = f"{trouble.reason_of(summary)}; " if told else ""
    counts = f"{tally.fetched} fetched, {tally.kept} kept, {tally.failed} failed, {tally.holes} missing"
    return reason + counts


class _Patience:
    """How long the telling may take: a while, and a moment once the run is told to stop."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._until = time.monotonic() + _TIMEOUT

    @property
    def is_over(self) -> bool:
        """Whether nobody is waited for any more."""
        if self._stop.is_set():
            self._until = min(self._until, time.monotonic() + _AFTER_STOP)
            self._stop = threading.Event()  # looked at once: from then on that moment counts
        return time.monotonic() >= self._until

    @contextmanager
    def ending(self) -> Iterator[threading.Event]:
        """Give what is set once it is over, as long as the block runs."""
        late, done = threading.Event(), threading.Event()

        def look() -> None:
            while not done.wait(_LOOK_EVERY):
                if self.is_over:
                    late.set()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield late
        finally:
            done.set()
            thread.join()


def _post(url: str, body: bytes, patience: _Patience) -> str | None:
    # What most runs need not import.
    from pypitool.upstream.session import UpstreamSession
    from pypitool.upstream.upstream import Upstream

    if not url.startswith(("https://", "http://")):
        return f"webhook {redacted(url)}: not an http address"
    # The address may hold a secret: the path is not shown.
    host = redacted(url).split("/")[2]
    with patience.ending() as late:
        session = UpstreamSession(Upstream("webhook", url, retries=0, anonymous=True), late)
        try:
            with session.post(url, _Message(body), {"Content-Type": "application/json"}) as answer:
                code = answer.status_code
            # A connection that is ended within the head of an answer looks like the end of that.
            if late.is_set():
                raise Stopped()
        except Stopped:
            return f"webhook at {host}: {_IN_VAIN}"
        except UpstreamError as error:
            return f"webhook at {host}: {error.reason}"
        finally:
            session.close()
    return None if code in range(200, 300) else f"webhook at {host}: it answers {code}"


class _Message(bytes):
    """A body that is sent in one piece, as often as it takes."""

    def __iter__(self) -> Iterator[bytes]:  # type: ignore[override]
        yield bytes(self)


def _run(command: Sequence[str], body: bytes, patience: _Patience) -> str | None:
    # Files and no pipes: what a command leaves running holds those open, and nobody waits for it.
    with TemporaryFile(prefix="pypitool-") as given, TemporaryFile(prefix="pypitool-") as said:
        given.write(body)
        given.seek(0)
        try:
            code = _ended(command, given, said, patience)
        except OSError as error:
            return f"command {command[0]}: {error}"
        said.seek(max(0, said.seek(0, os.SEEK_END) - 4 * _TOLD_OF_A_COMMAND))
        # There is no shell: of `cat >> file` only cat itself can tell what is wrong.
        lines = said.read().decode(errors="replace").split("\n")
    if not code:
        return None if code == 0 else f"command {command[0]}: {_IN_VAIN}"
    why = "; ".join(line.strip() for line in lines if line.strip())[-_TOLD_OF_A_COMMAND:]
    return f"command {command[0]}: exit code {code}" + (f": {why}" if why else "")


def _ended(command: Sequence[str], given: IO[bytes], said: IO[bytes], patience: _Patience) -> int | None:
    """Return the exit code of a command; None: it took too long."""
    with subprocess.Popen(list(command), stdin=given, stdout=subprocess.DEVNULL, stderr=said) as process:
        try:
            while not patience.is_over:
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(_LOOK_EVERY)
        finally:
            process.kill()
    return None

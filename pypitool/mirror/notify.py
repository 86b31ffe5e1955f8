"""Telling somebody how a run ended: a webhook, a command, or both. It never changes how the run ended."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pypitool.core.mirror.run_summary import RunOutcome, Summary
from pypitool.core.mirror.run_trouble import RunTrouble
from pypitool.upstream.upstream_errors import redacted

_TIMEOUT = 15.0
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
    recipients: Recipients, summary: Summary, job: str | None = None, trouble: RunTrouble = _NONE
) -> tuple[str, ...]:
    """Tell everybody, and return what went wrong with the telling."""
    if not is_worth_telling(recipients.on, summary):
        return ()
    body = json.dumps(message(summary, job, trouble)).encode()
    faults = []
    if recipients.webhook:
        faults.append(_post(recipients.webhook, body))
    if recipients.command:
        faults.append(_run(recipients.command, body))
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


def _post(url: str, body: bytes) -> str | None:
    # 15 ms that most runs need not spend.
    import urllib.error
    import urllib.request

    if not url.startswith(("https://", "http://")):
        return f"webhook {redacted(url)}: not an http address"
    request = urllib.request.Request(  # noqa: S310 - http and https only, checked above
        url, data=body, headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310
            return None
    except (OSError, ValueError) as error:
        # HTTPError and URLError are OSErrors. The address may hold a secret: the path is not shown.
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        host = redacted(url).split("/")[2]
        return f"webhook at {host}: {reason}"


def _run(command: Sequence[str], body: bytes) -> str | None:
    try:
        ended = subprocess.run(list(command), input=body, timeout=_TIMEOUT, check=False, capture_output=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"command {command[0]}: {error}"
    if not ended.returncode:
        return None
    # There is no shell: of `cat >> file` only cat itself can tell what is wrong.
    said = ended.stderr.decode(errors="replace").split("\n")
    why = "; ".join(line.strip() for line in said if line.strip())[-_TOLD_OF_A_COMMAND:]
    return f"command {command[0]}: exit code {ended.returncode}" + (f": {why}" if why else "")

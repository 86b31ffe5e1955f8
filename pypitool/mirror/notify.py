"""Telling somebody how a run ended: a webhook, a command, or both. It never changes how the run ended."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pypitool.core.mirror.run_summary import RunOutcome, Summary
from pypitool.upstream.upstream_errors import redacted

_TIMEOUT = 15.0


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


def notify(recipients: Recipients, summary: Summary, job: str | None = None) -> tuple[str, ...]:
    """Tell everybody, and return what went wrong with the telling."""
    if not is_worth_telling(recipients.on, summary):
        return ()
    body = json.dumps(message(summary, job)).encode()
    faults = []
    if recipients.webhook:
        faults.append(_post(recipients.webhook, body))
    if recipients.command:
        faults.append(_run(recipients.command, body))
    return tuple(fault for fault in faults if fault is not None)


def message(summary: Summary, job: str | None = None) -> Mapping[str, object]:
    """Compose what is sent: the summary, the machine, and a sentence that a chat can show as it is."""
    host = socket.gethostname()
    tally = summary.tally
    what = f"{summary.command} ({job})" if job else summary.command
    text = (
        f"pypitool on {host}: {what} ended {summary.outcome.value} (exit {summary.exit_code}): "
        f"{tally.fetched} fetched, {tally.kept} kept, {tally.failed} failed, {tally.holes} missing"
    )
    return {**summary.as_json(), "host": host, "job": job, "text": text}


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
    return f"command {command[0]}: exit code {ended.returncode}" if ended.returncode else None

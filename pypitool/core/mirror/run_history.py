"""What people read of an old run: its events and its end, from what the record and `--json` have of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pypitool.core.mirror.run_words import missing_line
from pypitool.core.text import short_size


def event_lines(event: Mapping[str, Any], *, detailed: bool = False) -> Iterator[str]:
    """Yield what people read of an event, as `--json` prints it; `detailed`: what was kept as well."""
    kind = event["type"]
    if kind == "hole":
        names = ("set", "target", "requirement", "required_by", "reason")
        yield missing_line(*(str(event[name]) for name in names))
    elif kind == "update":
        yield from _update_lines(event, detailed=detailed)
    elif kind == "written":
        added = f"; added {', '.join(event['added'])}" if event.get("added") else ""
        yield f"rewrote {event['file']}: {', '.join(event['projects'])}{added}"
    elif kind == "set":
        yield from f"error: {event['set']}: {event['message']}".splitlines()
    elif kind == "plan":
        yield f"{event['action']} {event['name']}"
    elif kind in ("file", "project") and event["outcome"] not in _DONE:
        yield f"error: {_with_subject(event)}"
    elif kind == "file" and (detailed or event["outcome"] != "kept"):
        yield f"{event['outcome']} {event['name']} ({short_size(event['bytes'])})"
    elif "message" in event:
        yield f"{kind}: {event['message']}"


_DONE = ("fetched", "kept", "deleted")


def _with_subject(event: Mapping[str, Any]) -> str:
    subject, message = str(event.get("name") or event["project"]), str(event["message"])
    return message if subject in message else f"{subject}: {message}"


def _update_lines(event: Mapping[str, Any], *, detailed: bool) -> Iterator[str]:
    if event["new"] is not None:
        yield f"{event['project']} {event['have']} -> {event['new']}"
    for one in event["held"]:
        if detailed or one["reason"] != "prerelease":
            names = " ".join(filter(None, (event["project"], one["version"])))
            yield f"held {names}: {one['reason']}{_why(one)}"


def _why(held: Mapping[str, Any]) -> str:
    if held.get("requirement"):
        return f" ({held['requirement']} of {held['required_by']})"
    if held.get("target"):
        return f" ({' '.join(filter(None, (held.get('requires_python'), 'on', held['target'])))})"
    return ""


def result_words(run: Mapping[str, Any]) -> str:
    """Say how a run ended that `pypitool runs` lists: `ok: 124 fetched, 371.7 MiB`."""
    code = run["exit_code"]
    if code is None:
        return "is at work, or was cut off"
    counted = [(run["fetched"], "fetched"), (run["failed"], "failed"), (run["holes"], "missing")]
    parts = [f"{count} {what}" for count, what in counted if count]
    if run["bytes"]:
        parts.append(short_size(run["bytes"]))
    head = "ok" if code == 0 else f"exit {code}"
    return f"{head}: {', '.join(parts)}" if parts else head

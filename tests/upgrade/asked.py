"""What a version says about a state: the documents that its commands print."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.waiting import LONGEST

QUESTIONS: dict[str, tuple[str, ...]] = {
    "list": ("list",),
    **{f"show {name}": ("show", name) for name in ("acme-core", "acme-util", "alpha", "beta", "copied-in")},
    "tokens": ("token", "list"),
    **{f"owner {name}": ("owner", name) for name in ("acme-core", "acme-old")},
    "audit": ("audit",),
    "runs": ("runs",),
    "check": ("check",),
}


def documents(command: Sequence[str], home: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """Ask every question of the program that `command` starts; each answer is a list of JSON documents."""
    return {name: _asked([*command, *words], home, environ) for name, words in QUESTIONS.items()}


def _asked(command: Sequence[str], home: Path, environ: Mapping[str, str]) -> list[Any]:
    ended = subprocess.run(
        [*command, "--json", "--config", "config.toml"], cwd=home, env=dict(environ), capture_output=True,
        text=True, timeout=LONGEST, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, f"{command}: exit {ended.returncode}\n{ended.stderr}"
    return [_lasting(document) for document in _parsed(ended.stdout)]


def _lasting(document: Any) -> Any:
    """Leave out what differs each time: the serial of a project that is read again, and how long it took.

    So do summaries of later versions: they also say where each set installs.
    """
    if isinstance(document, dict):
        return {key: value for key, value in document.items() if key not in ("serial", "seconds", "sets")}
    return document


def _parsed(text: str) -> list[Any]:
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]

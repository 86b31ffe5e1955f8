"""`sync --locked` with nothing to do: told before click is imported, and without reading the configuration.

The stamp of a run is found by what was typed, the bytes of the files of configuration, and the environment.
What is not recognised takes the long way, which comes to the same answer.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pypitool.config.config_files import candidate_files, parse_toml
from pypitool.core.mirror.run_words import set_lines
from pypitool.core.state_files import StateFiles
from pypitool.mirror.unchanged import Stamp, SyncQuestion, digest_of, read_stamp, write_stamp_file
from pypitool.repository.state import choose_state

_SWITCHES = frozenset({"-q", "--quiet", "--json", "-v", "--verbose", "--debug", "--locked"})
_COLORS = frozenset({"auto", "always", "never"})
# What decides where the state is, besides the files; whoever sets one of the first takes the long way.
_ELSEWHERE = ("PYPITOOL_PACKAGES", "PYPITOOL_STATE")
_PLACES = ("HOME", "XDG_CONFIG_HOME", "STATE_DIRECTORY")


class SyncCommandLine:
    """A command line of `sync`, as far as it can be read before its options are declared."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.switches: set[str] = set()
        self.config: Path | None = None


def fast_answer(words: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """Print the outcome of the last run and return its exit code, if nothing has changed since."""
    began = time.monotonic()
    line = read_line(words)
    found = _pointer(line, environ) if line is not None and "--locked" in line.switches else None
    if line is None or found is None:
        return None
    state, pointer = found
    try:
        stamp = read_stamp(state, pointer.read_text(), environ)
    except OSError:
        return None
    if stamp is None:
        return None
    is_quiet = bool(line.switches & {"-q", "--quiet"})
    is_json = "--json" in line.switches
    for text in outcome_lines(stamp, is_json=is_json, is_quiet=is_quiet, began=began):
        print(text)
    sys.stdout.flush()
    for text in warning_lines(stamp, is_json=is_json, is_quiet=is_quiet):
        print(text, file=sys.stderr)
    return stamp.exit_code


def remember_line(words: Sequence[str], question: SyncQuestion) -> None:
    """Let the stamp of a question be found by what was typed."""
    line = read_line(words)
    found = _pointer(line, question.environ) if line is not None else None
    if found is not None and found[0] == question.state:
        write_stamp_file(found[1], question.digest)


def outcome_lines(stamp: Stamp, *, is_json: bool, is_quiet: bool, began: float) -> Iterator[str]:
    """Yield what `sync` prints when nothing has changed."""
    yield from map(json.dumps, (*stamp.holes, *stamp.unasked)) if is_json else stamp.lines
    if is_json:
        yield json.dumps(_summary(stamp, time.monotonic() - began))
    elif not is_quiet:
        for one in stamp.sets:
            yield from set_lines(one["set"], one["installs_on"], one["lacks"])
        yield f"sync: nothing has changed, {len(stamp.files)} kept, {len(stamp.holes)} missing"


def warning_lines(stamp: Stamp, *, is_json: bool, is_quiet: bool) -> Iterator[str]:
    """Yield what `sync` warns of on standard error; with --json it stands among the other lines."""
    if not (is_json or is_quiet):
        yield from (f"warning: {one['message']}" for one in stamp.unasked)


def read_line(words: Sequence[str]) -> SyncCommandLine | None:
    """Read a command line; None for another command, and for any word that is not understood."""
    line, rest, command = SyncCommandLine(), iter(words), None
    for word in rest:
        name, given, value = word.partition("=")
        if name in ("--config", "--color"):
            value = value if given else next(rest, "")
            if name == "--config":
                line.config = Path(value)
            elif value not in _COLORS:
                return None
        elif word in _SWITCHES:
            line.switches.add(word)
        elif word.startswith("-") and word != "--resolve":
            return None
        elif command is None:
            command = word
        else:
            line.asked.append(word)
    return line if command == "sync" else None


def _pointer(line: SyncCommandLine, environ: Mapping[str, str]) -> tuple[Path, Path] | None:
    """Return the state directory, and the file in it that names the stamp for this line."""
    if any(environ.get(name) for name in _ELSEWHERE):
        return None
    files = [(path, _body(path)) for path in candidate_files(environ, line.config)]
    try:
        state = _state([(path, body) for path, body in files if body is not None], environ)
    except (ValueError, TypeError, AttributeError):
        return None  # whatever is wrong with the configuration is told on the long way
    if state is None:
        return None
    told_by = {name: value for name, value in environ.items() if name.startswith("PYPITOOL_")}
    places = [environ.get(name) for name in _PLACES]
    key = digest_of(line.asked, os.getcwd(), sorted(told_by.items()), places, files)
    return state, StateFiles(state).stamps / f"{key}.line"


def _body(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _state(files: Sequence[tuple[Path, bytes]], environ: Mapping[str, str]) -> Path | None:
    """Find the state as the configuration would, as long as that is plain."""
    packages: list[Path] = []
    state: list[Path] = []
    for path, body in files:  # the strongest comes last
        server = parse_toml(body.decode()).get("server", {})
        packages = _paths(server.get("packages"), path.parent) or packages
        state = _paths(server.get("state"), path.parent) or state
    return choose_state(packages, state[0] if state else None, environ) if packages else None


def _paths(value: Any, base: Path) -> list[Path]:
    texts = [value] if isinstance(value, str) else value or []
    return [base / os.path.expanduser(text) for text in texts]


def _summary(stamp: Stamp, seconds: float) -> dict[str, object]:
    return {
        "type": "summary",
        "command": "sync",
        "run": None,
        "outcome": "holes" if stamp.holes else "ok",
        "exit_code": stamp.exit_code,
        "fetched": 0,
        "kept": len(stamp.files),
        "failed": 0,
        "holes": len(stamp.holes),
        "bytes": 0,
        "seconds": round(seconds, 3),
        "requests": 0,
        **({"sets": list(stamp.sets)} if stamp.sets else {}),
    }

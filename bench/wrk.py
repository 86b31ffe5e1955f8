"""Load from wrk, and what its report says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.http import HOST, NO_HEADERS

# Asks for one path of a file after the other.
SPREAD_SCRIPT = """\
local paths, position = {}, 0
for line in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = line end
request = function()
    position = position % #paths + 1
    return wrk.format("GET", paths[position])
end
"""


class LoadFailed(Exception):
    """The run does not count: errors on sockets, or answers that are neither 2xx nor 3xx."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of wrk did."""

    requests: int
    seconds: float


def is_installed() -> bool:
    """Say whether there is a wrk on this machine."""
    return shutil.which("wrk") is not None


def run(
    port: int,
    path: str,
    *,
    seconds: float,
    headers: Mapping[str, str] = NO_HEADERS,
    connections: int = 16,
    threads: int = 1,
    paths: Path | None = None,
) -> Load:
    """Ask for one path, or for each line of the file `paths` in turn, as fast as the server answers."""
    lines = [argument for key, value in headers.items() for argument in ("-H", f"{key}: {value}")]
    environment, scripted = _spread(paths) if paths else (None, [])
    command: Sequence[str] = [
        "wrk", f"-t{threads}", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s",
        *lines, *scripted, f"http://{HOST}:{port}{path}",
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return parse(ended.stdout)


def parse(report: str) -> Load:
    """Read wrk's report."""
    counted = re.search(r"(\d+) requests in ([\d.]+)(m?s|m)", report)
    if counted is None or re.search(r"Non-2xx or 3xx|Socket errors: (?!connect 0, read 0, write 0)", report):
        raise LoadFailed(report)
    scale = {"ms": 0.001, "s": 1.0, "m": 60.0}[counted[3]]
    return Load(int(counted[1]), float(counted[2]) * scale)


def _spread(paths: Path) -> tuple[Mapping[str, str], Sequence[str]]:
    script = paths.with_suffix(".lua")
    script.write_text(SPREAD_SCRIPT)
    return {**os.environ, "BENCH_PATHS": str(paths)}, ["-s", str(script)]

"""The environment of each process: what a worker, the keeper and the jobs know of ours.

granian copies that of a worker into the WSGI environment of every request.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# What the interpreter, the C library and children need. Not HTTP_PROXY and its like: in a WSGI environment
# that is a header which the client seems to have sent (CVE-2016-1000110); and no passwords of anybody.
KEPT = frozenset({"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"})
KEPT_PREFIXES = ("LC_", "PYTHON")


def scrub() -> None:
    """Forget everything else of this process's environment."""
    kept = scrubbed(os.environ)
    os.environ.clear()
    os.environ.update(kept)


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a worker keeps of an environment."""
    return {name: value for name, value in environ.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}


def keeper_environment() -> dict[str, str]:
    """Return what the keeper knows of the environment: nothing that it does not need."""
    return {**scrubbed(os.environ), **_this_installation()}


def jobs_environment(
    environ: Mapping[str, str], config: Path | None, roots: Sequence[Path], state: Path
) -> dict[str, str]:
    """Return the environment of the jobs: ours with its passwords, and our directories."""
    theirs = {name: value for name, value in environ.items() if name != "NOTIFY_SOCKET"}
    if config is not None:
        theirs["PYPITOOL_CONFIG"] = str(config)
    theirs["PYPITOOL_PACKAGES"] = os.pathsep.join(str(root.absolute()) for root in roots)
    theirs["PYPITOOL_STATE"] = str(state)
    return {**theirs, **_this_installation()}


def _this_installation() -> dict[str, str]:
    # It must be the one of this very installation, from wherever it was imported.
    return {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

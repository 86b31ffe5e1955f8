"""The environment of a worker: granian copies it into the WSGI environment of every request."""

from __future__ import annotations

import os
from collections.abc import Mapping

# What the interpreter, the C library and children need. Not HTTP_PROXY and its like: in a WSGI environment
# that is a header which the client seems to have sent (CVE-2016-1000110); and no passwords of anybody.
KEPT = frozenset({"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"})
KEPT_PREFIXES = ("LC_", "PYTHON")


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a worker keeps of an environment."""
    return {name: value for name, value in environ.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}


def scrub() -> None:
    """Forget everything else of this process's environment."""
    kept = scrubbed(os.environ)
    os.environ.clear()
    os.environ.update(kept)

"""Where uv is, and the environment that it gets: nobody's settings but ours."""

from __future__ import annotations

import os
from collections.abc import Mapping

_SCRUBBED = ("PIP_", "UV_", "PYTHON", "VIRTUAL_ENV", "CONDA_")


def uv_program() -> str:
    """Return the path of uv, which comes with us."""
    from uv import find_uv_bin

    return os.fspath(find_uv_bin())


def uv_environment(environ: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return an environment without what would tell uv more than we do; `folder` is a home for the moment."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_SCRUBBED)}
    # A service often has no home that it may write: then what uv keeps is forgotten with the run.
    if not _is_writable(environ.get("HOME")):
        kept["HOME"] = folder
        kept.pop("XDG_CACHE_HOME", None)
    return kept


def _is_writable(home: str | None) -> bool:
    return home is not None and os.path.isdir(home) and os.access(home, os.W_OK | os.X_OK)

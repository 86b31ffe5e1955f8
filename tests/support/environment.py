"""The environment of the processes that tests start: nothing of this machine's settings comes along."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

# Settings of clients and of ourselves, proxies, and what changes how Python finds and warns.
SCRUBBED = (
    "ALL_PROXY",
    "FLIT_",
    "GIT_",
    "HATCH_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NETRC",
    "NO_COLOR",
    "NO_PROXY",
    "PDM_",
    "PIP_",
    "POETRY_",
    "PYPITOOL_",
    "PYTHON",
    "REQUESTS_",
    "STATE_DIRECTORY",
    "TWINE_",
    "UV_",
    "VIRTUAL_ENV",
    "XDG_",
)


def scrubbed(environ: Mapping[str, str], *, home: Path, **more: str) -> dict[str, str]:
    """Copy `environ` without anybody's settings, with `home` as the home directory, and `more` added."""
    kept = {key: value for key, value in environ.items() if not key.upper().startswith(SCRUBBED)}
    return {
        **kept,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "NO_PROXY": "*",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_NO_CONFIG": "1",
        **more,
    }


def real_home() -> Path:
    """Where this user's home is, whatever HOME says: interpreters of pyenv are found there."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir)

"""Which files of configuration count, and how TOML is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG_VARIABLE = "PYPITOOL_CONFIG"
SYSTEM_FILE = Path("/etc/pypitool/config.toml")


def candidate_files(
    environ: Mapping[str, str], config_file: Path | None, *, system_file: Path = SYSTEM_FILE
) -> tuple[Path, ...]:
    """Return the files that count where they are there, weakest first; the named one has to be there.

    No file of the working directory is read unasked: a cloned repository must not decide where an upload
    with a token goes.
    """
    candidates = (system_file, _user_file(environ), named_file(environ, config_file))
    return tuple(file for file in candidates if file is not None)


def named_file(environ: Mapping[str, str], config_file: Path | None) -> Path | None:
    """Return the file that a flag or a variable names."""
    named = config_file or environ.get(CONFIG_VARIABLE) or None
    return None if named is None else Path.cwd() / os.path.expanduser(named)


def where_none_was(environ: Mapping[str, str], config_file: Path | None) -> str | None:
    """Say where a configuration was looked for, when none was there; None: one was."""
    candidates = candidate_files(environ, config_file)
    if any(os.path.lexists(file) for file in candidates):
        return None
    places = " and no ".join(map(str, reversed(candidates)))
    said = f"no configuration was found: --config and {CONFIG_VARIABLE} name none, and there is no {places}"
    # It is what people try first, and it is never read unasked.
    here = Path("config.toml")
    return f"{said}; `--config {here}` reads the one of this directory" if here.is_file() else said


def _user_file(environ: Mapping[str, str]) -> Path | None:
    home = environ.get("XDG_CONFIG_HOME") or (environ.get("HOME") and f"{environ['HOME']}/.config")
    return Path(home) / "pypitool" / "config.toml" if home else None


def parse_toml(text: str) -> dict[str, Any]:
    """Read a document; a fault is a `ValueError` that names line and column."""
    # The standard library's from 3.11 on, tomli before.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return document

"""An index that packages come from: how to reach it; and the address of the public PyPI."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pypitool.core.upload.credential_choice import Credentials

_CONSTANT = re.compile(r"^PYPI_SIMPLE_ENDPOINT\b[^=\n]*=\s*[\"'](https://[^\"'\s]+)[\"']", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Upstream:
    """One simple index that we fetch from."""

    name: str
    index: str  # with a slash at its end, without credentials
    projects: tuple[str, ...] = ()  # globs: it alone is asked for these
    workers: int = 8
    retries: int = 5
    timeout: float = 60.0  # without a byte
    retry_after_max: float = 120.0
    credentials: Credentials | None = None
    ca: Path | None = None
    proxy: str | None = None
    allow_unhashed: bool = False
    verified: bool = True  # its certificate, see --trusted-host
    anonymous: bool = False  # nor is anything taken from ~/.netrc
    client_cert: Path | None = None  # our own, with its key


def default_index() -> str:
    """Return the address of the public PyPI.

    It is read from pypi-simple's source: importing that for one word takes 250 ms.
    """
    spec = find_spec("pypi_simple")
    if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
        found = _CONSTANT.search(Path(spec.origin).read_text(encoding="utf-8"))
        if found is not None:
            return found[1]
    from pypitool.upstream.html_odd import imported_endpoint

    return imported_endpoint()

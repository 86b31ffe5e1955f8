"""Source directories of projects, as developers have them before they publish."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from tests.support.wheels import Release, sdist_bytes


def setup_py_project(directory: Path, name: str, version: str = "1.0") -> Path:
    """Make a project with a setup.py and one module, and return its directory."""
    release = Release(name, version)
    with tarfile.open(fileobj=io.BytesIO(sdist_bytes(release))) as archive:
        for member in archive.getmembers():
            path = directory / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = archive.extractfile(member)
            assert content is not None, member.name
            path.write_bytes(content.read())
    return directory / release.stem

"""Who may write what a server leaves on the disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.support.server import ServerProcess
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live


def test_without_a_umask_nothing_of_the_state_is_everybodys_to_write(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "demo", "1.0")
    before = os.umask(0)
    try:
        with ServerProcess(packages, home=tmp_path, options=["--download-log"]) as server:
            server.wait_until_listed("demo")
            server.get("/packages/demo-1.0-py3-none-any.whl")
    finally:
        os.umask(before)

    made = list((packages / ".pypitool").rglob("*"))
    open_to_all = [path.name for path in made if path.lstat().st_mode & stat.S_IWOTH]

    assert {"roots.json", "catalogue.sqlite", "catalogue.signal"} <= {path.name for path in made}
    assert open_to_all == []

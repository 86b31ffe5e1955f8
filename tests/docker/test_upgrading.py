"""An image is replaced by a newer one, and by the one before it again, as docs/upgrade.md tells it."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from tests.support.docker_engine import Compose
from tests.support.imports import ROOT
from tests.support.newcomer import blocks, chapter, console
from tests.support.wheels import build_wheel

PAGE = (ROOT / "docs" / "upgrade.md").read_text()
AS_ROOT = ("run", "--rm", "--no-deps", "--cap-add", "DAC_OVERRIDE")
# What a newer version would have made of the state.
NEWER = """
import sqlite3
sqlite3.connect("/data/state/catalogue.sqlite").execute("PRAGMA user_version = 99")
"""


def test_the_way_back_keeps_every_decision(compose: Compose, packages: Path) -> None:
    shutil.copy(ROOT / "compose.yaml", compose.folder)
    (compose.folder / "config").mkdir()
    build_wheel(packages, "acme", "1.0")
    (line,) = console(blocks(chapter(PAGE, "## The way back"))[2])
    compose.do("up", "--detach", "--wait", "server")
    compose.do("exec", "server", "pypitool", "yank", "acme", "1.0", "--reason", "broken")
    compose.do("stop", "server")
    compose.do(*AS_ROOT, "--entrypoint", "/opt/pypitool/bin/python", "server", "-c", NEWER)

    refused = compose.try_to("up", "--wait", "server")
    told = compose.do("logs", "server")
    compose.do("stop", "server")
    compose.engine.do(*words(line), cwd=compose.folder)
    compose.do("up", "--detach", "--wait", "server")

    assert refused.returncode != 0
    assert "made by a newer pypitool" in told
    assert "broken" in compose.do("exec", "server", "pypitool", "show", "acme", "1.0")


def words(line: str) -> list[str]:
    """Split a line of Docker into what is said to it."""
    program, *rest = shlex.split(line)
    assert program == "docker"
    return rest

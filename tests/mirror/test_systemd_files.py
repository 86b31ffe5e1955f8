"""The units for the mirror that come with the project."""

from __future__ import annotations

import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from pypitool.cli.root import operands
from tests.support.imports import ROOT

UNITS = ROOT / "systemd"
SERVICES = ("pypitool-daemon.service", "pypitool-sync.service")
PROGRAM = "/opt/pypitool/bin/pypitool"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")


def unit(name: str) -> RawConfigParser:
    parsed = RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # keys of systemd have capitals
    parsed.read_string((UNITS / name).read_text())
    return parsed


@needs_systemd
@pytest.mark.parametrize("name", [*SERVICES, "pypitool-sync.timer"])
def test_the_units_are_what_systemd_expects(tmp_path: Path, name: str) -> None:
    for path in UNITS.iterdir():
        # It must be there to be verified; on this machine pypitool lies elsewhere.
        (tmp_path / path.name).write_text(path.read_text().replace(PROGRAM, sys.executable))

    ended = subprocess.run(["systemd-analyze", "verify", tmp_path / name], capture_output=True, text=True)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_the_services_expose_little(name: str) -> None:
    ended = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", UNITS / name],
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_run_commands_that_there_are(name: str) -> None:
    program, *words = unit(name)["Service"]["ExecStart"].split()

    assert program == PROGRAM
    assert operands(words) == ()


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_share_state_and_protection_with_the_server(name: str) -> None:
    server, own = unit("pypitool.service")["Service"], unit(name)["Service"]
    shared = [
        key
        for key in server
        if key.startswith(("Protect", "Private", "Restrict", "SystemCall", "State", "User", "Group", "UMask"))
    ]

    assert {key: own[key] for key in shared} == {key: server[key] for key in shared}


def test_the_timer_catches_up_and_does_not_run_on_the_second() -> None:
    timer = unit("pypitool-sync.timer")["Timer"]

    assert timer["Persistent"] == "true"
    assert timer["RandomizedDelaySec"] != "0"

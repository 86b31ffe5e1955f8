"""The units that come with the project."""

from __future__ import annotations

import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from pypitool.cli.root import operands
from pypitool.core.units.units import shipped
from tests.support.imports import ROOT

UNITS = ROOT / "systemd"
SERVICES = ("pypitool.service", "pypitool-daemon.service", "pypitool-sync.service")
PROGRAM = "/opt/pypitool/bin/pypitool"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")


def unit(name: str) -> RawConfigParser:
    parsed = RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # keys of systemd have capitals
    parsed.read_string((UNITS / name).read_text())
    return parsed


def test_they_are_what_the_template_says() -> None:
    assert {path.name: path.read_text() for path in UNITS.iterdir()} == shipped(), (
        "`python -m tests.support.reference` writes them"
    )


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


@pytest.mark.parametrize("name", ["pypitool.service", "pypitool-daemon.service"])
def test_a_reload_checks_the_configuration_and_needs_no_program_of_procps(name: str) -> None:
    lines = [line for line in (UNITS / name).read_text().splitlines() if line.startswith("ExecReload=")]

    assert lines == [
        f"ExecReload={PROGRAM} config check",
        'ExecReload=/bin/sh -c "kill -HUP $MAINPID"',
    ]


def test_the_timer_catches_up_and_does_not_run_on_the_second() -> None:
    timer = unit("pypitool-sync.timer")["Timer"]

    assert timer["Persistent"] == "true"
    assert timer["RandomizedDelaySec"] != "0"

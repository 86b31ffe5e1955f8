"""The units of jobs, and calendar times."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from configparser import RawConfigParser
from pathlib import Path

import pytest

from pypitool.core.units.calendar import NotConvertible, on_calendar
from pypitool.core.units.template import Places
from pypitool.core.units.units import JobUnits
from tests.support.imports import ROOT

NOWHERE = Places()
CONFIG = Path("/etc/pypitool/config.toml")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@pytest.mark.parametrize(
    ("cron", "calendar"),
    [
        ("30 3 * * *", "*-*-* 03:30:00"),
        ("30 3 * * mon-fri", "Mon..Fri *-*-* 03:30:00"),
        ("0 6 * * sat,sun", "Sat,Sun *-*-* 06:00:00"),
        ("*/15 * * * *", "*-*-* *:00/15:00"),
        ("5 8-18/2 1,15 jan-mar *", "*-01..03-01,15 08..18/2:05:00"),
    ],
)
def test_a_cron_line_is_a_calendar_time(cron: str, calendar: str) -> None:
    assert on_calendar(cron) == calendar


@needs_systemd
@pytest.mark.parametrize("cron", ["30 3 * * *", "*/15 * * * *", "5 8-18/2 1,15 jan-mar mon-fri"])
def test_systemd_understands_it(cron: str) -> None:
    command = ["systemd-analyze", "calendar", on_calendar(cron, "Europe/Paris")]

    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_what_systemd_has_no_word_for_is_said() -> None:
    with pytest.raises(NotConvertible):
        on_calendar("0 0 * * mon-fri/2")


def job(written: Sequence[Path] = (Path("/srv/pypi/packages"),), delay: int = 600) -> JobUnits:
    program = Path("/opt/py%pi tool/bin/pypitool")
    return JobUnits("nightly", "*-*-* 03:30:00", program, CONFIG, Places(written), delay=delay)


def text_of(units: JobUnits) -> str:
    return "".join(units.files().values())


def test_the_service_runs_the_job_by_absolute_paths() -> None:
    text = text_of(job())

    assert (
        "ExecStart='/opt/py%%pi tool/bin/pypitool' --config /etc/pypitool/config.toml schedule run nightly\n"
        in text
    )
    assert "ReadWritePaths=/srv/pypi/packages\n" in text


def test_the_timer_catches_up_and_spreads() -> None:
    text = text_of(job())

    assert "Persistent=true" in text
    assert "RandomizedDelaySec=600s" in text


def test_a_line_end_in_a_path_begins_no_setting() -> None:
    config = Path("/srv/a\nExecStartPre=/bin/sh\r\x7f/c.toml")
    own = JobUnits("nightly", "*-*-* 03:30:00", config, config, Places([config.parent]))

    settings = [line for line in text_of(own).splitlines() if "ExecStartPre" in line]

    assert [line.partition("=")[0] for line in settings] == ["ExecStart", "ReadWritePaths"]
    assert all("/a\\x0aExecStartPre=/bin/sh\\x0d\\x7f" in line for line in settings)


@needs_systemd
def test_systemd_verifies_the_units(tmp_path: Path) -> None:
    program = tmp_path / "pypitool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    written = [Path("/srv/pypi/all of $them 100%"), Path("/mnt/o'neil\\usb")]
    own = JobUnits("nightly", "*-*-* 03:30:00", program, CONFIG, Places(written), success=[6])
    paths = []
    for name, body in own.files().items():
        path = tmp_path / name
        path.write_text(body)
        paths.append(str(path))

    ended = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    assert "nightly" not in ended.stderr


def service(places: Places = NOWHERE, success: Sequence[int] = ()) -> RawConfigParser:
    program = Path("/opt/pypitool/bin/pypitool")
    own = JobUnits("nightly", "*-*-* 03:30:00", program, CONFIG, places, success)
    return unit(own.files()["pypitool-nightly.service"])


def unit(text: str) -> RawConfigParser:
    parsed = RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # keys of systemd have capitals
    parsed.read_string(text)
    return parsed


def test_a_job_is_confined_as_the_shipped_run_of_the_mirror() -> None:
    shipped = unit((ROOT / "systemd" / "pypitool-sync.service").read_text())["Service"]
    own = dict(service(success=[6])["Service"])

    assert own.items() >= {(key, value) for key, value in shipped.items() if key != "ExecStart"}
    assert (own["UMask"], own["StateDirectoryMode"]) == ("0027", "0750")


def test_what_a_job_writes_is_open_and_its_state_needs_no_line() -> None:
    written = [Path("/srv/packages"), Path("/var/lib/pypitool/packages"), Path("/mnt/a b$c")]

    text = job(written).files()["pypitool-nightly.service"]

    assert [line for line in text.splitlines() if line.startswith("ReadWritePaths=")] == [
        "ReadWritePaths=/srv/packages",
        "ReadWritePaths='/mnt/a b$c'",
    ]


def test_a_unit_waits_for_the_disks_that_it_writes_to() -> None:
    text = job([Path("/srv/packages"), Path("/var/lib/pypitool/packages"), Path("/mnt/a b")]).files()

    lines = text["pypitool-nightly.service"].splitlines()
    assert [line for line in lines if line.startswith("RequiresMountsFor=")] == [
        "RequiresMountsFor=/srv/packages",
        "RequiresMountsFor='/mnt/a b'",
    ]


@pytest.mark.parametrize(
    ("path", "home", "temporary"),
    [
        ("/srv/packages", "true", "true"),
        ("/home/ann/packages", "read-only", "true"),
        ("/tmp/packages", "true", "false"),
    ],
)
def test_what_would_be_hidden_from_a_job_is_not(path: str, home: str, temporary: str) -> None:
    for places in (Places(written=[Path(path)]), Places(read=[Path(path)])):
        own = service(places)["Service"]

        assert (own["ProtectHome"], own["PrivateTmp"]) == (home, temporary)


@needs_systemd
def test_a_job_exposes_little(tmp_path: Path) -> None:
    path = tmp_path / "pypitool-nightly.service"
    path.write_text(job().files()["pypitool-nightly.service"])

    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from configparser import RawConfigParser
from datetime import timedelta
from pathlib import Path

import pytest

from pypitool.mirror.schedule import Timing
from pypitool.mirror.systemd_units import NotConvertible, UnitJob, on_calendar, unit_files, units_of
from tests.support.imports import ROOT

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


def job(writable: Sequence[Path] = (Path("/srv/pypi/packages"),)) -> UnitJob:
    return UnitJob(
        "nightly",
        Timing("30 3 * * *", jitter=timedelta(minutes=10)),
        Path("/opt/py%pi tool/bin/pypitool"),
        Path("/etc/pypitool/config.toml"),
        writable,
    )


def test_the_service_runs_the_job_by_absolute_paths() -> None:
    text = units_of(job())

    assert (
        "ExecStart='/opt/py%%pi tool/bin/pypitool' --config /etc/pypitool/config.toml schedule run nightly\n"
        in text
    )
    assert "ReadWritePaths=/srv/pypi/packages\n" in text


def test_the_timer_catches_up_and_spreads() -> None:
    text = units_of(job())

    assert "Persistent=true" in text
    assert "RandomizedDelaySec=600s" in text


def test_each_unit_comes_after_the_name_of_its_file() -> None:
    names = [line for line in units_of(job()).splitlines() if line.startswith("# pypitool-")]

    assert names == ["# pypitool-nightly.service", "# pypitool-nightly.timer"]


@needs_systemd
def test_systemd_verifies_the_units(tmp_path: Path) -> None:
    program = tmp_path / "pypitool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    own = UnitJob(
        "nightly", Timing("30 3 * * *"), program, Path("/etc/pypitool/config.toml"),
        writable=[Path("/srv/pypi/all of $them 100%"), Path("/mnt/o'neil\\usb")], success=[6],
    )  # fmt: skip
    paths = []
    for name, body in unit_files(own).items():
        path = tmp_path / name
        path.write_text(body)
        paths.append(str(path))

    ended = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    assert "nightly" not in ended.stderr


def service(**values: object) -> RawConfigParser:
    own = UnitJob(
        "nightly",
        Timing("30 3 * * *"),
        Path("/opt/pypitool/bin/pypitool"),
        Path("/etc/pypitool/config.toml"),
        **values,  # type: ignore[arg-type]
    )
    return unit(unit_files(own)["pypitool-nightly.service"])


def unit(text: str) -> RawConfigParser:
    parsed = RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # keys of systemd have capitals
    parsed.read_string(text)
    return parsed


def test_a_job_is_confined_as_the_shipped_run_of_the_mirror() -> None:
    shipped = unit((ROOT / "systemd" / "pypitool-sync.service").read_text())["Service"]
    of_the_place = {"ExecStart", "ConfigurationDirectory"}

    own = dict(service(success=[6])["Service"])

    assert own.items() >= {(key, value) for key, value in shipped.items() if key not in of_the_place}
    assert (own["UMask"], own["StateDirectoryMode"]) == ("0027", "0750")


def test_what_a_job_writes_is_open_and_its_state_needs_no_line() -> None:
    written = [Path("/srv/packages"), Path("/var/lib/pypitool/packages"), Path("/mnt/a b$c")]

    text = unit_files(job(writable=written))["pypitool-nightly.service"]

    assert [line for line in text.splitlines() if line.startswith("ReadWritePaths=")] == [
        "ReadWritePaths=/srv/packages",
        "ReadWritePaths='/mnt/a b$c'",
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
    for kind in ("writable", "readable"):
        own = service(**{kind: [Path(path)]})["Service"]

        assert (own["ProtectHome"], own["PrivateTmp"]) == (home, temporary)


@needs_systemd
def test_a_job_exposes_little(tmp_path: Path) -> None:
    path = tmp_path / "pypitool-nightly.service"
    path.write_text(unit_files(job())["pypitool-nightly.service"])

    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout

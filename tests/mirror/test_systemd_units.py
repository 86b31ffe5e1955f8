from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from pypitool.mirror.schedule import Timing
from pypitool.mirror.systemd_units import NotConvertible, UnitJob, on_calendar, units_of

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


def job(**timing: object) -> UnitJob:
    values = {"cron": "30 3 * * *", "jitter": timedelta(minutes=10), **timing}
    return UnitJob(
        "nightly",
        Timing(**values),  # type: ignore[arg-type]
        Path("/opt/py%pi tool/bin/pypitool"),
        Path("/etc/pypitool/config.toml"),
        [Path("/srv/pypi/packages")],
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
    own = UnitJob("nightly", Timing("30 3 * * *"), program, Path("/etc/pypitool/config.toml"))
    _, service, timer = units_of(own).split("# pypitool-nightly.")
    paths = []
    for text in (service, timer):
        kind, _, body = text.partition("\n")
        path = tmp_path / f"pypitool-nightly.{kind}"
        path.write_text(body)
        paths.append(str(path))

    ended = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    assert "nightly" not in ended.stderr

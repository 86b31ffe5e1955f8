"""`pypitool setup systemd` without a systemd: what it plans, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pypitool.__main__ import main
from pypitool.cli.service_units import FIRST_CONFIG, doubts, settings_of, wanted
from pypitool.config.config_files import SYSTEM_FILE
from pypitool.config.loader import load_settings
from pypitool.config.settings import Settings
from pypitool.core.units.setup_plan import FoundMachine, FoundPath
from pypitool.core.units.steps import GiveToGroup, RunCommand
from pypitool.setup.this_machine import (
    NotStarted,
    ProgramHidden,
    StepFailed,
    ThisMachine,
    carry_out,
    find,
    refuse_program,
)
from tests.cli.conftest import Ended

PACKAGES = Path("/var/lib/pypitool/packages")


def configured(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return settings_of(load_settings({}, {}, path))


def opened(text: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith("ReadWritePaths=")]


def test_the_first_configuration_has_twelve_lines_and_is_what_a_machine_without_one_gets(
    tmp_path: Path,
) -> None:
    first = configured(tmp_path, FIRST_CONFIG)
    none = settings_of(load_settings({}, {}, None, system_file=tmp_path / "none"))

    assert FIRST_CONFIG.count("\n") == 12
    plain = wanted(none, {}, is_first=True)
    assert wanted(first, {}).units == plain.units
    assert (list(plain.directories), plain.passwords) == ([PACKAGES], SYSTEM_FILE.with_name("htpasswd"))


def test_a_configuration_without_packages_means_those_of_the_service(tmp_path: Path) -> None:
    assert wanted(configured(tmp_path, "[server]\nport = 80\n"), {}).directories == (PACKAGES,)


def test_the_server_may_write_what_its_configuration_names(tmp_path: Path) -> None:
    text = """
        [server]
        packages = ["/srv/one", "/home/ann/two"]
        state = "/srv/state"
        log-file = "/var/log/pypitool/a.log"
        unix-socket = "/run/pypitool/s"
    """

    service = wanted(configured(tmp_path, text), {}).units["pypitool.service"]

    assert opened(service) == ["/srv/one", "/home/ann/two", "/srv/state"]
    assert "ProtectHome=read-only" in service


def test_jobs_get_timers_unless_a_daemon_runs_them(tmp_path: Path) -> None:
    text = """
        [upstream.pypi]
        index = "pypi"
        [job.usb]
        run = "bundle export /mnt/usb/all.tar"
        cron = "30 3 * * *"
    """

    timers = wanted(configured(tmp_path, text), {}).units
    with_daemon = wanted(configured(tmp_path, text), {"pypitool-daemon.service": "of any text"}).units

    assert list(timers) == ["pypitool.service", "pypitool-usb.service", "pypitool-usb.timer"]
    assert list(with_daemon) == ["pypitool.service", "pypitool-daemon.service"]
    assert "/mnt/usb" in opened(with_daemon["pypitool-daemon.service"])


def test_the_nightly_run_is_kept_up_to_date_where_it_is_there(tmp_path: Path) -> None:
    units = wanted(configured(tmp_path, ""), {"pypitool-sync.service": "of any text"}).units

    assert list(units) == ["pypitool.service", "pypitool-sync.service", "pypitool-sync.timer"]


def test_a_package_directory_of_somebody_else_is_said_and_left_alone(tmp_path: Path) -> None:
    of_ann = configured(tmp_path, '[server]\npackages = "/srv/packages"\n')
    wish = wanted(of_ann, {})
    there = FoundMachine(user=990, paths={Path("/srv/packages"): FoundPath(1000, 1000, 0o755)})

    assert list(doubts(of_ann, there, wish)) == [
        "/srv/packages is not the service's: `chown -R pypitool /srv/packages` lets it write there"
    ]


def test_a_program_that_services_do_not_see_is_refused() -> None:
    with pytest.raises(ProgramHidden) as home:
        refuse_program(Path("/home/ann/.local/bin/pypitool"))

    assert "is hidden from services" in str(home.value)
    assert "python3 -m venv /opt/pypitool" in (home.value.hint or "")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Ended:
    capsys.readouterr()
    return Ended(main(["setup", "systemd", *words]), *capsys.readouterr())


def test_no_other_configuration_can_be_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended = run(capsys, "--dry-run", "--config", str(tmp_path / "other.toml"))

    assert ended.code == 2
    assert "the service reads /etc/pypitool/config.toml" in ended.err


def test_it_is_not_for_everybody_nor_for_every_machine(capsys: pytest.CaptureFixture[str]) -> None:
    ended = run(capsys)

    assert ended.code == (4 if os.geteuid() else 8)
    assert "--dry-run" in ended.err


def test_a_command_that_fails_says_what_it_said() -> None:
    with pytest.raises(StepFailed) as failed:
        carry_out([RunCommand(("sh", "-c", "echo not today >&2; exit 1"))], ThisMachine(), print)

    assert str(failed.value).endswith("failed: not today")
    assert not isinstance(failed.value, NotStarted)


def test_a_step_that_the_system_refuses_says_which(tmp_path: Path) -> None:
    path = tmp_path / "a"
    step = GiveToGroup(path, 0o640)
    machine = ThisMachine()

    with pytest.raises(StepFailed) as failed:
        carry_out([step], _Missing(machine), print)

    assert str(failed.value) == f"let the group pypitool read {path} failed: no such file or directory"


class _Missing(ThisMachine):
    """A machine on which the file has gone meanwhile."""

    def __init__(self, machine: ThisMachine) -> None:
        self._machine = machine

    def give(self, path: Path, group: str, mode: int) -> None:
        path.chmod(mode)


def test_units_and_drop_ins_are_found(tmp_path: Path) -> None:
    (tmp_path / "pypitool.service").write_text("one")
    (tmp_path / "other.service").write_text("two")
    (tmp_path / "pypitool.service.d").mkdir()

    found = find([tmp_path / "none", tmp_path], tmp_path)

    assert found.units == {"pypitool.service": "one"}
    assert found.drop_ins == [tmp_path / "pypitool.service.d"]
    assert list(found.paths) == [tmp_path]

"""What `setup systemd` decides to do, by what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pypitool.core.state_files import SERVICE
from pypitool.core.units.setup_plan import (
    FoundMachine,
    FoundPath,
    WantedService,
    left_by_removal,
    of_others,
    plan_removal,
    plan_setup,
)
from pypitool.core.units.steps import SetupStep
from pypitool.core.units.template import CONFIGURATION
from pypitool.core.units.units import JobUnits, nightly, server, sync

CONFIG = CONFIGURATION / "config.toml"
PASSWORDS = CONFIGURATION / "htpasswd"
PACKAGES = SERVICE / "packages"
UNITS = Path("/etc/systemd/system")
JOB = JobUnits("a", "*-*-* 03:30:00", Path("/opt/pypitool/bin/pypitool"), CONFIG).files()
WANTED = WantedService(
    {"pypitool.service": server().unit()}, [PACKAGES], CONFIG,
    passwords=PASSWORDS, config_text="[server]\n",
)  # fmt: skip
# As it is once that was done.
SET_UP = FoundMachine(
    user=990,
    group=990,
    units=WANTED.units,
    paths={
        CONFIGURATION: FoundPath(0, 990, 0o755),
        CONFIG: FoundPath(0, 990, 0o644),
        PASSWORDS: FoundPath(0, 990, 0o640),
        SERVICE: FoundPath(990, 990, 0o750),
        PACKAGES: FoundPath(990, 990, 0o755),
    },
)
RESTART = ["run systemctl enable pypitool.service", "run systemctl restart pypitool.service"]


class Noting:
    """A machine that only remembers what was done to it."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []

    def run(self, words: Sequence[str]) -> None:
        self.done.append(("run", *words))

    def make_directory(self, path: Path, owner: str, group: str, mode: int) -> None:
        self.done.append(("make", path, owner, group, mode))

    def write(self, path: Path, text: str, group: str, mode: int) -> None:
        self.done.append(("write", path, text, group, mode))

    def give(self, path: Path, group: str, mode: int) -> None:
        self.done.append(("give", path, group, mode))

    def rename(self, path: Path, to: Path) -> None:
        self.done.append(("rename", path, to))

    def remove(self, path: Path) -> None:
        self.done.append(("remove", path))


def done_by(steps: Sequence[SetupStep]) -> list[tuple[object, ...]]:
    machine = Noting()
    for step in steps:
        step.carry_out(machine)
    return machine.done


def said(found: FoundMachine, wanted: WantedService = WANTED) -> list[str]:
    return [str(step) for step in plan_setup(found, wanted)]


def test_on_an_empty_machine_everything_is_made_in_the_order_in_which_it_is_needed() -> None:
    done = done_by(plan_setup(FoundMachine(), WANTED))

    assert done[0][:2] == ("run", "useradd")
    assert done[1:] == [
        ("make", CONFIGURATION, "root", "pypitool", 0o755),
        ("make", SERVICE, "pypitool", "pypitool", 0o750),
        ("make", PACKAGES, "pypitool", "pypitool", 0o755),
        ("write", CONFIG, "[server]\n", "pypitool", 0o644),
        ("write", PASSWORDS, "", "pypitool", 0o640),
        ("write", UNITS / "pypitool.service", server().unit(), "root", 0o644),
        ("run", "systemctl", "daemon-reload"),
        ("run", "systemctl", "enable", "pypitool.service"),
        ("run", "systemctl", "restart", "pypitool.service"),
    ]


def test_where_all_is_right_only_the_program_is_started_anew() -> None:
    assert said(SET_UP) == RESTART


def test_a_configuration_and_passwords_that_are_there_are_never_written() -> None:
    written = [one for one in done_by(plan_setup(SET_UP, WANTED)) if one[0] == "write"]

    assert written == []


def test_a_unit_of_another_version_is_written_anew() -> None:
    found = replace(SET_UP, units={"pypitool.service": server(Path("/opt/old/bin/pypitool")).unit()})

    assert said(found) == [
        "rewrite /etc/systemd/system/pypitool.service",
        "run systemctl daemon-reload",
        *RESTART,
    ]


def test_a_unit_that_runs_something_else_is_kept_beside() -> None:
    found = replace(SET_UP, units={"pypitool.service": "[Service]\nExecStart=/usr/bin/docker compose up\n"})

    assert said(found)[:2] == [
        "keep /etc/systemd/system/pypitool.service as pypitool.service.before-setup",
        "rewrite /etc/systemd/system/pypitool.service",
    ]


@pytest.mark.parametrize(
    ("line", "is_ours"),
    [
        ("/opt/pypitool/bin/pypitool serve", True),
        ("'/opt/py%%pi tool/bin/pypitool' --config /etc/pypitool/config.toml schedule run a", True),
        ("/opt/pypitool/bin/pypitool serve -p 80 /srv/packages", False),
        ("/usr/bin/docker run acme/pypitool serve", False),
    ],
)
def test_a_unit_is_ours_where_nobody_has_changed_its_line(line: str, is_ours: bool) -> None:
    found = replace(SET_UP, units={"pypitool.service": f"[Service]\nExecStart={line}\n"})

    assert any(step.startswith("keep ") for step in said(found)) is not is_ours


def test_a_group_that_is_there_is_the_new_users() -> None:
    assert "--gid=pypitool" in said(FoundMachine(group=5))[0]
    assert "--user-group" in said(FoundMachine())[0]


@pytest.mark.parametrize(
    ("there", "given"),
    [
        (FoundPath(0, 0, 0o640), True),
        (FoundPath(0, 0, 0o600), True),
        (FoundPath(0, 990, 0o600), True),
        (FoundPath(0, 990, 0o640), False),
        (FoundPath(990, 0, 0o600), False),
        (FoundPath(0, 0, 0o644), False),
    ],
)
def test_a_password_file_that_the_service_cannot_read_is_given_to_its_group(
    there: FoundPath, given: bool
) -> None:
    found = replace(SET_UP, paths={**SET_UP.paths, PASSWORDS: there})

    done = [one for one in done_by(plan_setup(found, WANTED)) if one[0] == "give"]

    assert done == ([("give", PASSWORDS, "pypitool", there.mode | 0o040)] if given else [])


def test_the_folder_of_the_configuration_hands_the_group_to_what_root_makes_there() -> None:
    found = replace(SET_UP, paths={**SET_UP.paths, CONFIGURATION: FoundPath(0, 0, 0o755)})

    assert said(found)[0] == "let the group pypitool read /etc/pypitool"


def test_directories_are_made_each_after_the_one_that_it_lies_in_and_never_those_of_the_unit() -> None:
    inner, outer = Path("/srv/pypi/second"), Path("/srv/pypi")
    wanted = replace(WANTED, directories=[inner, outer, Path("/run/pypitool"), Path("/var/log/pypitool")])

    made = [one[1] for one in done_by(plan_setup(SET_UP, wanted)) if one[0] == "make"]

    assert made == [outer, inner]


def test_the_timer_of_a_job_is_started_and_that_of_a_job_that_is_gone_taken_away() -> None:
    gone = JobUnits("b", "*-*-* 04:30:00", Path("/opt/pypitool/bin/pypitool"), CONFIG).files()
    wanted = replace(WANTED, units={**WANTED.units, **JOB})

    steps = said(replace(SET_UP, units={**WANTED.units, **gone}), wanted)

    assert steps == [
        "run systemctl disable --now pypitool-b.timer",
        "remove /etc/systemd/system/pypitool-b.service",
        "remove /etc/systemd/system/pypitool-b.timer",
        "write /etc/systemd/system/pypitool-a.service",
        "write /etc/systemd/system/pypitool-a.timer",
        "run systemctl daemon-reload",
        "run systemctl enable pypitool.service pypitool-a.timer",
        "run systemctl restart pypitool.service pypitool-a.timer",
    ]


def test_a_removal_takes_every_unit_of_ours_and_names_what_is_left() -> None:
    foreign = {"pypitool-backup.service": "[Service]\nExecStart=/usr/local/bin/backup\n"}
    units = {
        **WANTED.units,
        **JOB,
        **foreign,
        "pypitool-sync.service": sync().unit(),
        "pypitool-sync.timer": nightly().unit(),
    }
    drop_in = UNITS / "pypitool.service.d"
    found = replace(SET_UP, units=units, drop_ins=[drop_in])

    steps = [str(step) for step in plan_removal(found)]

    ours = [
        "pypitool.service",
        "pypitool-a.service",
        "pypitool-sync.service",
        "pypitool-a.timer",
        "pypitool-sync.timer",
    ]
    assert steps == [
        f"run systemctl disable --now {' '.join(ours)}",
        *(f"remove {UNITS / name}" for name in ours),
        "run systemctl daemon-reload",
    ]
    assert left_by_removal(found) == [
        "the user pypitool", *map(str, (CONFIGURATION, CONFIG, PASSWORDS, SERVICE, PACKAGES, drop_in)),
    ]  # fmt: skip


def test_where_there_is_no_unit_nothing_is_removed() -> None:
    assert plan_removal(FoundMachine()) == []


@pytest.mark.parametrize(
    ("there", "is_ours"),
    [
        (FoundPath(990, 990, 0o755), True),
        (FoundPath(0, 990, 0o775), True),
        (FoundPath(1000, 1000, 0o777), True),
        (FoundPath(990, 990, 0o555), False),
        (FoundPath(0, 990, 0o755), False),
        (FoundPath(1000, 1000, 0o755), False),
    ],
)
def test_directories_that_the_service_may_not_write_are_known_by_their_modes(
    there: FoundPath, is_ours: bool
) -> None:
    path = Path("/srv/usb")

    found = of_others(replace(SET_UP, paths={path: there}), [path, Path("/srv/none")])

    assert found == ([] if is_ours else [path])

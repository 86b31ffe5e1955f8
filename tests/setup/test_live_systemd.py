"""The service on a real systemd, from nothing to its removal."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from typing import Any

import pytest

from pypitool import __version__
from tests.support.booted import BEFORE, PROGRAM, Booted
from tests.support.imports import ROOT
from tests.support.newcomer import blocks, chapter, console
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

PACKAGES = "/var/lib/pypitool/packages"
STATE = "/var/lib/pypitool"
CONFIG = "/etc/pypitool/config.toml"
PASSWORDS = "/etc/pypitool/htpasswd"
UNIT = "/etc/systemd/system/pypitool.service"
WHEEL = "acme_core-1.0-py3-none-any.whl"
PASSWORD = "s3cret-of-ann"
JOBS = """
[server]
packages = "/var/lib/pypitool/packages"

[job.usb]
run = "bundle export --uploaded /srv/usb/all.tar"
cron = "30 3 * * *"
"""
NIGHTLY = """
[server]
packages = "/var/lib/pypitool/packages"

[upstream.near]
index = "http://127.0.0.1:9000/simple/"

[targets.linux]
python = "3.11"
platform = "manylinux_2_36_x86_64"

[set.app]
requirements = ["/srv/reqs/app.txt"]
closure = "resolve"

[job.nightly]
run = "sync"
cron = "30 3 * * *"
"""


def who(machine: Booted, inside: str) -> tuple[str, int]:
    """Return whose a file is, and its mode."""
    owner, mode = machine.do("stat", "--format=%U:%G %a", inside).split()
    return owner, int(mode, 8)


def set_up(machine: Booted, config: str | None = None) -> str:
    machine.do("install", "--directory", "--mode=0777", "/srv/usb")
    if config is not None:
        machine.path("/etc/pypitool").mkdir(exist_ok=True)
        machine.path(CONFIG).write_text(config)
    return machine.pypitool("setup", "systemd")


def page(machine: Booted, project: str) -> Any:
    """Return a project's page of a running server."""
    answer = machine.ask(f"/simple/{project}/", "-H", "Accept: application/vnd.pypi.simple.v1+json")
    return json.loads(answer.partition(" ")[2])


def put(machine: Booted, folder: str, *projects: str) -> None:
    """Put wheels where they are served, for the service to have."""
    machine.path(folder).mkdir(parents=True, exist_ok=True)
    for project in projects:
        build_wheel(machine.path(folder), project, "1.0")
    machine.try_to("chown", "-R", "pypitool:", folder)


def wait_for(machine: Booted, *projects: str) -> None:
    for project in projects:
        wait_until(lambda project=project: machine.serves(f"/simple/{project}/"), what=f"{project} is listed")  # type: ignore[misc]


def test_a_machine_is_set_up_as_the_dry_run_says_and_serves(machine: Booted) -> None:
    planned = machine.pypitool("setup", "systemd", "--dry-run")
    assert not machine.path("/etc/pypitool").exists()

    done = set_up(machine)
    again = set_up(machine)
    document = json.loads(machine.pypitool("setup", "systemd", "--dry-run", "--json"))

    assert planned == done
    assert document == {"dry_run": True, "steps": again.splitlines(), "left": []}
    assert again.splitlines() == [
        "run systemctl enable pypitool.service",
        "run systemctl restart pypitool.service",
    ]
    assert machine.serves()
    assert machine.show("pypitool", "StatusText") == "serving at 0.0.0.0:8080"
    assert machine.do("systemctl", "is-enabled", "pypitool") == "enabled\n"
    assert who(machine, STATE) == ("pypitool:pypitool", 0o750)
    assert who(machine, PASSWORDS) == ("root:pypitool", 0o640)
    assert (
        who(machine, f"{STATE}/facts.jsonl")[1] & 0o007 == 0
        or not machine.path(f"{STATE}/facts.jsonl").exists()
    )


def test_somebody_uploads_and_root_looks_after_the_same_packages(machine: Booted) -> None:
    set_up(machine)
    put(machine, "/srv/dist", "acme-core")

    machine.pypitool("user", "add", "ann", "--password-stdin", stdin=f"{PASSWORD}\n")
    upload = ["upload", "--url", "http://127.0.0.1:8080/", "--username", "ann"]
    machine.do("env", f"PYPITOOL_PASSWORD={PASSWORD}", PROGRAM, *upload, f"/srv/dist/{WHEEL}")
    machine.pypitool("yank", "acme-core", "1.0", "--reason", "broken")

    assert page(machine, "acme-core")["files"][0]["yanked"] == "broken"
    assert "acme-core" in machine.pypitool("list")
    assert who(machine, f"{PACKAGES}/{WHEEL}")[0] == "pypitool:pypitool"
    assert machine.pypitool("config", "check") == ""


def test_every_unit_is_confined(machine: Booted) -> None:
    set_up(machine, JOBS)
    units = ["pypitool-daemon.service", "pypitool-sync.service", "pypitool-sync.timer"]
    for name in units:
        machine.path(f"/etc/systemd/system/{name}").write_text((ROOT / "systemd" / name).read_text())
    machine.do("systemctl", "daemon-reload")

    for unit in ("pypitool", "pypitool-daemon", "pypitool-sync", "pypitool-usb"):
        said = machine.do("systemd-analyze", "security", "--no-pager", f"{unit}.service")
        level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        assert level is not None
        assert float(level[1]) <= 1.6
    found = [f"/etc/systemd/system/{name}" for name in (*units, "pypitool-usb.service", "pypitool-usb.timer")]
    assert machine.do("systemd-analyze", "verify", UNIT, *found) == ""


def test_a_reload_counts_and_a_faulty_one_fails_and_changes_nothing(machine: Booted) -> None:
    set_up(machine)
    assert machine.try_to("kill", "-l").returncode == 127  # of procps there is none
    config = machine.path(CONFIG)
    good = config.read_text()

    config.write_text(good.replace("[auth]", 'server-base-url = "/pypi/"\n\n[auth]'))
    machine.do("systemctl", "reload", "pypitool")
    wait_until(lambda: machine.serves("/pypi/simple/"), what="the new configuration counts")
    config.write_text(good + "bogus = 1\n")
    faulty = machine.try_to("systemctl", "reload", "pypitool")

    assert faulty.returncode != 0
    assert "auth.bogus: unknown key" in machine.log()
    assert machine.do("systemctl", "is-active", "pypitool") == "active\n"
    assert machine.serves("/pypi/simple/")


@pytest.mark.parametrize("which", ["worker", "keeper", "parent"])
def test_who_is_killed_is_replaced(machine: Booted, which: str) -> None:
    set_up(machine)
    put(machine, PACKAGES, "acme-core")
    wait_for(machine, "acme-core")
    main = machine.show("pypitool", "MainPID")
    parent, *children = machine.server()
    keeper = next(one for one in children if one.is_keeper)
    worker = next(one for one in children if one.command == parent.command)

    os.kill({"parent": parent, "keeper": keeper, "worker": worker}[which].pid, signal.SIGKILL)
    put(machine, PACKAGES, "acme-later")

    wait_for(machine, "acme-core", "acme-later")
    restarts = "1" if which == "parent" else "0"
    wait_until(lambda: machine.show("pypitool", "NRestarts") == restarts, what="systemd has seen to it")
    assert (machine.show("pypitool", "MainPID") == main) is (which != "parent")
    wait_for(machine, "acme-core")


def test_after_a_reboot_it_serves_and_what_was_missed_is_caught_up(machine: Booted) -> None:
    set_up(machine, JOBS)
    put(machine, PACKAGES, "acme-core")
    wait_for(machine, "acme-core")
    machine.pypitool("yank", "acme-core", "1.0", "--reason", "broken")
    assert machine.show("pypitool-usb.timer", "NextElapseUSecRealtime")
    stamp = machine.path("/var/lib/systemd/timers/stamp-pypitool-usb.timer")
    two_days_ago = time.time() - 2 * 86400
    os.utime(stamp, (two_days_ago, two_days_ago))

    machine.reboot()

    wait_for(machine, "acme-core")
    assert page(machine, "acme-core")["files"][0]["yanked"] == "broken"
    wait_until(lambda: machine.path("/srv/usb/all.tar").exists(), what="the job has been caught up")


def test_a_power_failure_in_the_middle_of_a_scan_loses_nothing(machine: Booted) -> None:
    set_up(machine)
    put(machine, PACKAGES, "acme-core")
    wait_for(machine, "acme-core")
    machine.pypitool("yank", "acme-core", "1.0", "--reason", "broken")
    names = [f"acme-{number}" for number in range(40)]
    put(machine, PACKAGES, *names)

    machine.cut_power()
    machine.boot()

    wait_for(machine, "acme-core", *names)
    assert page(machine, "acme-core")["files"][0]["yanked"] == "broken"
    machine.pypitool("verify")


def test_a_job_resolves_with_uv_within_its_bounds_and_leaves_the_state_closed(machine: Booted) -> None:
    put(machine, "/srv/upstream", "acme-lib")
    build_wheel(machine.path("/srv/upstream"), "acme-app", "1.0", requires=["acme-lib>=1"])
    index = ["serve", "-i", "127.0.0.1", "-p", "9000", "-P", ".", "-a", ".", "--disable-fallback"]
    machine.do("systemd-run", "--unit=upstream", PROGRAM, *index, "/srv/upstream")
    wait_until(lambda: machine.ask("/health", port=9000).startswith("200 "), what="the upstream answers")
    machine.path("/srv/reqs").mkdir()
    machine.path("/srv/reqs/app.txt").write_text("acme-app\n")
    try:
        set_up(machine, NIGHTLY)

        machine.do("systemctl", "start", "pypitool-nightly.service")
    finally:
        machine.do("systemctl", "stop", "upstream")

    wait_for(machine, "acme-app", "acme-lib")
    assert machine.show("pypitool-nightly.service", "Result") == "success"
    assert who(machine, STATE) == ("pypitool:pypitool", 0o750)
    loose = machine.do("find", STATE, "-not", "-type", "l", "-perm", "/007", "-not", "-path", f"{PACKAGES}*")
    assert loose == ""


def test_an_upgrade_writes_units_anew_and_keeps_the_rest(machine: Booted) -> None:
    machine.install("before")
    set_up(machine)
    put(machine, PACKAGES, "acme-core")
    wait_for(machine, "acme-core")
    machine.pypitool("yank", "acme-core", "1.0", "--reason", "broken")
    unit, config = machine.path(UNIT), machine.path(CONFIG)
    right = unit.read_text()
    unit.write_text(right.replace("LimitNOFILE=65536", "LimitNOFILE=1024"))
    config.write_text(config.read_text().replace("port = 8080", "port = 8081"))
    drop_in = machine.path(f"{UNIT}.d/override.conf")
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nEnvironment=ACME=1\n")
    assert f"pypitool {BEFORE} serves" in machine.log()

    machine.install("now")
    done = set_up(machine)

    assert done.splitlines()[0] == f"rewrite {UNIT}"
    assert unit.read_text() == right
    assert f"pypitool {__version__} serves" in machine.log()
    assert machine.show("pypitool", "Environment") == "ACME=1"
    assert machine.ask("/simple/acme-core/", port=8081).startswith("200 ")


def test_the_way_back_from_a_newer_version_keeps_every_decision(machine: Booted) -> None:
    page = chapter((ROOT / "docs" / "upgrade.md").read_text(), "## The way back")
    set_up(machine)
    put(machine, PACKAGES, "acme-core")
    wait_for(machine, "acme-core")
    machine.pypitool("yank", "acme-core", "1.0", "--reason", "broken")
    machine.do("systemctl", "stop", "pypitool")
    newer = (
        "import sqlite3; sqlite3.connect('catalogue.sqlite').execute('PRAGMA user_version = 99').fetchall()"
    )
    machine.do("sh", "-c", f'cd {STATE} && /opt/pypitool/bin/python -c "{newer}"')

    refused = machine.try_to("systemctl", "start", "pypitool")
    told = machine.log()
    for line in console(blocks(page)[1]):
        machine.do("sh", "-c", line.removeprefix("sudo "))  # small systems lack it
    machine.install("now")
    set_up(machine)

    assert refused.returncode != 0
    assert "made by a newer pypitool" in told
    assert "broken" in machine.pypitool("show", "acme-core", "1.0")
    assert machine.ask("/simple/acme-core/").count("data-yanked") == 1


def test_a_removal_takes_the_units_and_names_what_it_leaves(machine: Booted) -> None:
    set_up(machine, JOBS)
    put(machine, PACKAGES, "acme-core")
    before = machine.path(CONFIG).read_text()

    planned = machine.do(PROGRAM, "setup", "systemd", "--remove", "--dry-run")
    ended = machine.try_to(PROGRAM, "setup", "systemd", "--remove")

    assert ended.stdout == planned
    assert not machine.serves()
    assert list(machine.path("/etc/systemd/system").rglob("pypitool*")) == []
    for left in ("the user pypitool", "/etc/pypitool", STATE, PACKAGES):
        assert left in ended.stderr
    assert machine.path(CONFIG).read_text() == before
    assert machine.path(f"{PACKAGES}/{WHEEL}").exists()
    assert machine.do("systemctl", "list-units", "--no-legend", "--plain", "pypitool*") == ""
    set_up(machine)
    wait_for(machine, "acme-core")


def test_the_daemon_runs_the_jobs_in_place_of_timers(machine: Booted) -> None:
    text = (ROOT / "systemd" / "pypitool-daemon.service").read_text()
    machine.path("/etc/systemd/system/pypitool-daemon.service").write_text(text)

    set_up(machine, JOBS)
    machine.do("systemctl", "reload", "pypitool-daemon")

    assert machine.do("systemctl", "is-active", "pypitool-daemon") == "active\n"
    assert not machine.path("/etc/systemd/system/pypitool-usb.timer").exists()
    wait_until(lambda: machine.path("/srv/usb/all.tar").exists(), what="the job has been caught up")


def test_what_was_decided_by_hand_comes_along_into_the_unit_and_back(machine: Booted) -> None:
    folder, hand = "/srv/packages", ["serve", "-i", "127.0.0.1", "-p", "9001", "-a", ".", "-P", "."]
    machine.path(folder).mkdir()
    machine.do("systemd-run", "--quiet", "--unit=by-hand", PROGRAM, *hand, folder)
    wait_until(
        lambda: machine.ask("/health", port=9001).startswith("200 "), what="the server by hand answers"
    )
    put(machine, "/srv/dist", "acme-core", "acme-bad")
    for name in (WHEEL, WHEEL.replace("core", "bad")):
        machine.pypitool("upload", "--url", "http://127.0.0.1:9001/", f"/srv/dist/{name}")
    here = ["--packages", folder]
    machine.pypitool("yank", "acme-core", "1.0", "--reason", "broken", *here)
    machine.pypitool("status", "acme-bad", "quarantined", "--reason", "malware", *here)
    machine.pypitool("owner", "acme-core", "--add", "ann", *here)
    token = machine.pypitool("token", "create", "--name", "ci", "--may", "upload", *here).strip()
    before = {name: decided(machine, name, 9001) for name in ("acme-core", "acme-bad")}
    machine.do("systemctl", "stop", "by-hand")

    machine.path("/etc/pypitool").mkdir()
    machine.path(CONFIG).write_text('[server]\npackages = "/srv/packages"\n')
    first = machine.try_to(PROGRAM, "setup", "systemd")
    assert first.returncode == 1
    assert "`chown -R pypitool /srv/packages`" in first.stderr
    machine.do("chown", "-R", "pypitool:", folder)
    machine.pypitool("setup", "systemd")

    wait_for(machine, "acme-core")
    assert {name: decided(machine, name, 8080) for name in before} == before
    assert machine.pypitool("owner", "acme-core").split() == ["user:ann"]
    put(machine, "/srv/dist", "acme-later")
    upload = ["upload", "--url", "http://127.0.0.1:8080/", f"/srv/dist/{WHEEL.replace('core', 'later')}"]
    machine.do("env", f"PYPITOOL_TOKEN={token}", PROGRAM, *upload)
    assert "/srv/packages/.pypitool" in machine.log()

    machine.do("systemctl", "stop", "pypitool")
    machine.do("systemd-run", "--quiet", "--unit=by-hand", "--uid=pypitool", PROGRAM, *hand, folder)
    wait_until(
        lambda: machine.ask("/health", port=9001).startswith("200 "), what="it is served by hand again"
    )
    assert {name: decided(machine, name, 9001) for name in before} == before
    machine.do("systemctl", "stop", "by-hand")


def decided(machine: Booted, project: str, port: int) -> Any:
    """Return what a page says of a project: its files with yanks and times, and its status."""
    answer = machine.ask(
        f"/simple/{project}/", "-H", "Accept: application/vnd.pypi.simple.v1+json", port=port
    )
    found = json.loads(answer.partition(" ")[2])
    files = [(one["filename"], one.get("yanked"), one["upload-time"]) for one in found["files"]]
    return files, found.get("project-status")


def test_a_directory_whose_state_stayed_elsewhere_is_not_served(machine: Booted) -> None:
    set_up(machine, '[server]\npackages = "/srv/packages"\n')
    put(machine, "/srv/packages", "acme-core")
    wait_for(machine, "acme-core")
    machine.pypitool("yank", "acme-core", "1.0", "--reason", "broken")
    machine.do("systemctl", "stop", "pypitool")
    machine.path(STATE).rename(machine.path("/srv/state-of-before"))

    ended = machine.try_to("runuser", "-u", "pypitool", "--", PROGRAM, "serve", "-p", "9001", "/srv/packages")

    assert ended.returncode == 8
    assert STATE in ended.stderr
    assert "/srv/packages" in ended.stderr


def test_what_keeps_the_unit_out_is_named_with_the_line_that_opens_it(machine: Booted) -> None:
    set_up(machine)
    config = machine.path(CONFIG)
    first = config.read_text()
    put(machine, "/srv/packages", "acme-core")
    put(machine, "/home/ann/packages", "acme-core")

    config.write_text(first.replace(PACKAGES, "/srv/packages"))
    assert machine.try_to("systemctl", "restart", "pypitool").returncode != 0
    assert "ReadWritePaths=/srv/packages" in machine.log()
    assert "chown" not in machine.log()
    config.write_text(first.replace(PACKAGES, "/home/ann/packages"))
    assert machine.try_to("systemctl", "restart", "pypitool").returncode != 0
    assert "ProtectHome=read-only" in machine.log()

    set_up(machine)
    wait_for(machine, "acme-core")
    config.write_text(first.replace(PACKAGES, "/srv/packages"))
    machine.do("systemctl", "stop", "pypitool")
    set_up(machine)
    wait_for(machine, "acme-core")
    assert "/srv/packages" in machine.show("pypitool", "RequiresMountsFor").split()


def test_a_faulty_configuration_changes_nothing_and_is_no_loop_of_starts(machine: Booted) -> None:
    machine.path("/etc/pypitool").mkdir()
    machine.path(CONFIG).write_text("[server]\nprot = 80\n")

    ended = machine.try_to(PROGRAM, "setup", "systemd")

    assert ended.returncode == 8
    assert "did you mean `port`" in ended.stderr
    assert not machine.path(UNIT).exists()
    machine.path(CONFIG).unlink()
    set_up(machine)
    machine.path(CONFIG).write_text("[server]\nprot = 80\n")
    assert machine.try_to("systemctl", "restart", "pypitool").returncode != 0
    assert machine.show("pypitool", "ActiveState") == "failed"
    assert machine.show("pypitool", "NRestarts") == "0"


def test_passwords_that_root_made_before_are_given_to_the_group(machine: Booted) -> None:
    machine.path("/etc/pypitool").mkdir()
    machine.path(CONFIG).write_text(f'[server]\nport = 80\n[auth]\npasswords = "{PASSWORDS}"\n')
    machine.pypitool("user", "add", "ann", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert who(machine, PASSWORDS) == ("root:root", 0o640)

    done = set_up(machine)

    assert f"let the group pypitool read {PASSWORDS}" in done
    assert who(machine, PASSWORDS) == ("root:pypitool", 0o640)
    assert machine.ask("/health", port=80).startswith("200 ")
    assert machine.pypitool("user", "check", "ann", "--password-stdin", stdin=f"{PASSWORD}\n")


def test_the_page_of_the_documents_is_right_about_what_is_done_by_hand(machine: Booted) -> None:
    by_hand = console(chapter((ROOT / "docs" / "systemd.md").read_text(), "## By hand"))
    machine.path("/srv/systemd").mkdir()
    for path in (ROOT / "systemd").iterdir():
        machine.path(f"/srv/systemd/{path.name}").write_text(path.read_text())

    for line in by_hand:
        machine.do("sh", "-c", f"cd /srv && {line.removeprefix('sudo ')}")

    wait_until(machine.serves, what="the unit by hand serves")
    assert "kept" not in machine.pypitool("setup", "systemd")


def test_a_program_in_a_home_is_refused(machine: Booted) -> None:
    home = "/home/ann/.local/bin"
    machine.do("sh", "-c", f"mkdir -p {home} && ln -sf {PROGRAM} {home}")

    ended = machine.try_to(f"{home}/pypitool", "setup", "systemd")

    assert ended.returncode == 8
    assert f"{home} is hidden from services" in ended.stderr
    assert not machine.path(UNIT).exists()


def test_the_socket_that_nginx_is_told_of_is_there_and_its_groups(machine: Booted) -> None:
    head = (ROOT / "deploy" / "nginx.conf").read_text().partition("\n#\n# The socket")[0]
    lines = [
        line.removeprefix("# ") for line in head.splitlines() if re.match(r"# (\[server\]|[a-z-]+ = )", line)
    ]

    set_up(machine, "\n".join(lines))

    assert "ReadWritePaths=/run" not in machine.path(UNIT).read_text()
    assert who(machine, "/run/pypitool/pypitool.sock") == ("pypitool:pypitool", 0o660)

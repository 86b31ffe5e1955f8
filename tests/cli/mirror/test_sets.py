from __future__ import annotations

import fcntl
import json
import re
import sys
from pathlib import Path

import pytest

from pypitool.core.state_files import HiddenFiles
from tests.cli.mirror.conftest import Site, lines, wheel
from tests.support.upstream import respond


def test_sync_brings_a_set_for_every_target_and_proves_it(site: Site) -> None:
    site.offer(
        wheel("a", "1.0", tags="cp312-cp312-win_amd64"),
        wheel("a", "1.0", tags="cp312-abi3-manylinux_2_28_x86_64"),
    )
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync")

    assert ended.code == 0
    assert len(site.files()) == 2


def test_an_unknown_set_is_wrong_usage_with_the_known_names(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync", "frontend")

    assert ended.code == 2
    assert "backend" in ended.err


def test_an_unreadable_input_stops_everything_before_it_begins(site: Site) -> None:
    ended = site.run("sync")

    assert ended.code == 1
    assert "backend.txt" in ended.err
    assert site.fake.seen == []


@pytest.mark.process
def test_a_checked_set_takes_pins_alone_and_resolve_takes_anything(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b"), wheel("b", "1.0"))
    site.write("backend.txt", "a\n")

    refused = site.run("sync")
    assert (refused.code, site.fake.seen) == (1, [])
    assert "backend.txt:1: `a` names no exact version" in refused.err

    assert site.run("sync", "--resolve").code == 0
    site.more = 'closure = "resolve"'
    assert site.run("sync").code == 0


def test_offline_asks_nobody(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")

    assert site.run("sync", "--offline").code == 1
    assert site.fake.seen == []


def test_a_second_run_is_refused_with_the_holders_name(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.packages.mkdir()
    lock = HiddenFiles(site.packages).mirror_lock
    lock.parent.mkdir()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        json.dump({"pid": 42, "command": "pypitool sync nightly", "started": "2026-01-01T03:30:00Z"}, held)
        held.flush()

        ended = site.run("sync")

    assert ended.code == 6
    assert "`pypitool sync nightly` (process 42, since 2026-01-01T03:30:00Z)" in ended.err


def test_explain_shows_each_file_and_the_rule_that_judged_it(site: Site) -> None:
    site.offer(wheel("a", "1.0", tags="cp312-cp312-win_amd64"), wheel("a", "1.0"), wheel("a", "2.0"))
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync", "--explain", "A")

    assert ended.code == 0
    assert ["backend", "windows", "yes", "a-1.0-cp312-cp312-win_amd64.whl", "chosen"] in ended.rows
    assert [
        "backend",
        "linux",
        "no",
        "a-1.0-cp312-cp312-win_amd64.whl",
        "no tag fits the target",
    ] in ended.rows
    assert ["backend", "linux", "no", "a-2.0-py3-none-any.whl", "another version"] in ended.rows
    assert not site.packages.exists()


def test_check_is_the_proof_without_the_network(site: Site) -> None:
    site.offer(wheel("a", "1.0", 'w; sys_platform == "win32"'))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")
    site.fake.seen.clear()

    ended = site.run("check")

    assert ended.code == 1
    assert ended.out.splitlines()[:3] == [
        "missing: backend windows: w (needed by a 1.0)",
        "backend lacks 1 on windows",
        "backend installs without the internet on linux",
    ]
    assert site.fake.seen == []


def test_check_takes_files_instead_of_sets(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")
    other = site.write("other.txt", "a==1.0\nb==1.0\n")

    ended = site.run("check", "-r", str(other), "--target", "linux", "--json")

    assert ended.code == 1
    assert lines(ended)[0] == {
        "type": "hole",
        "set": "check",
        "target": "linux",
        "requirement": "b==1.0",
        "required_by": f"{other}:2",
        "reason": "missing",
    }


@pytest.mark.process
def test_lock_writes_pins_with_hashes_for_every_target(site: Site) -> None:
    site.offer(wheel("a", "1.0", 'w; sys_platform == "win32"'), wheel("w", "1.0"))
    source = site.write("requirements.in", "a\n")
    output = site.path / "pylock.toml"

    ended = site.run("lock", "-r", str(source), "-o", str(output), "--target", "linux", "--target", "windows")

    assert ended.code == 0
    text = output.read_text()
    assert text.count("[[packages]]") == 2
    assert "sha256" in text
    site.more = f'lock = "{output}"'
    site.write("backend.txt", "")
    assert site.run("sync").code == 0
    assert len(site.files()) == 2


@pytest.mark.process
def test_lock_says_what_cannot_be_satisfied(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b>2"), wheel("b", "1.0"))

    ended = site.run("lock", "a", "-o", str(site.path / "pylock.toml"), "--target", "linux")

    assert ended.code == 1
    assert not (site.path / "pylock.toml").exists()


def test_runs_lists_what_each_run_did(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")
    site.run("sync", "backend")

    listed = site.run("runs", "--json").document
    shown = site.run("runs", "1", "--json").document

    assert [(run["run"], run["command"], run["fetched"]) for run in listed] == [
        (2, "sync backend", 0),
        (1, "sync", 1),
    ]
    assert [event["type"] for event in shown["events"]] == ["file"]
    assert site.run("runs", "99").code == 5


def test_bundles_carry_a_set_to_another_directory(site: Site) -> None:
    site.offer(wheel("a", "1.0", yanked="broken"), wheel("b", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")
    site.run("download", "b==1.0", "--exact", "-d", str(site.packages))
    bundle, other = site.path / "b.tar", site.path / "other"
    other.mkdir()

    exported = site.run("bundle", "export", str(bundle), "backend")
    imported = site.run("bundle", "import", str(bundle), "--packages", str(other))

    assert (exported.code, imported.code) == (0, 0)
    assert [path.name for path in other.glob("*.whl")] == ["a-1.0-py3-none-any.whl"]
    shown = site.run("show", "a", "1.0", "--json", "--packages", str(other)).document
    assert json.dumps(shown).count("broken") >= 1


def test_a_bundle_since_a_run_holds_what_came_later(site: Site) -> None:
    site.offer(wheel("a", "1.0"), wheel("b", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")
    site.write("backend.txt", "a==1.0\nb==1.0\n")
    site.run("sync")

    ended = site.run("bundle", "export", str(site.path / "b.tar"), "--since", "1", "--json")

    assert [line["name"] for line in lines(ended) if line["type"] == "file"] == ["b-1.0-py3-none-any.whl"]


JOB = '[job.nightly]\nrun = "sync backend"\ncron = "30 3 * * *"\ntimezone = "UTC"\n'


def test_schedule_lists_jobs_with_their_next_and_last_runs(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.more = JOB

    before = site.run("schedule", "--json").document
    code = site.run("schedule", "run", "nightly").code
    (after,) = site.run("schedule", "--json").document

    assert code == 0
    assert (before[0]["job"], before[0]["run"], before[0]["last"]) == ("nightly", "sync backend", None)
    assert before[0]["next"].endswith("T03:30:00Z")
    assert after["outcome"] == "ok"


def test_schedule_run_ends_with_the_exit_code_of_its_command(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.more = JOB
    site.fake.fail("/simple/", respond(404))

    assert site.run("schedule", "run", "nightly").code == 3
    assert site.run("schedule", "run", "daily").code == 2


def test_without_a_configuration_there_are_no_jobs(site: Site) -> None:
    assert site.bare("schedule", "run", "nightly").code == 8


def test_units_for_systemd_name_the_job_and_the_configuration(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.more = JOB

    text = site.run("schedule", "--systemd").out

    assert "# pypitool-nightly.timer" in text
    assert f"--config {site.config} schedule run nightly" in text


def written_paths(text: str) -> set[str]:
    """What the units in a text may write, besides the state."""
    return set(re.findall("^ReadWritePaths=(.*)$", text, re.MULTILINE))


def test_units_may_write_what_the_command_lines_of_the_jobs_name(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    for folder in ("requirements", "new", "usb", "other", "packages"):
        (site.path / folder).mkdir()
    site.more = "".join(
        f'[job.{name}]\nrun = "{run}"\ncron = "30 3 * * *"\n'
        for name, run in {
            "a": f"update --execute --write {site.path}/requirements/backend.txt -d {site.path}/new",
            "b": f"bundle export {site.path}/usb/x.tar backend",
            "c": f"sync --packages {site.path}/other",
        }.items()
    )

    ended = site.run("schedule", "--systemd")
    of_job = dict(zip("abc", ended.out.split(".service\n")[1:], strict=True))

    assert {name: written_paths(text) for name, text in of_job.items()} == {
        "a": {f"{site.path}/{folder}" for folder in ("packages", "requirements", "new")},
        "b": {f"{site.path}/{folder}" for folder in ("packages", "usb")},
        "c": {f"{site.path}/other"},
    }
    assert ended.err == ""


def test_a_unit_runs_the_program_also_where_python_ran_us(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.more = JOB
    monkeypatch.setattr(sys, "argv", ["/usr/lib/python3/pypitool/__main__.py"])

    text = site.run("schedule", "--systemd").out

    assert f"ExecStart={Path(sys.executable).with_name('pypitool')} --config" in text


def test_what_would_keep_a_unit_from_its_work_is_said(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.more = JOB.replace("sync backend", "bundle export x.tar")

    ended = site.run("schedule", "--systemd")

    assert (
        f"writes to {site.packages}, which is no directory: until it is, its unit does not start" in ended.err
    )
    assert "job nightly: x.tar is /var/lib/pypitool/x.tar for its unit" in ended.err
    assert "/usb" not in ended.out


def test_units_are_written_each_into_its_file_and_what_is_right_is_kept(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.more = JOB
    site.packages.mkdir()
    folder = site.path / "units"
    folder.mkdir()
    service, timer = folder / "pypitool-nightly.service", folder / "pypitool-nightly.timer"

    first = site.run("schedule", "--systemd", "--write", str(folder))
    timer.write_text("of somebody")
    second = site.run("schedule", "--systemd", "--write", str(folder))
    third = site.run("schedule", "--systemd", "--write", str(folder), "--json")

    assert first.out == f"wrote {service}\nwrote {timer}\n"
    assert "systemctl enable --now pypitool-nightly.timer" in first.err
    assert second.out == f"kept {service}\nreplaced {timer}\n"
    assert [each["outcome"] for each in third.document] == ["kept", "kept"]
    assert site.run("schedule", "--systemd").out == "".join(
        f"{'' if path is service else chr(10)}# {path.name}\n{path.read_text()}" for path in (service, timer)
    )


def test_units_go_into_a_directory_that_is_there_and_only_with_systemd(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.more = JOB

    nowhere = site.run("schedule", "--systemd", "--write", str(site.path / "none"))
    alone = site.run("schedule", "--write", str(site.path))

    assert (nowhere.code, alone.code) == (1, 2)
    assert "no such file or directory" in nowhere.err
    assert "give both" in alone.err


@pytest.mark.parametrize("outcome", ["ok", "failed"])
def test_people_are_told_how_a_run_ended(site: Site, outcome: str) -> None:
    told = site.path / "told"
    teller = site.write("tell.sh", f"#!/bin/sh\ncat > {told}\n")
    teller.chmod(0o755)
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n" if outcome == "ok" else "gone==1.0\n")
    site.more = f'[notify]\ncommand = ["{teller}"]\n'

    site.run("sync")

    assert told.exists() == (outcome == "failed")
    if outcome == "failed":
        assert json.loads(Path(told).read_text())["exit_code"] == 3


def test_a_run_removes_what_a_killed_one_left_and_a_dry_one_does_not(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    left = site.packages / ".pypitool" / "incoming" / "0123.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")

    dry = site.run("sync", "--dry-run")
    stays = left.exists()
    ran = site.run("sync")

    assert (dry.code, ran.code) == (0, 0)
    assert (stays, left.exists()) == (True, False)

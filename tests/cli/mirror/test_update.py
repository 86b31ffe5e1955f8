from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pypitool.mirror.run import lock_directory
from tests.cli.mirror.conftest import Site, lines, wheel
from tests.support.disks import mounted_disk
from tests.support.offers import copy_in, held_in, sdist, upload
from tests.support.upstream import respond


@pytest.fixture(autouse=True)
def a_set_that_wants_nothing(site: Site) -> None:
    site.write("backend.txt", "")


@pytest.fixture
def outdated(site: Site) -> Site:
    """A directory into which a 1.0 was copied; the upstream has 1.0, 1.1 and 2.0rc1."""
    old = wheel("a", "1.0")
    copy_in(site.packages, old)
    site.offer(old, wheel("a", "1.1"), wheel("a", "2.0rc1"))
    return site


def test_what_is_newer_is_one_line_and_what_is_held_back_another(outdated: Site) -> None:
    ended = outdated.run("update")

    assert (ended.code, ended.out) == (
        0,
        "a 1.0 -> 1.1\nheld 1 pre-release of 1 project: --pre offers them\n",
    )
    assert ended.err.startswith("update: 1 offered, 0 failed")
    assert ended.err.endswith("hint: --execute (-x) fetches them\n")
    assert [path.name for path in outdated.packages.iterdir()] == ["a-1.0-py3-none-any.whl"]


@pytest.mark.parametrize("flag", ["-u", "--allow-unstable", "--pre"])
def test_with_u_prereleases_are_offered_and_fetched(outdated: Site, flag: str) -> None:
    assert outdated.run("update", flag).out == "a 1.0 -> 2.0rc1\n"
    assert outdated.run("update", flag, "-x").code == 0
    assert outdated.files() == ["a-1.0-py3-none-any.whl", "a-2.0rc1-py3-none-any.whl"]


def test_without_u_only_stable_releases_are_fetched(outdated: Site) -> None:
    ended = outdated.run("update", "-x")

    assert ended.code == 0
    assert "fetched a-1.1-py3-none-any.whl" in ended.err
    assert ended.out.splitlines()[-1].startswith("update: 1 offered, 1 fetched, 0 kept, 0 failed, 0 missing")
    assert outdated.files() == ["a-1.0-py3-none-any.whl", "a-1.1-py3-none-any.whl"]


def test_the_old_command_line_updates_a_directory(outdated: Site) -> None:
    ended = outdated.bare("-U", "-x", "-i", outdated.fake.url, str(outdated.packages))

    assert ended.code == 0
    assert "`-U` is `pypitool update" in ended.err
    assert outdated.files() == ["a-1.0-py3-none-any.whl", "a-1.1-py3-none-any.whl"]


def test_a_directory_is_looked_at_without_any_configuration(outdated: Site) -> None:
    ended = outdated.bare("update", "-i", outdated.fake.url, f"{outdated.packages}/")

    assert ended.out.splitlines()[0] == "a 1.0 -> 1.1"


def test_other_directories_do_not_get_the_configured_state(outdated: Site) -> None:
    elsewhere = outdated.path / "elsewhere"
    copy_in(elsewhere, wheel("a", "1.0"))
    outdated.run("update", "-x")

    ended = outdated.run("update", "-x", str(elsewhere))

    assert (ended.code, (elsewhere / "a-1.1-py3-none-any.whl").exists()) == (0, True)


def test_a_directory_that_is_not_there_is_refused(site: Site) -> None:
    ended = site.bare("update", "-i", site.fake.url, str(site.path / "nowhere"))

    assert ended.code == 8
    assert "does not exist" in ended.err


def test_a_project_that_is_not_held_is_exit_5(outdated: Site) -> None:
    ended = outdated.run("update", "a", "b")

    assert ended.code == 5
    assert "there is no project `b`" in ended.err


def test_json_is_a_line_for_each_project_and_the_summary(outdated: Site) -> None:
    update, summary = lines(outdated.run("update", "--json"))

    assert update == {
        "type": "update",
        "project": "a",
        "have": "1.0",
        "new": "1.1",
        "uploaded": "2026-01-02T03:04:05.678900Z",
        "held": [{"version": "2.0rc1", "reason": "prerelease"}],
    }
    assert (summary["type"], summary["command"], summary["offered"]) == ("summary", "update", 1)
    assert (summary["run"], summary["exit_code"], summary["requests"]) == (None, 0, 1)


def test_json_of_an_execution_has_a_line_for_each_file(outdated: Site) -> None:
    types = [line["type"] for line in lines(outdated.run("update", "-x", "--json"))]

    assert types == ["update", "file", "summary"]


def test_exit_code_tells_that_something_is_offered(outdated: Site) -> None:
    assert outdated.run("update", "--exit-code").code == 10
    assert outdated.run("update", "--exit-code", "-x").code == 10
    assert outdated.run("update", "--exit-code").code == 0


def test_max_holds_back(outdated: Site) -> None:
    assert outdated.run("update", "--max", "patch").out.splitlines()[0] == "held a 1.1: max"


def test_a_cooldown_of_the_flag_comes_before_the_configured_one(site: Site) -> None:
    old, yesterday = wheel("a", "1.0"), datetime.now(timezone.utc) - timedelta(days=1)
    copy_in(site.packages, old)
    site.offer(old, wheel("a", "1.1", upload_time=yesterday.strftime("%Y-%m-%dT%H:%M:%S.%fZ")))
    site.more = '[policy]\ncooldown = "2d"'

    assert site.run("update").out == "held a 1.1: cooldown\n"
    assert site.run("update", "--cooldown", "3h").out == "a 1.0 -> 1.1\n"
    assert site.run("update", "--cooldown", "0").out == "a 1.0 -> 1.1\n"


@pytest.mark.parametrize("flag", ["--blacklist-file", "--ignorelist-file"])
def test_ignored_projects_are_compared_by_normalised_name(site: Site, flag: str) -> None:
    copy_in(site.packages, wheel("foo-bar", "1.0"), wheel("b", "1.0"))
    site.offer(wheel("foo-bar", "1.0"), wheel("foo-bar", "1.1"), wheel("b", "1.0"), wheel("b", "1.1"))
    ignored = site.write("ignored.txt", "# ours\nFoo.Bar==1.0  # pinned\n\n")

    assert site.run("update", flag, str(ignored)).out == "b 1.0 -> 1.1\n"
    assert site.fake.paths() == ["/simple/b/"]


def test_an_ignore_file_that_is_missing_is_wrong_usage(outdated: Site) -> None:
    assert outdated.run("update", "--blacklist-file", "nowhere.txt").code == 2


def test_copied_in_names_stay_in_the_house_when_that_is_wanted(outdated: Site) -> None:
    assert outdated.run("update", "--mirrored-only").out == ""
    outdated.more = '[policy]\ncopied-in = "never"'
    assert outdated.run("update").out == ""
    assert outdated.fake.seen == []


def test_private_and_uploaded_projects_are_never_asked_for(site: Site) -> None:
    copy_in(site.packages, wheel("acme-core", "1.0"))
    upload(site.packages, wheel("b", "1.0"))
    site.offer(wheel("acme-core", "9.0"), wheel("b", "9.0"))
    site.more = '[policy]\nprivate = ["acme-*"]'

    ended = site.run("update", "acme-core", "b")

    assert (ended.code, ended.out) == (0, "held acme-core: private\n")
    assert "b is not looked for: files of it were uploaded here" in ended.err
    assert site.fake.seen == []


def test_a_stranger_of_the_same_name_is_reported(site: Site) -> None:
    copy_in(site.packages, wheel("a", "1.0", extra=b"ours"))
    site.offer(wheel("a", "1.0"), wheel("a", "9.0"))

    ended = site.run("update", "-x")

    assert (ended.code, site.files()) == (0, ["a-1.0-py3-none-any.whl"])
    assert "a stranger of the same name" in ended.err


def test_every_targets_file_comes(outdated: Site) -> None:
    outdated.fake.index.offers["a"] = [
        wheel("a", "1.0"),
        wheel("a", "1.1", tags="cp312-cp312-win_amd64"),
        wheel("a", "1.1", tags="cp312-cp312-manylinux_2_28_x86_64"),
        wheel("a", "1.1", tags="cp312-cp312-macosx_11_0_arm64"),
    ]

    plan = outdated.run("update", "-x", "--dry-run")
    assert outdated.files() == ["a-1.0-py3-none-any.whl"]
    outdated.run("update", "-x")

    offer, *gets = plan.out.splitlines()
    assert (offer, [re.sub(r"  \d+ B  ", " ", line) for line in gets]) == (
        "a 1.0 -> 1.1",
        [
            "get a-1.1-cp312-cp312-manylinux_2_28_x86_64.whl (linux)",
            "get a-1.1-cp312-cp312-win_amd64.whl (windows)",
        ],
    )
    assert outdated.files()[1:] == [
        "a-1.1-cp312-cp312-manylinux_2_28_x86_64.whl",
        "a-1.1-cp312-cp312-win_amd64.whl",
    ]


def test_without_configured_targets_other_platforms_are_not_left_behind(site: Site) -> None:
    old = [sdist("a", "1.0"), wheel("a", "1.0", tags="cp311-cp311-win_amd64")]
    new = [sdist("a", "1.1"), wheel("a", "1.1", tags="cp311-cp311-win_amd64")]
    copy_in(site.packages, *old)
    site.offer(*old, *new)

    site.bare("update", "-x", "-i", site.fake.url, str(site.packages))

    assert site.files() == [
        "a-1.0-cp311-cp311-win_amd64.whl",
        "a-1.0.tar.gz",
        "a-1.1-cp311-cp311-win_amd64.whl",
        "a-1.1.tar.gz",
    ]


def test_a_hole_is_exit_1_and_named(outdated: Site) -> None:
    outdated.fake.index.offers["a"][1:] = [wheel("a", "1.1", "b>=1")]

    ended = outdated.run("update", "-x")

    assert ended.code == 1
    assert "missing: update linux: b>=1 (needed by a 1.1)" in ended.out


def test_new_files_go_to_another_directory_and_what_is_looked_at_stays(outdated: Site) -> None:
    apart = outdated.path / "new"
    copy_in(outdated.packages, wheel("b", "1.0"))
    outdated.fake.index.offers["a"][1:] = [wheel("a", "1.1", "b")]
    outdated.fake.index.offers["b"] = [wheel("b", "1.0")]

    first = outdated.run("update", "-x", "-d", str(apart))
    second = outdated.run("update", "-x", "-d", str(apart), "-v")

    assert (first.code, second.code) == (0, 0)
    assert "kept a-1.1-py3-none-any.whl" in second.err
    assert list(held_in(apart)) == ["a-1.1-py3-none-any.whl"]
    assert outdated.files() == ["a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl"]


def test_new_files_lie_in_the_directory_and_folder_of_what_they_replace(site: Site) -> None:
    first, second = site.path / "first", site.path / "second"
    copy_in(first, wheel("a", "1.0"))
    copy_in(second / "deep", wheel("b", "1.0"))
    for name in "ab":
        site.offer(wheel(name, "1.0"), wheel(name, "1.1"))

    ended = site.bare("update", "-x", "-i", site.fake.url, str(first), str(second))

    assert ended.code == 0
    assert (first / "a-1.1-py3-none-any.whl").exists()
    assert (second / "deep" / "b-1.1-py3-none-any.whl").exists()
    assert list((second / ".pypitool").glob("partial/*")) == []


def test_new_files_go_to_a_folder_of_the_directory(outdated: Site) -> None:
    outdated.run("update", "-x", "-d", str(outdated.packages / "new"))

    paths = {file.location.path for file in held_in(outdated.packages).values()}
    assert "new/a-1.1-py3-none-any.whl" in paths


@pytest.mark.process
def test_pins_are_moved_only_without_a_dry_run(outdated: Site) -> None:
    pins = outdated.write("pins.txt", "a==1.0 # why\n")

    outdated.run("update", "--write", str(pins), "-n")
    assert pins.read_text() == "a==1.0 # why\n"
    ended = outdated.run("update", "--write", str(pins))

    assert pins.read_text() == "a==1.1 # why\n"
    assert f"rewrote {pins}: a" in ended.err
    assert outdated.files() == ["a-1.0-py3-none-any.whl"]


@pytest.mark.parametrize("name", ["nowhere.txt", "pylock.toml"])
def test_a_file_that_cannot_be_rewritten_stops_everything(outdated: Site, name: str) -> None:
    if name == "pylock.toml":
        outdated.write(name, "")

    ended = outdated.run("update", "-x", "--write", str(outdated.path / name))

    assert ended.code == 1
    assert f"{outdated.path / name}:1: cannot be rewritten" in ended.err
    assert outdated.fake.seen == []


@pytest.mark.parametrize("codec", ["undefined", "utf-8-sig", "utf-7"])
def test_a_file_that_would_not_be_written_as_it_was_read_stays(outdated: Site, codec: str) -> None:
    """Of `utf-8-sig` each rewriting would add a mark, and `utf-7` has many ways to write the same."""
    pins = outdated.write("pins.txt", f"# coding: {codec}\na==1.0  # ~+AGE-\n")
    before = pins.read_bytes()

    ended = outdated.run("update", "--write", str(pins))

    assert (ended.code, pins.read_bytes()) == (1, before)
    assert f"{pins}:1: cannot be rewritten" in ended.err


@pytest.mark.process
def test_a_disk_that_is_full_when_the_file_is_written_leaves_it_and_a_record(
    outdated: Site, tmp_path: Path
) -> None:
    before = f"a==1.0{' ' * 200_000}# why\n"
    with mounted_disk(tmp_path / "disk", megabytes=1) as disk:
        pins = disk / "pins.txt"
        pins.write_text(before)
        (disk / "rest").write_bytes(bytes(700 * 1024))

        ended = outdated.run("update", "-x", "--write", str(pins))

        assert (ended.code, pins.read_text(), [path.name for path in disk.glob(".pins*")]) == (1, before, [])
    assert f"error: {pins} stays as it is: no space left on device" in ended.err
    assert "a-1.1-py3-none-any.whl" in outdated.files()
    (run, *_) = json.loads(outdated.run("runs", "--json").out)
    assert (run["exit_code"], run["fetched"]) == (1, 1)


def test_one_failure_is_exit_3(outdated: Site) -> None:
    copy_in(outdated.packages, wheel("b", "1.0"))
    outdated.fake.fail("/simple/b/", respond(403))

    ended = outdated.run("update")

    assert (ended.code, ended.out.splitlines()[0]) == (3, "a 1.0 -> 1.1")
    assert "/simple/b/: it answers 403" in ended.err


def test_an_execution_waits_for_nobody(outdated: Site) -> None:
    with lock_directory(outdated.packages, "pypitool sync"):
        assert outdated.run("update").code == 0
        ended = outdated.run("update", "-x")

    assert ended.code == 6
    assert "pypitool sync" in ended.err


def test_vulnerabilities_are_shown(outdated: Site) -> None:
    outdated.fake.index.legacy_json["/pypi/a/1.0/json"] = {
        "vulnerabilities": [{"id": "GHSA-1", "aliases": [], "fixed_in": ["1.1"]}]
    }

    ended = outdated.run("update", "--security")

    assert ended.out.splitlines()[-2] == "vulnerable a 1.0: GHSA-1 (fixed in 1.1)"


def test_an_execution_is_on_record(outdated: Site) -> None:
    outdated.run("update", "a", "-x")

    (run,) = outdated.run("runs", "--json", "--packages", str(outdated.packages)).document
    assert (run["command"], run["fetched"]) == ("update a --execute", 1)


def test_a_job_that_only_looks_has_run(outdated: Site) -> None:
    outdated.more = '[job.look]\nrun = "update --exit-code"\ncron = "0 3 * * *"'

    assert outdated.run("schedule", "run", "look").code == 10

    (job,) = outdated.run("schedule", "--json").document
    assert job["outcome"] == "ok"


def test_flags_of_pypi_server_are_taken_with_a_warning(outdated: Site) -> None:
    ended = outdated.run("update", "--backend", "simple-dir", "--hash-algo", "md5", "--log-file", "x.log")

    assert ended.code == 0
    assert ended.err.count("has no effect") == 3


def test_quiet_prints_no_offer(outdated: Site) -> None:
    ended = outdated.run("update", "-q")

    assert (ended.out, ended.err) == ("", "")


def test_a_folder_of_the_working_directory_is_a_directory(
    outdated: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(outdated.path)

    assert outdated.bare("update", "packages", "-i", outdated.fake.url).out.startswith("a 1.0 -> 1.1")
    assert Path("packages").is_dir()


def test_a_directory_that_is_not_there_is_asked_for_in_no_other_configuration(site: Site) -> None:
    ended = site.run("update")

    assert ended.code == 8
    assert f"the package directory {site.packages} does not exist" in ended.err
    assert "hint: make it, or name the one that is served" in ended.err
    assert "/etc/" not in ended.err

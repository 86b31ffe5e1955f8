"""What people read of a run: where sets install, and what is missing, for whom and why."""

from __future__ import annotations

from tests.cli.mirror.conftest import Site, lines, wheel


def test_after_a_run_it_is_said_where_each_set_installs(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync")

    assert ended.out.splitlines()[0] == "backend installs without the internet on linux, windows"


def test_with_q_nobody_is_told_of_success(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")

    assert site.run("sync", "-q").out == ""


def test_nothing_is_claimed_of_a_set_whose_dependencies_nobody_looks_at(site: Site) -> None:
    site.more = 'closure = "off"'
    site.offer(wheel("a", "1.0", "b"))
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync")

    assert ended.code == 0
    assert "installs" not in ended.out


def test_nothing_is_claimed_of_a_target_for_which_a_set_has_no_line(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", 'a==1.0; sys_platform == "linux"\n')

    ended = site.run("sync")

    assert ended.out.splitlines()[0] == "backend installs without the internet on linux"


def test_what_is_locked_and_unchanged_installs_as_it_did(site: Site) -> None:
    site.offer(wheel("a", "1.0", 'b; sys_platform == "win32"'))
    site.write("backend.txt", "a==1.0\n")
    told = site.run("sync").out.splitlines()

    locked = site.run("sync", "--locked").out.splitlines()

    assert locked[:-1] == told[:-1]
    assert locked[1:3] == ["backend lacks 1 on windows", "backend installs without the internet on linux"]
    assert locked[-1] == "sync: nothing has changed, 1 kept, 1 missing"


def test_programs_read_it_in_the_summary(site: Site) -> None:
    site.offer(wheel("a", "1.0", 'b; sys_platform == "win32"'))
    site.write("backend.txt", "a==1.0\n")

    *_, hole, summary = lines(site.run("sync", "--json"))

    assert hole["type"] == "hole"
    assert summary["sets"] == [{"set": "backend", "installs_on": ["linux"], "lacks": {"windows": 1}}]


def test_what_is_missing_says_why_where_it_is_more_than_not_there(site: Site) -> None:
    site.packages.mkdir()
    offer = wheel("b", "1.0", tags="cp312-cp312-win_amd64")
    (site.packages / offer.filename).write_bytes(offer.body)
    requirements = site.write("other.txt", "b==1.0\n")

    ended = site.run("check", "-r", str(requirements), "--target", "linux", "--target", "windows")

    assert ended.out.splitlines()[:3] == [
        f"missing: check linux: b==1.0 (needed by {requirements}:1; "
        "no file of 1.0 fits manylinux_2_39_x86_64 with Python 3.12)",
        "this lacks 1 on linux",
        "this installs without the internet on windows",
    ]


def test_prereleases_are_one_line_and_with_v_one_each(site: Site) -> None:
    old = [wheel(name, "1.0") for name in "ab"]
    site.packages.mkdir()
    for offer in old:
        (site.packages / offer.filename).write_bytes(offer.body)
    site.offer(*old, wheel("a", "2.0a1"), wheel("a", "2.0rc1"), wheel("b", "3.0.dev1"))

    ended, verbose = site.run("update"), site.run("update", "-v")
    asked = lines(site.run("update", "--json"))

    assert ended.out.splitlines() == ["held 3 pre-releases of 2 projects: --pre offers them"]
    assert [line for line in verbose.out.splitlines() if line.startswith("held ")] == [
        "held a 2.0rc1: prerelease",
        "held a 2.0a1: prerelease",
        "held b 3.0.dev1: prerelease",
    ]
    assert [one["version"] for one in asked[0]["held"]] == ["2.0rc1", "2.0a1"]
    assert "hint" not in ended.err


def test_a_release_that_is_held_back_says_for_which_target_and_by_which_specifier(site: Site) -> None:
    old = wheel("a", "1.0")
    site.packages.mkdir()
    (site.packages / old.filename).write_bytes(old.body)
    site.offer(
        old,
        wheel("a", "1.1", requires_python=">=3.13"),
        wheel("a", "1.2", requires_python=">=3.13"),
        wheel("a", "1.3", tags="cp312-cp312-manylinux_2_28_x86_64"),
    )

    ended, asked = site.run("update"), lines(site.run("update", "--json"))

    assert ended.out.splitlines() == [
        "held a 1.3: no-file (none for windows)",
        "held a 1.2: requires-python (>=3.13; linux has 3.12)",
    ]
    assert asked[0]["held"] == [
        {"version": "1.3", "reason": "no-file", "target": "windows"},
        {"version": "1.2", "reason": "requires-python", "target": "linux", "requires_python": ">=3.13"},
        {"version": "1.1", "reason": "requires-python", "target": "linux", "requires_python": ">=3.13"},
    ]


def test_the_last_line_says_where_the_files_are(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")

    fetched, kept = site.run("sync"), site.run("sync")

    assert fetched.out.endswith(f" s; the files are in {site.packages}\n")
    assert str(site.packages) not in kept.out


def test_a_plan_has_sizes_and_says_what_brings_it_about(site: Site) -> None:
    old, new = wheel("a", "1.0"), wheel("a", "1.1")
    site.packages.mkdir()
    (site.packages / old.filename).write_bytes(old.body)
    site.write("backend.txt", "")
    site.offer(old, new)

    offered, planned = site.run("update"), site.run("update", "-x", "-n")

    assert "hint: --execute (-x) fetches them" in offered.err
    assert f"get {new.filename}  {len(new.body)} B  (linux, windows)" in planned.out
    assert f"1 file would be fetched ({len(new.body)} B)" in planned.err
    assert "hint" not in planned.err


def test_a_version_that_is_there_for_others_is_not_just_missing(site: Site) -> None:
    site.offer(
        wheel("a", "1.0", tags="cp312-cp312-win_amd64"),
        wheel("b", "1.0", requires_python=">=3.13"),
    )
    site.write("backend.txt", "a==1.0\nb==1.0\n")

    ended, asked = site.run("sync"), lines(site.run("sync", "--json"))

    here = site.path / "backend.txt"
    assert ended.out.splitlines()[:2] == [
        f"missing: backend linux: a==1.0 (needed by {here}:1; fake has it, but no file of it is for this"
        " platform and Python)",
        f"missing: backend linux: b==1.0 (needed by {here}:2; fake has it for Python >=3.13)",
    ]
    reasons = {
        (line["target"], line["requirement"]): line["reason"] for line in asked if line["type"] == "hole"
    }
    assert reasons["windows", "b==1.0"] == "fake has it for Python >=3.13"


def test_an_old_run_is_told_in_words(site: Site) -> None:
    site.offer(wheel("a", "1.0", 'b; sys_platform == "win32"'))
    site.write("backend.txt", "a==1.0\nc==1.0\n")
    site.run("sync")

    ended, kept = site.run("runs", "1"), site.run("runs", "1", "-v")

    first, *told, last = ended.out.splitlines()
    assert first.startswith("run 1: sync, begun 2")
    here = f"{site.path / 'backend.txt'}:2"
    assert told == [
        f"error: {site.fake.url}c/: the upstream does not have it",
        f"fetched a-1.0-py3-none-any.whl ({len(site.fake.index.offers['a'][0].body)} B)",
        f"missing: backend linux: c==1.0 (needed by {here})",
        f"missing: backend windows: c==1.0 (needed by {here})",
        "missing: backend windows: b (needed by a 1.0)",
        "backend lacks 1 on linux",
        "backend lacks 2 on windows",
    ]
    assert last.startswith("it ended after ")
    assert "exit 3: 1 fetched, 1 failed, 3 missing" in last
    assert kept.code == 0


def test_an_old_update_is_told_in_words(site: Site) -> None:
    old = wheel("a", "1.0")
    site.packages.mkdir()
    (site.packages / old.filename).write_bytes(old.body)
    site.write("backend.txt", "")
    site.offer(old, wheel("a", "1.1"), wheel("a", "1.2", requires_python=">=3.13"), wheel("a", "2.0rc1"))
    site.run("update", "-x")

    told = site.run("runs", "1").out.splitlines()

    assert told[1:3] == ["a 1.0 -> 1.1", "held a 1.2: requires-python (>=3.13 on linux)"]
    assert "held a 2.0rc1: prerelease" in site.run("runs", "1", "-v").out


def test_in_a_pipe_runs_are_lines_with_tabs(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")

    ((number, command, *_, exit_code, fetched, size, failed, missing),) = site.run("runs").rows

    assert (number, command, exit_code, fetched, size, failed, missing) == (
        "1",
        "sync",
        "3",
        "0",
        "0",
        "1",
        "2",
    )

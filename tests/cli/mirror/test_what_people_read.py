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
        f"missing: check linux: b==1.0 (needed by {requirements}:1; no file fits the target)",
        "this lacks 1 on linux",
        "this installs without the internet on windows",
    ]

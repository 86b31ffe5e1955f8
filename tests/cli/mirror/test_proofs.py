"""A proof proves something: locks against their targets, sets without a line for one."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.cli.mirror.conftest import Site, lines, wheel
from tests.support.upstream import Action, Dialect, Offer, respond
from tests.support.wheels import Release, sdist_bytes

LOCK = """
lock-version = "1.0"
created-by = "by hand"
{limit}

[[packages]]
name = "click"
version = "8.1.7"
marker = "python_full_version >= '3.11'"

[[packages.wheels]]
name = "{name}"
url = "https://index.test/{name}"
hashes = {{ sha256 = "{sha256}" }}
"""
OF_TWO_TARGETS = """lock = "pylock.toml"
targets = ["old", "linux"]
[targets.old]
python = "3.10"
platform = "manylinux_2_35_x86_64"
"""


@pytest.fixture
def locked(site: Site) -> Site:
    """A set with a lock for Python 3.11 and newer, and a target that has 3.10."""
    click = wheel("click", "8.1.7")
    site.offer(click)
    site.write("backend.txt", "")
    lock = LOCK.format(limit='requires-python = ">=3.11"', name=click.filename, sha256=click.digest)
    site.write("pylock.toml", lock)
    site.more = OF_TWO_TARGETS
    return site


def test_a_target_that_a_lock_is_not_for_is_a_hole_and_gets_nothing(locked: Site) -> None:
    ended = locked.run("sync")

    assert ended.code == 1
    expected = "missing: backend old: Python >=3.11 (needed by pylock.toml; the target has 3.10)"
    assert ended.out.splitlines()[0] == expected
    assert locked.files() == ["click-8.1.7-py3-none-any.whl"]
    assert locked.run("sync", "--locked").out.splitlines()[0] == expected
    assert lines(locked.run("check", "--json"))[0] == {
        "type": "hole",
        "set": "backend",
        "target": "old",
        "requirement": "Python >=3.11",
        "required_by": "pylock.toml",
        "reason": "lock",
    }


def test_the_record_of_a_run_says_that_a_lock_is_not_for_a_target(locked: Site) -> None:
    locked.run("sync")

    told = locked.run("runs", "1").out.splitlines()

    assert (
        "missing: backend old: Python >=3.11 (needed by pylock.toml; the lock is not for this target)" in told
    )


def test_a_lock_for_no_target_at_all_fetches_nothing(locked: Site) -> None:
    locked.more = locked.more.replace('["old", "linux"]', '["old"]')

    assert locked.run("sync").code == 1
    assert (locked.files(), locked.fake.paths("/files/")) == ([], [])


def test_a_lock_for_other_environments_is_a_hole(locked: Site) -> None:
    lock = locked.path / "pylock.toml"
    environments = """environments = ["sys_platform == 'win32'", "sys_platform == 'darwin'"]"""
    lock.write_text(lock.read_text().replace('requires-python = ">=3.11"', environments))

    ended = locked.run("sync", "--json")

    assert [(line["target"], line["requirement"]) for line in lines(ended) if line["type"] == "hole"] == [
        (name, 'sys_platform == "win32" or sys_platform == "darwin"') for name in ("old", "linux")
    ]


def test_a_target_without_any_line_is_a_warning_of_sync_and_a_fault_of_check(locked: Site) -> None:
    lock = locked.path / "pylock.toml"
    lock.write_text(lock.read_text().replace('requires-python = ">=3.11"', ""))

    synchronised, checked = locked.run("sync"), locked.run("check")

    assert (synchronised.code, checked.code) == (0, 1)
    for ended in (synchronised, checked):
        assert "warning: backend requires nothing on old, and nothing is proved there" in ended.err
    warning, summary = lines(locked.run("check", "--json"))
    assert (warning["type"], warning["set"], warning["targets"]) == ("warning", "backend", ["old"])
    assert (summary["outcome"], summary["exit_code"], summary["holes"]) == ("failed", 1, 0)


def test_a_check_of_an_empty_file_is_no_proof(site: Site) -> None:
    empty = site.write("empty.txt", "# nothing yet\n")
    site.packages.mkdir()
    site.write("backend.txt", "")

    ended = site.run("check", "-r", str(empty), "--target", "linux")

    assert ended.code == 1
    assert "this requires nothing on linux" in ended.err


def test_a_dry_run_names_the_holes_that_the_run_would(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b>=1", 'w; sys_platform == "win32"', 'socks; extra == "x"'))
    site.write("backend.txt", "a[x]==1.0\n")

    dry, real = site.run("sync", "-n"), site.run("sync")

    assert (dry.code, real.code) == (0, 1)
    holes = [line for line in dry.out.splitlines() if line.startswith("missing: ")]
    assert len(holes) == 5
    assert holes == [line for line in real.out.splitlines() if line.startswith("missing: ")]


def test_a_dry_run_makes_one_small_request_a_release(site: Site) -> None:
    site.offer(
        wheel("a", "1.0", tags="cp312-cp312-win_amd64"), wheel("a", "1.0", tags="cp312-abi3-linux_x86_64")
    )
    site.write("backend.txt", "a==1.0\n")

    site.run("sync", "-n")

    asked = site.fake.paths()
    assert asked[0] == "/simple/a/"
    assert [path.rpartition(".")[2] for path in asked[1:]] == ["metadata"]
    assert not site.packages.exists()


def test_a_dry_run_without_an_upstream_ends_with_7(site: Site) -> None:
    site.fake.fail("/simple/", respond(503))
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync", "-n", "--json")

    assert ended.code == 7
    assert (lines(ended)[-1]["outcome"], lines(ended)[-1]["exit_code"]) == ("failed", 7)
    assert site.run("download", "-n", "--exact", "a==1.0", "-i", site.fake.url).code == 7


@pytest.mark.parametrize("action", [respond(404), respond(200, body=b"other")], ids=["gone", "lies"])
def test_metadata_that_cannot_be_had_before_the_file_is_said(site: Site, action: Action) -> None:
    a = wheel("a", "1.0", "b")
    site.offer(a)
    site.fake.fail("metadata", action)
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync", "-n")

    assert ended.code == 0
    assert f"{a.filename}: what it depends on is unknown until it is fetched" in ended.err


@pytest.mark.parametrize(("ranges", "size"), [(True, 600_000), (True, 10), (False, 10)])
def test_where_an_index_has_no_metadata_beside_a_wheel_its_end_tells(
    site: Site, ranges: bool, size: int
) -> None:
    a = replace(wheel("a", "1.0", "b", extra=random.Random(1).randbytes(size)), metadata=None)
    site.offer(a)
    site.fake.index.dialect = Dialect(json=False, ranges=ranges)
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync", "-n")

    assert [line for line in ended.out.splitlines() if line.startswith("missing: ")] == [
        f"missing: backend {target}: b (needed by a 1.0)" for target in ("linux", "windows")
    ]
    assert site.fake.paths("/files/") == [f"/files/{a.filename}"]
    assert site.fake.seen[-1].headers["Range"] == "bytes=-262144"


def test_a_whole_wheel_is_not_fetched_for_its_metadata(site: Site) -> None:
    a = replace(wheel("a", "1.0", "b", extra=random.Random(1).randbytes(600_000)), metadata=None)
    site.offer(a)
    site.fake.index.dialect = Dialect(ranges=False)
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync", "-n")

    assert f"{a.filename}: what it depends on is unknown until it is fetched" in ended.err


@pytest.mark.parametrize("told", ["bytes 0-9/10", "bytes 5-9/99", "bytes */10", "items 0-9/10", ""])
def test_an_end_of_another_form_tells_nothing(site: Site, told: str) -> None:
    site.offer(replace(wheel("a", "1.0", "b"), metadata=None))
    site.fake.fail("/files/", respond(206, body=b"0123456789", Content_Range=told))
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync", "-n")

    assert (ended.code, ended.err.count("unknown until it is fetched")) == (0, 1)


def test_a_dry_run_says_of_an_sdist_that_it_may_tell_when_it_is_here(site: Site) -> None:
    release = Release("s", "1.0", metadata_version="2.2")
    site.offer(Offer("s-1.0.tar.gz", sdist_bytes(release)))
    site.write("backend.txt", "s==1.0\n")

    dry, real = site.run("sync", "-n"), site.run("sync")

    assert "s-1.0.tar.gz: what it depends on is unknown until it is fetched" in dry.err
    assert "unknown" not in real.err


def test_without_a_closure_a_dry_run_asks_for_no_metadata(site: Site) -> None:
    site.more = 'closure = "off"'
    site.offer(wheel("a", "1.0", "b"))
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync", "-n")

    assert (ended.code, site.fake.paths()) == (0, ["/simple/a/"])
    assert "missing: " not in ended.out


def test_a_dry_run_counts_what_it_would_fetch_and_how_much_that_is(site: Site) -> None:
    here, new = wheel("a", "1.0"), wheel("b", "1.0")
    site.offer(here, new)
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")
    site.write("backend.txt", "a==1.0\nb==1.0\n")

    *plans, summary = lines(site.run("sync", "-n", "--json"))

    assert [(plan["action"], plan["bytes"]) for plan in plans] == [
        ("keep", len(here.body)),
        ("get", len(new.body)),
    ]
    assert (summary["planned"], summary["planned_bytes"]) == (1, len(new.body))
    assert (summary["exit_code"], summary["fetched"], summary["run"]) == (0, 0, None)
    assert "planned" not in lines(site.run("sync", "--json"))[-1]


def test_unknown_sizes_count_nothing_and_are_said(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.fake.index.dialect = Dialect(sizes=False)
    site.write("backend.txt", "a==1.0\n")

    ended, told = site.run("sync", "-n"), lines(site.run("sync", "-n", "--json"))

    assert (told[0]["bytes"], told[-1]["planned"], told[-1]["planned_bytes"]) == (None, 1, 0)
    assert "1 file would be fetched (the size of 1 is unknown)" in ended.out

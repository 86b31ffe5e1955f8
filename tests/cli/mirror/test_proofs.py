"""A proof proves something: locks against their targets, sets without a line for one."""

from __future__ import annotations

import pytest

from tests.cli.mirror.conftest import Site, lines, wheel

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
        assert "warning: backend requires nothing on old: no line of it concerns them" in ended.err
    warning, summary = lines(locked.run("check", "--json"))
    assert (warning["type"], warning["set"], warning["targets"]) == ("warning", "backend", ["old"])
    assert (summary["outcome"], summary["exit_code"], summary["holes"]) == ("failed", 1, 0)


def test_a_check_of_an_empty_file_is_no_proof(site: Site) -> None:
    empty = site.write("empty.txt", "# nothing yet\n")
    site.packages.mkdir()
    site.write("backend.txt", "")

    ended = site.run("check", "-r", str(empty), "--target", "linux")

    assert ended.code == 1
    assert "check requires nothing on linux" in ended.err

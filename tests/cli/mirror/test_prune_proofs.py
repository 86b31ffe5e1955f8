"""What `prune` keeps: the files of each set's last proven run, until a newer run of it is proven."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from pypitool.core.state_files import StateFiles
from tests.cli.mirror.conftest import Site, wheel
from tests.cli.mirror.test_prune import NEW, OLD, listed, pins, synchronised
from tests.support.upstream import respond

STAYS = "`backend` keeps 1 file that its last proven run wanted, until a newer run of it is proven"


@pytest.fixture
def broken(site: Site) -> Site:
    """A set that installed with a 1.0, and lacks what a 1.1 needs."""
    site.offer(wheel("a", "1.0"), wheel("a", "1.1", "b"))
    synchronised(site, "a==1.0")
    pins(site, "a==1.1")
    return site


@pytest.mark.parametrize("synchronises", [False, True], ids=["before", "after"])
def test_what_installed_last_stays_until_something_newer_does(broken: Site, synchronises: bool) -> None:
    if synchronises:
        assert broken.run("sync").code == 1

    ended = broken.run("prune", "--execute")

    assert (ended.code, OLD in broken.files()) == (0, True)
    assert STAYS in ended.err
    pins(broken, "a==1.0")
    assert broken.run("check").code == 0


def test_once_something_newer_is_proven_it_goes(broken: Site) -> None:
    broken.run("sync")
    broken.offer(wheel("b", "1.0"))
    synchronised(broken, "a==1.1", "b==1.0")

    ended = broken.run("prune", "--execute")

    assert broken.files() == [NEW, "b-1.0-py3-none-any.whl"]
    assert ended.err.count("warning") == 0


def test_a_set_that_never_installed_keeps_nothing(site: Site) -> None:
    site.offer(wheel("a", "1.0", "gone"), wheel("a", "1.1", "gone"))
    for version in ("1.0", "1.1"):
        pins(site, f"a=={version}")
        assert site.run("sync").code == 1

    assert listed(site) == [OLD]


def test_a_proof_of_nothing_lets_nothing_go(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    synchronised(site, "a==1.0")
    synchronised(site, "")

    assert listed(site) == []


def test_a_target_without_a_line_any_more_lets_nothing_go(site: Site) -> None:
    site.offer(wheel("a", "1.0"), wheel("a", "1.1"))
    synchronised(site, "a==1.0")
    synchronised(site, 'a==1.1; sys_platform == "win32"')

    assert listed(site) == []


def test_what_a_set_used_of_another_one_stays_with_it(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b<2"), wheel("a", "2.0", "gone"), wheel("b", "1.0"), wheel("b", "2.0"))
    site.more = '[set.other]\nrequirements = "other.txt"'
    site.write("other.txt", "b==1.0\n")
    synchronised(site, "a==1.0")
    site.write("other.txt", "b==2.0\n")
    pins(site, "a==2.0")
    assert site.run("sync").code == 1

    assert listed(site) == []


def test_without_a_closure_all_that_arrived_is_proof_enough(site: Site) -> None:
    site.more = 'closure = "off"'
    site.offer(wheel("a", "1.0", "gone"), wheel("a", "1.1", "gone"))
    synchronised(site, "a==1.0")
    synchronised(site, "a==1.1")

    assert listed(site) == [OLD]


def test_without_a_closure_what_did_not_arrive_is_none(site: Site) -> None:
    site.more = 'closure = "off"'
    site.offer(wheel("a", "1.0"), wheel("a", "1.1"), wheel("b", "1.0"), wheel("b", "1.1"))
    synchronised(site, "a==1.0", "b")
    site.fake.fail("/simple/b/", respond(503))
    pins(site, "a==1.1", "b")
    assert site.run("sync").code == 3

    assert listed(site) == []


def test_a_set_that_is_gone_is_named_as_long_as_files_of_it_are_here(site: Site) -> None:
    site.more = '[set.other]\nrequirements = "other.txt"'
    site.write("other.txt", "b==1.0\n")
    site.offer(wheel("a", "1.0"), wheel("b", "1.0"))
    synchronised(site, "a==1.0")
    site.more = ""

    first, second = site.run("prune", "--execute"), site.run("prune")

    assert site.files() == [OLD]
    assert "`other` is no set of the configuration any more, and wants nothing" in first.err
    assert "other" not in second.err


def test_what_an_older_version_recorded_as_wanted_counts_as_proven(broken: Site) -> None:
    with closing(sqlite3.connect(StateFiles(broken.packages / ".pypitool").mirror)) as record:
        record.executescript("DROP TABLE proven; PRAGMA user_version = 0")

    assert listed(broken) == []
    assert broken.run("sync").code == 1
    assert listed(broken) == []

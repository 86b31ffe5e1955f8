from __future__ import annotations

import re

import pytest

from tests.cli.mirror.conftest import Site, lines, wheel
from tests.support.offers import aged
from tests.support.upstream import reset, respond


def test_a_hole_is_mended_by_a_pin_that_is_named(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b>=2", "c"))
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync")

    assert "hint: pin `b`, `c`, or let uv add what is missing with --resolve" in ended.err


def test_a_root_that_is_missing_is_pinned_already(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync", "--offline")

    assert ended.code == 1
    assert "hint" not in ended.err


def test_a_yanked_pin_is_fetched_with_a_warning(site: Site) -> None:
    site.offer(wheel("a", "1.0", yanked="it eats data"))
    site.write("backend.txt", "a==1.0\n")

    fetched = site.run("sync", "--json")
    kept = site.run("sync")

    (warning,) = [line for line in lines(fetched) if line["type"] == "warning"]
    assert (fetched.code, warning["project"], warning["yanked"]) == (0, "a", "it eats data")
    assert "warning: a-1.0-py3-none-any.whl is yanked: it eats data" in kept.err


def test_a_project_that_no_set_names_is_not_explained_and_not_asked_for(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync", "--explain", "b")

    assert (ended.code, ended.out) == (5, "")
    assert "no set wants `b`" in ended.err
    assert site.fake.seen == []


def test_a_bundle_since_a_run_that_never_was_is_not_written(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")

    ended = site.run("bundle", "export", str(site.path / "night.tar"), "--since", "99")

    assert ended.code == 5
    assert "there is no run 99" in ended.err
    assert not (site.path / "night.tar").exists()


def test_a_conflict_names_its_file_once(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.packages.mkdir()
    (site.packages / "a-1.0-py3-none-any.whl").write_bytes(wheel("a", "1.0", extra=b"ours").body)
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync")

    assert ended.code == 3
    assert ended.err.startswith("error: a-1.0-py3-none-any.whl is here with other bytes")


@pytest.mark.process
def test_lock_asks_nobody_about_our_own_projects(site: Site) -> None:
    site.more = '[policy]\nprivate = ["acme-*"]\n'
    site.packages.mkdir()
    (site.packages / "acme_core-1.0-py3-none-any.whl").write_bytes(wheel("acme-core", "1.0", "b").body)
    site.offer(wheel("a", "1.0"), wheel("b", "1.0"), wheel("acme-core", "9.0"))
    site.write("requirements.in", "a\nacme-core\n")
    lock = site.path / "pylock.toml"

    ended = site.run("lock", "-r", str(site.path / "requirements.in"), "-o", str(lock))

    assert ended.code == 0
    assert "warning: acme-core is here alone, and the lock is without it" in ended.err
    assert not any("acme" in path for path in site.fake.paths())
    assert 'name = "b"' in lock.read_text()
    assert "acme" not in lock.read_text()


@pytest.mark.process
def test_offline_asks_nobody_for_what_is_not_pinned_either(site: Site) -> None:
    site.more = 'closure = "resolve"'
    site.offer(wheel("a", "1.0", "b"), wheel("b", "1.0"))
    site.write("backend.txt", "a\n")
    site.run("sync")
    site.fake.seen.clear()

    whole = site.run("sync", "--offline")
    (site.packages / "b-1.0-py3-none-any.whl").unlink()
    broken = site.run("sync", "--offline")

    assert (whole.code, broken.code) == (0, 1)
    assert "missing: backend linux: b (needed by a 1.0)" in broken.out
    assert site.fake.seen == []


def test_check_counts_its_holes_and_nothing_else(site: Site) -> None:
    site.packages.mkdir()
    site.write("backend.txt", "a==1.0\n")

    assert site.run("check").out.splitlines()[-1].startswith("check: 2 missing in ")


def test_waits_are_told_with_v(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.more = f'[upstream.other]\nindex = "{site.fake.url}"\nretries = 1\nprojects = ["a"]\n'
    site.fake.fail("/simple/a/", respond(503), times=1)

    told, again = site.run("sync", "-v"), site.run("sync", "-v")

    assert "it answers 503; trying again in 0.5 s (1 of 1)\n" in told.err
    assert (told.code, "trying again" in again.err) == (0, False)


@pytest.mark.parametrize("words", [("update",), ("verify", "--upstream")], ids=" ".join)
def test_what_a_lost_upstream_was_not_asked_is_counted(site: Site, words: tuple[str, ...]) -> None:
    names = [f"p{number:02}" for number in range(30)]
    site.offer(*(wheel(name, "1.0") for name in names))
    site.write("backend.txt", "".join(f"{name}==1.0\n" for name in names))
    site.run("sync")
    site.fake.fail("/simple/", reset())

    ended = site.run(*words)

    assert ended.code == 7
    assert re.search(r"warning: \d\d projects were not asked: .* cannot be reached \(", ended.err)


@pytest.mark.process
@pytest.mark.parametrize("how", ["closure", "--resolve"])
def test_what_a_set_resolves_is_old_enough(site: Site, how: str) -> None:
    site.more = 'closure = "resolve"\n' if how == "closure" else ""
    site.more += '[policy]\ncooldown = "7d"'
    site.offer(aged(wheel("a", "1.0", "b"), 1), aged(wheel("b", "1.0"), 30), aged(wheel("b", "2.0"), 1))
    site.write("backend.txt", "a==1.0\n")

    ended = site.run("sync", *([] if how == "closure" else [how]))

    assert ended.code == 0
    assert site.files() == ["a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl"]

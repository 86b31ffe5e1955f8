from __future__ import annotations

import pytest

from tests.cli.mirror.conftest import Site, lines, wheel


def test_locked_and_unchanged_asks_nobody_and_writes_nothing(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b"))
    site.write("backend.txt", "a==1.0\n")
    first = site.run("sync")
    before = {path: path.stat().st_mtime_ns for path in site.path.rglob("*") if path.is_file()}
    site.fake.seen.clear()

    locked = site.run("sync", "--locked")

    assert (first.code, locked.code) == (1, 1)
    assert "missing: backend linux: b (needed by a 1.0)" in locked.out
    assert site.fake.seen == []
    after = {path: path.stat().st_mtime_ns for path in site.path.rglob("*") if path.is_file()}
    assert {path for path in after if path.name != "config.toml" and before.get(path) != after[path]} == set()


def test_locked_with_another_pin_asks_for_it(site: Site) -> None:
    site.offer(wheel("a", "1.0"), wheel("b", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")
    site.write("backend.txt", "a==1.0\nb==1.0\n")
    site.fake.seen.clear()

    ended = site.run("sync", "--locked", "--json")

    assert site.fake.paths("/simple/") == ["/simple/b/"]
    assert lines(ended)[-1]["fetched"] == 1


def test_locked_json_ends_with_a_summary(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")

    (summary,) = lines(site.run("sync", "--locked", "--json"))

    assert (summary["type"], summary["kept"], summary["requests"]) == ("summary", 1, 0)


def test_another_directory_is_filled_when_it_is_named(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    other = site.path / "other"

    fetched = site.run("sync", "--packages", str(other))
    locked = site.run("sync", "--packages", str(other), "--locked")

    assert (fetched.code, locked.code) == (0, 0)
    assert [path.name for path in other.glob("*.whl")] == ["a-1.0-py3-none-any.whl"]
    assert "nothing has changed" in locked.out
    assert not site.packages.exists()


@pytest.mark.process
def test_resolve_is_another_question_than_what_was_proved_without_it(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b"), wheel("b", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")

    ended = site.run("sync", "--locked", "--resolve")

    assert (ended.code, len(site.files())) == (0, 2)


def test_a_file_that_fills_a_hole_is_noticed_although_nothing_else_has_changed(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")
    (site.packages / "b-1.0-py3-none-any.whl").write_bytes(wheel("b", "1.0").body)

    assert site.run("sync", "--locked").code == 0


def test_a_file_of_our_own_that_is_gone_is_a_hole_although_nothing_was_planned_for_it(site: Site) -> None:
    site.more = '[policy]\nprivate = ["acme-*"]\n'
    folder = site.packages / "acme"
    folder.mkdir(parents=True)
    ours = folder / "acme_core-1.0-py3-none-any.whl"
    ours.write_bytes(wheel("acme-core", "1.0").body)
    site.write("backend.txt", "acme-core==1.0\n")
    assert site.run("sync").code == 0

    ours.unlink()

    assert site.run("sync", "--locked").code == 1


def test_a_variable_of_a_file_in_another_encoding_is_looked_at_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.offer(wheel("a", "1.0"), wheel("a", "2.0"))
    (site.path / "backend.txt").write_bytes("a==${A_VERSION}\n".encode("utf-16"))
    monkeypatch.setenv("A_VERSION", "1.0")
    site.run("sync")
    monkeypatch.setenv("A_VERSION", "2.0")

    site.run("sync", "--locked")

    assert site.files() == ["a-1.0-py3-none-any.whl", "a-2.0-py3-none-any.whl"]

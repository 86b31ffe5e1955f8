"""A state takes over what another one of the same directories knows, and nothing is ever lost on the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pypitool.core.errors import exit_code
from pypitool.core.state_files import StateFiles
from pypitool.host import locked
from pypitool.repository.merge_states import Way, only_there, take_over
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from pypitool.repository.state import locate_state, survey
from pypitool.repository.state_errors import CannotAdopt, ForeignState, OtherState
from tests.support.imports import ROOT
from tests.support.states import EARLY, LATE, MIDDLE, decide, decided, yank
from tests.support.waiting import LONGEST
from tests.support.wheels import build_wheel

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    directory = tmp_path / "packages"
    directory.mkdir()
    return directory


@pytest.fixture
def by_hand(packages: Path) -> Path:
    """The state that a server by hand left in the directory: one file, which is yanked."""
    build_wheel(packages, "acme", "1.0")
    with Repository.open([packages], None, {}) as repository:
        scan_if_alone(repository)
    decide(packages / ".pypitool", yank("acme"))
    return packages / ".pypitool"


def as_service(tmp_path: Path) -> dict[str, str]:
    return {"STATE_DIRECTORY": str(tmp_path / "var")}


def yanks(packages: Path, environ: dict[str, str]) -> list[str | None]:
    with Repository.open([packages], None, environ) as repository:
        return [file.yanked for file in repository.catalogue.files()]


def test_a_server_that_becomes_a_service_forgets_nothing(
    packages: Path, by_hand: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = StateFiles(by_hand).facts.read_bytes()

    found = yanks(packages, as_service(tmp_path))

    new = StateFiles(tmp_path / "var")
    assert found == ["bad"]
    assert new.facts.read_bytes() == before
    assert not StateFiles(by_hand).facts.exists()
    assert StateFiles(by_hand).moved_facts.read_bytes() == before
    assert (by_hand / "state-is-in").read_text() == f"{new.directory}\n"
    assert [record.getMessage() for record in caplog.records] == [
        f"the state in {new.directory} has taken over 1 decision from {by_hand}, whose log is now "
        "facts.jsonl.moved"
    ]


def test_whoever_works_by_hand_follows_the_note_to_the_service(
    packages: Path, by_hand: Path, tmp_path: Path
) -> None:
    locate_state([packages], None, as_service(tmp_path))

    assert locate_state([packages], None, {}) == tmp_path / "var"


def test_it_may_go_back_to_where_it_was(packages: Path, by_hand: Path, tmp_path: Path) -> None:
    locate_state([packages], None, as_service(tmp_path))
    decide(tmp_path / "var", yank("acme", LATE, undo=True))

    assert locate_state([packages], by_hand, {}) == by_hand

    assert yanks(packages, {}) == [None]
    assert locate_state([packages], None, {}) == by_hand
    assert not StateFiles(tmp_path / "var").facts.exists()
    assert yanks(packages, as_service(tmp_path)) == [None]


def test_a_state_that_nobody_looked_after_is_adopted_without_a_catalogue(
    packages: Path, by_hand: Path, tmp_path: Path
) -> None:
    StateFiles(by_hand).catalogue.write_bytes(b"nonsense" * 1024)

    with Repository.open([packages], None, as_service(tmp_path)) as repository:
        scan_if_alone(repository)

    assert yanks(packages, as_service(tmp_path)) == ["bad"]


def test_what_else_is_known_comes_along(packages: Path, by_hand: Path, tmp_path: Path) -> None:
    (by_hand / "downloads").mkdir()
    (by_hand / "downloads" / "2026-01-01.jsonl").write_text("{}\n")

    locate_state([packages], None, as_service(tmp_path))

    assert (tmp_path / "var" / "downloads" / "2026-01-01.jsonl").read_text() == "{}\n"


@pytest.mark.parametrize("lock", ["keeper.lock", "server.lock"])
def test_a_state_that_is_in_use_is_refused_and_nothing_is_made(
    packages: Path, by_hand: Path, tmp_path: Path, lock: str
) -> None:
    with locked(by_hand / lock, 0o640), pytest.raises(OtherState) as caught:
        locate_state([packages], None, as_service(tmp_path))

    assert "a server or a keeper is at work with it" in str(caught.value)
    assert str(by_hand) in str(caught.value)
    assert f"`sudo pypitool state adopt {by_hand} --state {tmp_path}/var" in str(caught.value.hint)
    assert exit_code(caught.value) == 8
    assert not (tmp_path / "var").exists()
    assert decided(by_hand) == [("yank", "acme", EARLY)]


def test_a_copy_that_fails_is_refused_and_nothing_is_left(
    packages: Path, by_hand: Path, tmp_path: Path
) -> None:
    (by_hand / "downloads").mkdir()
    (by_hand / "downloads" / "2026-01-01.jsonl").symlink_to("/etc/passwd")

    with pytest.raises(OtherState):
        locate_state([packages], None, as_service(tmp_path))

    assert not (tmp_path / "var").exists()
    assert decided(by_hand) == [("yank", "acme", EARLY)]


def test_a_log_of_a_newer_version_is_refused(packages: Path, by_hand: Path, tmp_path: Path) -> None:
    StateFiles(by_hand).facts.write_text('{"v":2,"what":"yank","who":"user:ann"}\n')

    with pytest.raises(OtherState, match="written by a newer pypitool"):
        locate_state([packages], None, as_service(tmp_path))

    assert not (tmp_path / "var").exists()


@pytest.mark.process
@needs_root
def test_a_state_that_the_service_cannot_read_is_refused(
    packages: Path, by_hand: Path, tmp_path: Path
) -> None:
    for parent in packages.parents:
        if parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    packages.chmod(0o755)
    by_hand.chmod(0o700)
    service = tmp_path / "var"
    service.mkdir()
    os.chown(service, 65534, 65534)
    script = (
        "import os, sys; from pathlib import Path; from pypitool.repository.state import locate_state\n"
        "from pypitool.core.errors import PypitoolError\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: print(locate_state([Path(sys.argv[1])], Path(sys.argv[2]), {}))\n"
        "except PypitoolError as error: print(error)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script, str(packages), str(service)], cwd=ROOT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip

    assert "cannot take it over: it cannot be read" in ended.stdout
    assert list(service.iterdir()) == []


@needs_root
def test_what_root_adopts_belongs_to_the_owner_of_the_state(
    packages: Path, by_hand: Path, tmp_path: Path
) -> None:
    service = tmp_path / "var"
    service.mkdir()
    os.chown(service, 65534, 65534)

    take_over(by_hand, [packages], service, {})

    assert {(path.name, path.lstat().st_uid) for path in service.iterdir()} == {
        (path.name, 65534) for path in service.iterdir()
    }


@needs_root
def test_root_means_the_service_where_a_shell_would_not(
    packages: Path, by_hand: Path, tmp_path: Path
) -> None:
    service = tmp_path / "var"
    service.mkdir()

    taken = take_over(by_hand, [packages], None, {}, service=service)

    assert (taken.state, taken.way) == (service, Way.COPIED)
    assert decided(service) == [("yank", "acme", EARLY)]
    assert locate_state([packages], None, {}) == service


@needs_root
def test_root_follows_no_link_of_the_other_state(packages: Path, by_hand: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"v":1,"what":"yank","who":"root"}\n')
    StateFiles(by_hand).facts.unlink()
    StateFiles(by_hand).facts.symlink_to(secret)

    with pytest.raises(OtherState):
        locate_state([packages], None, as_service(tmp_path))

    assert not (tmp_path / "var").exists()


@pytest.mark.process
def test_an_adoption_that_is_killed_at_any_step_leaves_the_old_or_the_new_whole(
    packages: Path, by_hand: Path, tmp_path: Path
) -> None:
    (by_hand / "downloads").mkdir()
    (by_hand / "downloads" / "2026-01-01.jsonl").write_text("{}\n")
    (tmp_path / "whole").mkdir()
    packages.rename(tmp_path / "whole" / "packages")

    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_adoption", str(tmp_path)], cwd=ROOT, capture_output=True,
        text=True, check=True, timeout=2 * LONGEST,
    )  # fmt: skip

    *faults, steps = ended.stdout.splitlines()
    assert faults == []
    assert int(steps.split()[0]) > 30


def test_where_both_have_facts_the_own_ones_count_and_the_others_are_named(
    packages: Path, by_hand: Path, tmp_path: Path
) -> None:
    decide(tmp_path / "var", yank("other", MIDDLE))

    found = survey([packages], None, as_service(tmp_path))

    assert locate_state([packages], None, as_service(tmp_path)) == tmp_path / "var"
    assert decided(tmp_path / "var") == [("yank", "other", MIDDLE)]
    assert only_there(found) == "yank acme-1.0-py3-none-any.whl"


def test_what_only_the_other_one_decided_is_appended(packages: Path, by_hand: Path, tmp_path: Path) -> None:
    state = tmp_path / "var"
    decide(state, yank("acme", MIDDLE, undo=True))
    decide(by_hand, yank("acme", LATE))

    taken = take_over(by_hand, [packages], state, {})

    assert (taken.way, len(taken.lines)) == (Way.APPENDED, 2)
    assert decided(state) == [
        ("unyank", "acme", MIDDLE),
        ("yank", "acme", EARLY),
        ("unyank", "acme", MIDDLE),
        ("yank", "acme", LATE),
    ]
    assert not StateFiles(by_hand).facts.exists()
    assert only_there(survey([packages], state, {})) == ""


def test_a_dry_run_changes_nothing(packages: Path, by_hand: Path, tmp_path: Path) -> None:
    state = tmp_path / "var"
    decide(state, yank("other", MIDDLE))

    taken = take_over(by_hand, [packages], state, {}, dry_run=True)

    assert len(taken.lines) == 1
    assert decided(state) == [("yank", "other", MIDDLE)]
    assert decided(by_hand) == [("yank", "acme", EARLY)]


def test_nothing_is_appended_twice(packages: Path, by_hand: Path, tmp_path: Path) -> None:
    state = tmp_path / "var"
    decide(state, yank("other", MIDDLE))
    copy = StateFiles(by_hand).facts.read_bytes()
    take_over(by_hand, [packages], state, {})
    StateFiles(by_hand).facts.write_bytes(copy)  # as if it had been killed before it was set aside

    assert take_over(by_hand, [packages], state, {}).lines == []
    assert not StateFiles(by_hand).facts.exists()


def test_a_state_of_other_directories_is_not_taken_over(
    packages: Path, by_hand: Path, tmp_path: Path
) -> None:
    others = tmp_path / "others"
    others.mkdir()
    decide(locate_state([others], tmp_path / "their", {}), yank("acme", LATE))

    with pytest.raises(ForeignState):
        take_over(tmp_path / "their", [packages], None, {})


def test_a_state_without_facts_is_nothing_to_take_over(packages: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotAdopt, match="nothing was decided there"):
        take_over(tmp_path / "nowhere", [packages], tmp_path / "var", {})

    assert not (tmp_path / "var").exists()


def test_a_state_takes_other_directories_where_somebody_says_so(packages: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    state = locate_state([before], tmp_path / "var", {})
    decide(state, yank("acme"))
    build_wheel(packages, "acme", "1.0")

    assert take_over(state, [packages], state, {}).way is Way.KEPT

    with Repository.open([packages], state, {}) as repository:
        scan_if_alone(repository)
        assert [file.yanked for file in repository.catalogue.files()] == ["bad"]

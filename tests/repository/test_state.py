"""Where the state lives, and to which directories it belongs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pypitool.core.errors import exit_code
from pypitool.core.fact import Fact, What
from pypitool.core.state_choice import Relation
from pypitool.core.state_files import StateFiles
from pypitool.host import hand_over, locked
from pypitool.repository.state import find_state, locate_state
from pypitool.repository.state_errors import (
    ForeignState,
    PackagesMissing,
    StateLost,
    StateTwice,
    StateUnusable,
)
from pypitool.repository.state_owner import relation_of
from tests.support.disks import make_read_only, mounted_disk
from tests.support.imports import ROOT
from tests.support.states import ANN, decide, yank

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    directory = tmp_path / "packages"
    directory.mkdir()
    return directory


@pytest.fixture
def more(tmp_path: Path) -> Path:
    directory = tmp_path / "more"
    directory.mkdir()
    return directory


def test_the_state_is_in_the_first_directory_by_default(packages: Path, more: Path) -> None:
    state = locate_state([packages, more], None, {})

    assert state == packages / ".pypitool"
    assert state.is_dir()
    assert [path.name for path in (more / ".pypitool").iterdir()] == ["id"]


def test_the_state_directory_of_the_unit_comes_before_the_default(packages: Path, tmp_path: Path) -> None:
    environ = {"STATE_DIRECTORY": f"{tmp_path}/state:{tmp_path}/other"}

    assert locate_state([packages], None, environ) == tmp_path / "state"


def test_an_explicit_state_comes_before_everything(packages: Path, tmp_path: Path) -> None:
    environ = {"STATE_DIRECTORY": f"{tmp_path}/state"}

    state = locate_state([packages], tmp_path / "mine" / "deep", environ)

    assert state == tmp_path / "mine" / "deep"
    assert not (packages / ".pypitool" / "roots.json").exists()


def test_the_state_is_not_for_everybody(packages: Path) -> None:
    assert locate_state([packages], None, {}).stat().st_mode & 0o007 == 0


def test_a_missing_package_directory_is_named(packages: Path, tmp_path: Path) -> None:
    with pytest.raises(PackagesMissing, match=r"the package directory .*/nowhere does not exist") as caught:
        locate_state([packages, tmp_path / "nowhere"], None, {})

    assert exit_code(caught.value) == 8
    assert not (packages / ".pypitool").exists()


def test_the_same_directories_are_welcome_again(packages: Path, more: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(more)

    first = locate_state([packages, more], None, {})

    assert locate_state([packages, link], None, {}) == first


@pytest.mark.parametrize(
    "choose",
    [lambda a, b: [b, a], lambda a, b: [a], lambda a, b: [b]],
    ids=["another order", "one less", "another one"],
)
def test_other_directories_are_refused_with_both_lists(
    packages: Path, more: Path, tmp_path: Path, choose: Callable[[Path, Path], list[Path]]
) -> None:
    state = locate_state([packages, more], tmp_path / "state", {})
    decide(state, yank("acme"))
    asked = choose(packages, more)

    with pytest.raises(ForeignState) as caught:
        locate_state(asked, state, {})

    names = ", ".join(map(str, asked))
    assert str(caught.value) == f"the state in {state} belongs to {packages}, {more}, not to {names}"
    assert "--state DIR" in str(caught.value.hint)
    assert exit_code(caught.value) == 8


def test_a_directory_moves_with_the_state_in_it(packages: Path, tmp_path: Path) -> None:
    locate_state([packages], None, {})
    moved = packages.rename(tmp_path / "moved")

    assert locate_state([moved], None, {}) == moved / ".pypitool"


def test_a_state_without_facts_takes_other_directories(packages: Path, more: Path, tmp_path: Path) -> None:
    state = locate_state([packages], tmp_path / "state", {})

    assert locate_state([more], state, {}) == state
    assert check(state, more)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"roots": 1}', '{"roots": [1]}'])
def test_an_unreadable_record_is_named(packages: Path, text: str) -> None:
    state = locate_state([packages], None, {})
    (state / "roots.json").write_text(text)

    with pytest.raises(StateUnusable, match=r"`roots\.json` cannot be read"):
        locate_state([packages], None, {})


def test_the_record_is_readable_by_people(packages: Path, more: Path) -> None:
    state = locate_state([packages, more], None, {})

    marks = [(root / ".pypitool" / "id").read_text().strip() for root in (packages, more)]
    assert json.loads((state / "roots.json").read_text()) == {"roots": ["..", str(more)], "marks": marks}


def test_a_file_in_the_place_of_the_state_is_named(packages: Path) -> None:
    (packages / ".pypitool").write_text("")

    with pytest.raises(StateUnusable, match="cannot keep the state in") as caught:
        locate_state([packages], None, {})

    assert exit_code(caught.value) == 8


def test_a_read_only_directory_is_refused_with_the_sentence_that_names_the_flag(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "disk", megabytes=1) as disk:
        make_read_only(disk)

        with pytest.raises(StateUnusable, match="Read-only file system") as caught:
            locate_state([disk], None, {})

        assert "`--state DIR`" in str(caught.value.hint)
        assert locate_state([disk], tmp_path / "state", {}) == tmp_path / "state"


def locate_as_nobody(root: Path) -> subprocess.CompletedProcess[str]:
    script = (
        "import os, sys; from pathlib import Path; import pypitool.repository.state as state\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: print(state.locate_state([Path(sys.argv[1])], None, {}))\n"
        "except state.StateUnusable as error: print(error)"
    )
    command = [sys.executable, "-c", script, str(root)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


def open_to_all(directory: Path) -> None:
    for parent in directory.parents:
        if parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    directory.chmod(0o777)


@pytest.mark.process
@needs_root
def test_a_directory_of_another_user_is_refused_without_a_state(packages: Path) -> None:
    open_to_all(packages)

    answer = locate_as_nobody(packages).stdout

    assert "belongs to another user (number 0)" in answer
    assert list(packages.iterdir()) == []


@pytest.mark.process
@needs_root
def test_a_directory_of_another_user_is_welcome_with_a_state_in_it(packages: Path) -> None:
    open_to_all(packages)
    (packages / ".pypitool").mkdir()
    (packages / ".pypitool").chmod(0o777)

    assert locate_as_nobody(packages).stdout.strip() == str(packages / ".pypitool")


@needs_root
def test_what_root_makes_belongs_to_the_owner_of_the_directory(packages: Path) -> None:
    os.chown(packages, 65534, 65534)

    state = locate_state([packages], None, {})

    assert {(found.stat().st_uid, found.stat().st_gid) for found in (state, state / "roots.json")} == {
        (65534, 65534)
    }


def test_handing_over_ones_own_file_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    before = file.stat().st_uid

    hand_over(file)

    assert file.stat().st_uid == before


def test_a_state_elsewhere_is_found_without_being_named_again(tmp_path: Path) -> None:
    root, state = tmp_path / "packages", tmp_path / "state"
    root.mkdir()
    locate_state([root], environ={"STATE_DIRECTORY": str(state)})

    assert locate_state([root], environ={}) == state


def test_a_note_that_leads_nowhere_is_refused_and_never_a_new_state(tmp_path: Path) -> None:
    root, state = tmp_path / "packages", tmp_path / "state"
    root.mkdir()
    locate_state([root], state, {})
    shutil.rmtree(state)

    for look in (locate_state, find_state):
        with pytest.raises(StateLost, match="there is none") as caught:
            look([root], environ={})
        assert exit_code(caught.value) == 8

    assert not (root / ".pypitool" / "roots.json").exists()


def test_a_state_that_is_named_may_have_moved_although_the_note_does_not_know(tmp_path: Path) -> None:
    root, state = tmp_path / "packages", tmp_path / "state"
    root.mkdir()
    decide(locate_state([root], state, {}), yank("acme"))
    moved = state.rename(tmp_path / "moved")

    assert locate_state([root], moved, {}) == moved
    assert locate_state([root], environ={}) == moved


def test_a_directory_that_is_mounted_elsewhere_is_known_by_its_mark(packages: Path, tmp_path: Path) -> None:
    state = locate_state([packages], tmp_path / "state", {})
    decide(state, yank("acme"))
    moved = packages.rename(tmp_path / "moved")

    assert locate_state([moved], state, {}) == state
    assert locate_state([moved], environ={}) == state
    assert check(state, moved)


def test_a_copy_beside_the_directory_is_refused(packages: Path, tmp_path: Path) -> None:
    state = locate_state([packages], tmp_path / "state", {})
    copy = tmp_path / "copy"
    shutil.copytree(packages, copy)

    with pytest.raises(StateTwice, match=f"of which {copy} is a copy") as caught:
        locate_state([copy], environ={})

    assert exit_code(caught.value) == 8
    assert not (copy / ".pypitool" / "roots.json").exists()
    assert check(state, packages)


def test_a_copy_of_a_directory_with_its_state_in_it_is_its_own(packages: Path, tmp_path: Path) -> None:
    decide(locate_state([packages], None, {}), yank("acme"))
    copy = tmp_path / "copy"
    shutil.copytree(packages, copy)

    assert locate_state([copy], None, {}) == copy / ".pypitool"


def test_another_directory_in_the_place_of_one_is_refused(packages: Path, more: Path, tmp_path: Path) -> None:
    state = locate_state([packages], tmp_path / "state", {})
    decide(state, yank("acme"))
    locate_state([more], tmp_path / "other", {})
    packages.rename(tmp_path / "away")
    more.rename(packages)

    with pytest.raises(ForeignState):
        locate_state([packages], state, {})


def test_a_state_of_before_there_were_marks_gets_them(packages: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    decide(state, yank("acme"))
    (state / "roots.json").write_text(json.dumps({"roots": [str(packages)]}))

    locate_state([packages], state, {})

    assert check(state, packages.rename(tmp_path / "moved"))


def test_the_service_without_a_configuration_takes_the_directory_that_is_named_later(
    packages: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    automatic = state / "packages"
    automatic.mkdir(parents=True)
    locate_state([automatic], state, {})
    decide(state, Fact(What.RULES, ANN, details={"digest": "12"}))

    assert locate_state([packages], state, {}) == state
    assert check(state, packages)


def test_a_state_is_not_taken_from_a_server_although_nobody_has_decided_anything(
    packages: Path, more: Path, tmp_path: Path
) -> None:
    state = locate_state([packages], tmp_path / "state", {})

    with locked(state / "server.lock", 0o640), pytest.raises(ForeignState):
        locate_state([more], state, {})

    assert check(state, packages)


def test_who_looks_takes_no_state_away(packages: Path, more: Path, tmp_path: Path) -> None:
    state = locate_state([packages], tmp_path / "state", {})

    assert find_state([more], state, {}) is None
    assert check(state, packages)


def test_who_looks_makes_nothing(packages: Path, tmp_path: Path) -> None:
    assert find_state([packages], tmp_path / "state", {}) is None
    assert find_state([packages], None, {}) is None

    assert list(packages.iterdir()) == []
    assert not (tmp_path / "state").exists()


def check(state: Path, *roots: Path) -> bool:
    """Whether a state belongs to these directories."""
    return relation_of(StateFiles(state), roots) is Relation.OURS


def test_a_state_elsewhere_of_other_directories_is_not_followed(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    locate_state([first, second], tmp_path / "state", {})

    assert locate_state([first], environ={}) == first / ".pypitool"


def linked_state(packages: Path, *, owner: int, target_owner: int) -> Path:
    """Give the packages to a user who has put a link where their state is, and return where it leads."""
    target = packages.parent / "elsewhere"
    target.mkdir()
    os.chown(target, target_owner, target_owner)
    link = StateFiles(packages / ".pypitool").directory
    link.symlink_to(target)
    os.chown(link, owner, owner, follow_symlinks=False)
    os.chown(packages, owner, owner)
    return target


@needs_root
def test_root_follows_no_link_of_a_user_to_a_state_that_is_not_theirs(packages: Path) -> None:
    target = linked_state(packages, owner=65534, target_owner=0)

    for look in (locate_state, find_state):
        with pytest.raises(StateUnusable, match="it is a link of another user"):
            look([packages], environ={})

    assert list(target.iterdir()) == []


@needs_root
@pytest.mark.parametrize(("owner", "target_owner"), [(0, 65534), (65534, 65534)])
def test_links_of_root_and_to_what_is_the_users_own_are_followed(
    packages: Path, owner: int, target_owner: int
) -> None:
    target = linked_state(packages, owner=owner, target_owner=target_owner)

    locate_state([packages], environ={})

    assert StateFiles(target).roots.exists()


def test_one_more_directory_does_not_begin_a_state_that_forgets(
    packages: Path, more: Path, tmp_path: Path
) -> None:
    by_hand = locate_state([packages], None, {})
    decide(by_hand, yank("acme"))
    unit = tmp_path / "var"

    with pytest.raises(ForeignState) as caught:
        locate_state([packages, more], None, {"STATE_DIRECTORY": str(unit)})

    packages_given = f"--packages {packages} --packages {more}"
    assert f"`pypitool state adopt {by_hand} --state {by_hand} {packages_given}`" in str(caught.value.hint)
    assert not unit.exists()


def test_another_directory_at_the_same_place_is_said_to_be_one(packages: Path, tmp_path: Path) -> None:
    state = locate_state([packages], tmp_path / "state", {})
    decide(state, yank("acme"))
    (packages / ".pypitool" / "id").write_text(f"{'1' * 32}\n")

    with pytest.raises(ForeignState, match="another directory is there now"):
        locate_state([packages], state, {})

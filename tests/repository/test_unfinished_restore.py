"""A restore that is killed is before or after, never between, and leaves nothing behind."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import pytest

from pypitool.core.fact import Actor
from pypitool.core.state_files import StateFiles
from pypitool.repository.backup import backup
from pypitool.repository.releases import unyank, yank
from pypitool.repository.repository import Repository
from pypitool.repository.tokens import TokenRequest, create, find, revoke
from pypitool.repository.unfinished_restore import finish_restore, scratch_folder
from tests.support.repositories import open_repository, publish_wheel
from tests.support.restorer import killed

ROOT = Actor("local:root", means="local")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A backup; what was decided after it is a yank that was taken back, and a token that was revoked."""
    file = tmp_path / "backup.tar"
    with open_repository(tmp_path) as repository:
        publish_wheel(repository, "acme", "1.0")
        yank(repository, "acme", "1.0", "broken", ROOT)
        create(repository, TokenRequest("ci", ("*",), ("upload",)), ROOT)
        backup(repository.state, file)
        unyank(repository, "acme", "1.0", ROOT)
        revoke(repository, find(repository, "ci"), ROOT)
        repository.activity.note_failure("10.0.0.7", "deploy")
    return file


BEFORE = (None, False, ["upload", "yank", "token-create", "unyank", "token-revoke"])
AFTER = ("broken", True, ["upload", "yank", "token-create"])


def standing(repository: Repository) -> tuple[str | None, bool, list[str]]:
    """The yank, whether the token is alive, and what is on record."""
    (file,) = repository.catalogue.files()
    (token,) = repository.catalogue.tokens()
    return file.yanked, token.revoked is None, [fact.what for fact in repository.facts.replay()]


def left_over(state: Path) -> list[str]:
    return [path.name for path in state.iterdir() if "backup-" in path.name or "restoring" in path.name]


@pytest.mark.process
def test_a_restore_that_is_killed_at_any_step_is_finished_or_undone_by_the_next_opening(
    tmp_path: Path, saved: Path
) -> None:
    shutil.copytree(tmp_path / "state", tmp_path / "as it was")
    found = []

    for number in count():
        shutil.rmtree(tmp_path / "state")
        shutil.copytree(tmp_path / "as it was", tmp_path / "state")
        was_killed = killed(saved, tmp_path / "state", number)
        with open_repository(tmp_path) as repository:
            found.append(standing(repository))
            assert left_over(repository.state) == []
            assert len(list(repository.state.glob("facts.jsonl.replaced-*"))) == (found[-1] == AFTER)
        if not was_killed:
            break

    turn = found.index(AFTER)
    assert found == [BEFORE] * turn + [AFTER] * (len(found) - turn)
    assert 0 < turn < len(found) - 4


def test_copies_that_were_left_are_swept_in_the_state_and_beside_the_tar(tmp_path: Path, saved: Path) -> None:
    beside = tmp_path / "tars"
    for place in (tmp_path / "state", beside):
        (place / ".backup-dead").mkdir(parents=True)
        (place / ".backup-dead" / "catalogue.sqlite").write_bytes(b"a copy")

    with open_repository(tmp_path) as repository:
        backup(repository.state, beside / "again.tar")

    assert left_over(tmp_path / "state") == []
    assert [path.name for path in beside.iterdir()] == ["again.tar"]


def test_what_somebody_is_writing_is_not_swept(tmp_path: Path, saved: Path) -> None:
    with scratch_folder(tmp_path / "state") as folder:
        (folder / "file").write_bytes(b"x")

        open_repository(tmp_path).close()

        assert (folder / "file").exists()
    assert not folder.exists()


def test_nothing_but_a_folder_of_the_state_is_moved(tmp_path: Path, saved: Path) -> None:
    files = StateFiles(tmp_path / "state")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "facts.jsonl").write_bytes(b"{}\n")
    for note in (b'{"folder": "../elsewhere"}', b'{"folder": ".backup-/../../elsewhere"}', b"[]", b"\xff"):
        files.restoring.write_bytes(note)

        assert finish_restore(files)

    with open_repository(tmp_path) as repository:
        assert standing(repository) == BEFORE


@pytest.mark.process
def test_a_running_keeper_finishes_it_too(tmp_path: Path, saved: Path) -> None:
    with open_repository(tmp_path) as running:
        assert not running.tidy()
        assert killed_with_a_note(saved, running.files)

        assert running.tidy()

        assert standing(running)[2] == AFTER[2]
        assert not running.tidy()


def killed_with_a_note(file: Path, files: StateFiles) -> bool:
    """Leave what a restore leaves that is killed when it has written its note."""
    numbers = (number for number in count() if killed(file, files.directory, number))
    return any(files.restoring.exists() for _ in numbers)

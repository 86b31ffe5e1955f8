from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.mirror.workspace import Workspace, open_read_only
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from pypitool.repository.state_errors import ForeignState
from tests.support.offers import copy_in, upload, wheel


def names(workspace: Workspace) -> list[str]:
    with open_read_only(workspace) as repository:
        return sorted(file.filename for file in repository.catalogue.files())


def trace(directory: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*")}


def test_a_directory_without_a_state_is_read_and_gets_none(tmp_path: Path) -> None:
    copy_in(tmp_path, wheel("a", "1.0"))
    before = trace(tmp_path)

    assert names(Workspace((tmp_path,))) == ["a-1.0-py3-none-any.whl"]
    assert trace(tmp_path) == before


def test_a_known_directory_is_seen_as_it_is_now_and_left_as_it_was(tmp_path: Path) -> None:
    upload(tmp_path, wheel("a", "1.0"))
    copy_in(tmp_path, wheel("b", "1.0"))
    before = trace(tmp_path)

    assert names(Workspace((tmp_path,))) == ["a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl"]
    assert trace(tmp_path) == before


def test_what_people_decided_is_known_there(tmp_path: Path) -> None:
    upload(tmp_path, wheel("a", "1.0"))

    with open_read_only(Workspace((tmp_path,))) as repository:
        (file,) = repository.catalogue.files()

    assert file.origin.detail == "user:deploy"


def test_what_another_process_has_just_committed_is_seen(tmp_path: Path) -> None:
    upload(tmp_path, wheel("a", "1.0"))
    with Repository.open([tmp_path], environ={}) as writer:
        copy_in(tmp_path, wheel("b", "1.0"))
        scan_if_alone(writer)

        assert names(Workspace((tmp_path,))) == ["a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl"]


def test_a_damaged_catalogue_costs_a_walk_and_stays_as_it_is(tmp_path: Path) -> None:
    upload(tmp_path, wheel("a", "1.0"))
    catalogue = tmp_path / ".pypitool" / "catalogue.sqlite"
    catalogue.write_bytes(b"no database at all" * 100)

    assert names(Workspace((tmp_path,))) == ["a-1.0-py3-none-any.whl"]
    assert catalogue.read_bytes().startswith(b"no database")


def test_the_state_of_other_directories_is_refused(tmp_path: Path) -> None:
    upload(tmp_path / "one", wheel("a", "1.0"))
    (tmp_path / "two").mkdir()

    with pytest.raises(ForeignState):
        names(Workspace((tmp_path / "two",), tmp_path / "one" / ".pypitool"))

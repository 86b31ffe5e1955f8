from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pypitool.__main__ import main
from tests.cli.conftest import Run
from tests.support.wheels import build_wheel


def test_projects_are_listed_with_their_latest_release(run: Run) -> None:
    ended = run("list")

    assert (ended.code, ended.err) == (0, "")
    assert ended.rows == [["acme-core", "1.1", "3", "4"], ["other", "0.1", "1", "1"]]


def test_projects_are_listed_as_json(run: Run) -> None:
    projects = run("list", "--json").document["projects"]

    assert [(one["name"], one["latest"], one["releases"], one["files"]) for one in projects] == [
        ("acme-core", "1.1", 3, 4),
        ("other", "0.1", 1, 1),
    ]


def test_files_of_a_project_are_listed_by_any_spelling_of_its_name(run: Run) -> None:
    ended = run("list", "Acme.Core")

    assert [row[0] for row in ended.rows] == [
        "acme_core-2.0b1-py3-none-any.whl",
        "acme_core-1.1-py3-none-any.whl",
        "acme_core-1.0-py3-none-any.whl",
        "acme_core-1.0.tar.gz",
    ]


def test_an_unknown_project_ends_with_5(run: Run) -> None:
    ended = run("list", "nobody", "--json")

    assert ended.code == 5
    assert ended.error["kind"] == "not_found"
    assert ended.error["message"] == "there is no project `nobody`"


def test_a_file_that_was_copied_in_a_moment_ago_is_listed(run: Run, packages: Path) -> None:
    run("list")
    build_wheel(packages, "late", "1.0")

    assert ["late", "1.0", "1", "1"] in run("list").rows


def test_a_broken_file_is_named_and_not_listed(run: Run, packages: Path) -> None:
    (packages / "broken-1.0.tar.gz").write_bytes(b"nonsense")

    ended = run("list")

    assert ended.code == 0
    assert [row[0] for row in ended.rows] == ["acme-core", "other"]
    assert ended.err.startswith("warning: broken-1.0.tar.gz is not listed: ")


def test_several_directories_are_one_index(run: Run, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    build_wheel(second, "more", "3.0")

    ended = run("list", "--state", str(tmp_path / "state"), "--packages", str(second))

    assert [row[0] for row in ended.rows] == ["acme-core", "more", "other"]


@pytest.mark.process
def test_a_missing_directory_is_a_sentence_with_exit_code_8(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pypitool", "list", "--packages", str(tmp_path / "none")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode == 8
    assert ended.stderr.startswith(f"error: the package directory {tmp_path}/none does not exist\n")
    assert "Traceback" not in ended.stderr


def test_the_configuration_says_where_the_packages_are(packages: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[server]\npackages = 'packages'\n")

    assert main(["list", "--config", str(file)]) == 0


def test_show_prints_a_project_and_its_releases(run: Run) -> None:
    ended = run("show", "acme_core")

    lines = [line.split(maxsplit=1) for line in ended.out.splitlines()]
    assert lines[:3] == [["project", "acme-core"], ["status", "active"], ["latest", "1.1"]]
    assert [line[0] for line in lines[3:]] == ["2.0b1", "1.1", "1.0"]


def test_show_prints_a_release_with_its_metadata(run: Run) -> None:
    ended = run("show", "other", "0.1.0")

    lines = [line.split(maxsplit=1) for line in ended.out.splitlines()]
    assert ["project", "other 0.1"] in lines
    assert ["requires-python", ">=3.9"] in lines


def test_show_has_a_json_form(run: Run) -> None:
    document = run("show", "acme-core", "1.0", "--json").document

    assert (document["project"], document["version"], document["yanked"]) == ("acme-core", "1.0", False)
    assert [file["type"] for file in document["files"]] == ["bdist_wheel", "sdist"]
    assert document["metadata"]["summary"]


def test_show_of_an_unknown_release_ends_with_5(run: Run) -> None:
    ended = run("show", "acme-core", "9")

    assert ended.code == 5
    assert "there is no release 9 of `acme-core`" in ended.err
    assert "`pypitool list acme-core` shows what is held" in ended.err

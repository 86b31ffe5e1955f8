from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pypitool.cli.commands.yank import STATUSES
from pypitool.core.model import ProjectStatus
from pypitool.repository.repository import Repository
from tests.cli.conftest import Run
from tests.support.repositories import publish_wheel
from tests.support.waiting import LONGEST
from tests.support.wheels import build_wheel

WHEEL = "acme_core-1.0-py3-none-any.whl"
SDIST = "acme_core-1.0.tar.gz"


def test_a_release_is_yanked_with_a_reason(run: Run) -> None:
    ended = run("yank", "Acme-Core", "1.0.0", "--reason", "it is broken")

    assert ended.code == 0
    assert ended.err == f"yanked {WHEEL}\nyanked {SDIST}\n"
    files = run("show", "acme-core", "1.0", "--json").document["files"]
    assert [file["yanked"] for file in files] == ["it is broken", "it is broken"]


def test_a_yank_is_told_in_json(run: Run) -> None:
    assert run("yank", "acme-core", "1.0", "--json").document == {
        "project": "acme-core",
        "changed": [WHEEL, SDIST],
        "unchanged": [],
    }
    assert run("yank", "acme-core", "1.0", "--json").document == {
        "project": "acme-core",
        "changed": [],
        "unchanged": [WHEEL, SDIST],
    }


def test_a_second_yank_changes_the_reason(run: Run) -> None:
    run("yank", "acme-core", "1.0")

    run("yank", "acme-core", "1.0", "--reason", "now we know")

    assert run("show", "acme-core", "1.0", "--json").document["files"][0]["yanked"] == "now we know"


def test_a_yanked_release_is_not_the_latest(run: Run) -> None:
    run("yank", "acme-core", "1.1")

    assert run("list", "--json").document["projects"][0]["latest"] == "1.0"


def test_a_yank_is_taken_back(run: Run) -> None:
    run("yank", "acme-core", "1.1")

    ended = run("unyank", "acme-core", "1.1")

    assert (ended.code, ended.err) == (0, "unyanked acme_core-1.1-py3-none-any.whl\n")
    assert run("list", "--json").document["projects"][0]["latest"] == "1.1"


@pytest.mark.parametrize("command", ["yank", "unyank"])
@pytest.mark.parametrize("words", [("nobody", "1"), ("acme-core", "9")])
def test_what_is_not_held_ends_with_5(run: Run, command: str, words: tuple[str, str]) -> None:
    assert run(command, *words).code == 5


def test_quiet_says_nothing(run: Run) -> None:
    ended = run("-q", "yank", "acme-core", "1.0")

    assert (ended.out, ended.err) == ("", "")


def test_a_release_is_deleted_from_the_directory(run: Run, packages: Path) -> None:
    ended = run("delete", "acme-core", "1.0", "--yes")

    assert ended.code == 0
    assert ended.out == f"delete {WHEEL}\ndelete {SDIST}\n"
    assert ended.err == "deleted 2 files of acme-core\n"
    assert not (packages / WHEEL).exists()
    assert not (packages / SDIST).exists()
    assert [row[0] for row in run("list", "acme-core").rows] == [
        "acme_core-2.0b1-py3-none-any.whl",
        "acme_core-1.1-py3-none-any.whl",
    ]


def test_one_file_is_deleted(run: Run, packages: Path) -> None:
    ended = run("delete", "acme-core", "--file", SDIST, "--yes", "--json")

    assert ended.document["deleted"] == [SDIST]
    assert (packages / WHEEL).exists()


def test_a_project_is_deleted(run: Run) -> None:
    run("delete", "other", "-y")

    assert run("list").rows == [["acme-core", "1.1", "3", "4"]]


def test_a_dry_run_prints_the_same_plan_and_deletes_nothing(run: Run, packages: Path) -> None:
    dry = run("delete", "acme-core", "1.0", "--dry-run")
    assert (dry.code, dry.err) == (0, "")
    assert (packages / WHEEL).exists()

    assert run("delete", "acme-core", "1.0", "--yes").out == dry.out


def test_without_a_terminal_and_without_yes_nothing_is_deleted(
    run: Run, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        ended = run("delete", "acme-core", "1.0", "--json")

    assert ended.code == 2
    assert ended.error["message"] == "nothing is deleted without being asked for"
    assert "`--yes`" in ended.error["hint"]
    assert (packages / WHEEL).exists()


@pytest.mark.parametrize(("words", "code"), [(("nobody",), 5), (("acme-core", "9"), 5), ((), 2)])
def test_a_deletion_of_nothing_fails(run: Run, words: tuple[str, ...], code: int) -> None:
    assert run("delete", *words, "--yes").code == code


def test_an_unknown_file_ends_with_5(run: Run) -> None:
    ended = run("delete", "acme-core", "--file", "acme_core-9.tar.gz", "--yes")

    assert ended.code == 5
    assert "there is no file `acme_core-9.tar.gz` of `acme-core`" in ended.err


@pytest.mark.process
@pytest.mark.parametrize(("answer", "code", "is_there"), [("y", 0, False), ("n", 1, True), ("", 1, True)])
def test_on_a_terminal_one_is_asked(
    packages: Path, clean_environment: dict[str, str], answer: str, code: int, is_there: bool
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pypitool", "delete", "acme-core", "1.0", "--packages", str(packages)]

    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=clean_environment, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 1024)
    os.write(ours, f"{answer}\n".encode())

    assert process.wait(LONGEST) == code
    assert (packages / WHEEL).exists() == is_there
    assert b"Delete 2 files of acme-core?" in shown
    os.close(ours)


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_is_set(run: Run, status: str) -> None:
    ended = run("status", "acme-core", status, "--reason", "because", "--json")

    assert ended.document == {"project": "acme-core", "status": status, "reason": "because"}
    shown = run("show", "acme-core", "--json").document
    assert (shown["status"], shown["reason"]) == (status, "because")


def test_statuses_are_those_of_the_model() -> None:
    assert set(STATUSES) == {status.value for status in ProjectStatus}


def test_the_same_status_again_is_no_error(run: Run) -> None:
    assert run("status", "other", "archived").err == "other is archived\n"
    assert run("status", "other", "archived").err == "other is archived already\n"


def test_an_unknown_status_is_wrong_usage(run: Run) -> None:
    assert run("status", "other", "forgotten").code == 2


def test_every_decision_names_who_made_it(run: Run, packages: Path) -> None:
    run("yank", "other", "0.1")
    run("delete", "other", "--yes")

    lines = (packages / ".pypitool" / "facts.jsonl").read_text().splitlines()
    facts = [json.loads(line) for line in lines]
    assert [fact["what"] for fact in facts] == ["yank", "delete"]
    assert all(fact["who"].startswith("local:") for fact in facts)


def test_a_name_in_another_case_is_the_same_project(run: Run, packages: Path) -> None:
    build_wheel(packages, "Mixed.Case", "1.0")

    assert run("yank", "MIXED_case", "1.0").code == 0


def test_a_name_is_given_up_when_its_files_and_owners_are_gone(run: Run) -> None:
    run("owner", "other", "--add", "ann")
    with_files = run("delete", "other", "--give-up-name").code
    run("delete", "other", "--yes")
    owned = run("delete", "other", "--give-up-name", "--json")
    run("owner", "other", "--remove", "ann")

    assert (with_files, owned.code) == (6, 6)
    assert owned.error["message"] == "the name `other` is not given up: it is owned by user:ann"
    # It was copied in and never uploaded: without its owner it is nobody's already.
    assert run("delete", "other", "--give-up-name").code == 5


def test_a_name_that_was_uploaded_once_is_given_up(run: Run, packages: Path) -> None:
    with Repository.open([packages]) as repository:
        publish_wheel(repository, "acme-old", "1.0")
    run("delete", "acme-old", "--yes")

    ended = run("delete", "Acme.Old", "--give-up-name")

    assert (ended.code, ended.err) == (0, "acme-old may be looked for elsewhere from now on\n")
    assert run("audit", "--project", "acme-old", "--json").out.count('"what": "give-up-name"') == 1


@pytest.mark.parametrize("more", [("1.0",), ("--file", "x-1.0.tar.gz"), ("--dry-run",)])
def test_nothing_else_is_given_up_with_a_name(run: Run, more: tuple[str, ...]) -> None:
    assert run("delete", "acme-core", "--give-up-name", *more).code == 2

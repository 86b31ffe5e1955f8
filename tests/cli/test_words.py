"""Small words that people read: what is counted, what there is nothing of, and what was probably meant."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from pypitool.__main__ import main
from pypitool.repository.repository import Repository
from tests.cli.conftest import Ended, Run
from tests.support.wheels import build_wheel


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    directory = tmp_path / "empty"
    directory.mkdir()
    return directory


def bare(capsys: pytest.CaptureFixture[str], *words: str) -> Ended:
    capsys.readouterr()
    code = main(list(words))
    return Ended(code, *capsys.readouterr())


def test_a_backup_counts_as_people_do(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_wheel(empty, "acme", "1.0")
    build_wheel(empty, "acme", "1.1")

    assert bare(capsys, "rescan", "--packages", str(empty)).code == 0
    told = bare(capsys, "backup", str(empty.parent / "b.tar"), "--packages", str(empty)).err

    assert ": 2 files of 1 project, " in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("list",), "there are no projects\n"),
        (("token", "list"), "there are no tokens\n"),
        (("runs",), "there was no run of the mirror yet\n"),
        (("schedule",), "there are no jobs; write [job.NAME] tables into the configuration\n"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_where_there_is_nothing_it_is_said(
    empty: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.setenv("PYPITOOL_PACKAGES", str(empty))

    ended, quiet = bare(capsys, *words), bare(capsys, *words, "-q")

    assert (ended.code, ended.out, ended.err) == (0, "", told)
    assert quiet.err == ""


def test_a_flag_of_serve_is_guessed_without_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    ended = bare(capsys, "--fullback-url", "https://pypi.example/simple/", "/tmp")
    other = bare(capsys, "--versoin")

    assert ended.code == other.code == 2
    assert "no such option '--fullback-url'. Did you mean '--fallback-url'?" in ended.err
    assert "'--version'" in other.err


def test_a_missing_word_names_its_choices_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    ended = bare(capsys, "completion")

    assert "error: missing argument '{bash|zsh|fish}': choose from bash, zsh, fish\n" in ended.err


def test_a_user_name_that_cannot_be_is_wrong_usage(
    empty: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("secret\n"))

    ended = bare(capsys, "user", "add", "a:b", "-P", str(empty / "htpasswd"), "--password-stdin")

    assert ended.code == 2
    assert "must not hold a colon" in ended.err


def test_through_an_address_that_is_none_is_wrong_usage(run: Run) -> None:
    ended = run("doctor", "--through", "foo")

    assert (ended.code, ended.out) == (2, "")
    assert "--through" in ended.err


def test_a_long_label_is_not_glued_to_its_value(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nMaintainer-email: ann@acme.example\n"
    build_wheel(empty, "acme", "1.0", metadata=about)

    told = bare(capsys, "show", "acme", "1.0", "--packages", str(empty)).out.splitlines()

    assert "maintainer-email  ann@acme.example" in told
    assert "project           acme 1.0" in told


def test_a_state_that_gets_new_directories_is_not_said_to_have_lost_anything(
    tmp_path: Path, empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, other = tmp_path / "state", tmp_path / "other"
    other.mkdir()
    build_wheel(other, "acme", "1.0")
    bare(capsys, "rescan", "--packages", str(empty), "--state", str(state))

    ended = bare(capsys, "rescan", "--packages", str(other), "--state", str(state))

    assert ended.code == 0
    assert "lost" not in ended.err
    with Repository.open([other], state, {}) as repository:
        assert repository.catalogue.project_names() == ("acme",)

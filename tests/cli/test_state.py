"""`pypitool state adopt`, and what other commands say where there are two states or none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pypitool.__main__ import main
from pypitool.core.fact import Fact, What
from pypitool.core.state_files import StateFiles
from pypitool.repository.repository import Repository
from tests.cli.conftest import Run
from tests.support.states import ANN, EARLY, LATE, MIDDLE, decide, decided, yank


@pytest.fixture
def other(packages: Path, run: Run) -> Path:
    """The state in the directory, in which acme-core 1.0 was yanked and a token was revoked."""
    assert run("rescan").code == 0
    about = {"hash": "cd" * 32, "id": "0123456789ab", "name": "ci"}
    decide(
        packages / ".pypitool",
        yank("acme-core"),
        Fact(What.TOKEN_REVOKE, ANN, at=EARLY, details=about),
    )
    return packages / ".pypitool"


@pytest.fixture
def second(tmp_path: Path, packages: Path, other: Path) -> Path:
    """A state elsewhere, which began before that was refused: the token is made there later."""
    state = tmp_path / "var"
    made = {"hash": "cd" * 32, "name": "ci", "projects": ["*"], "may": ["upload"], "expires": None}
    decide(state, Fact(What.TOKEN_CREATE, ANN, at=LATE, details=made))
    Repository.open([packages], state, {}).close()
    return state


def test_the_plan_is_shown_and_nothing_is_changed(run: Run, other: Path, second: Path) -> None:
    ended = run("state", "adopt", str(other), "-n", "--state", str(second))

    assert ended.code == 0
    assert [row[:4] for row in ended.rows] == [
        [EARLY, "yank", "user:ann", "acme-core"],
        [EARLY, "token-revoke", "user:ann", ""],
    ]
    assert f"2 decisions of {other} would be appended to {second}" in ended.err
    assert len(decided(other)) == 2
    assert len(decided(second)) == 1


def test_what_is_known_already_is_not_counted(run: Run, other: Path, second: Path) -> None:
    copy = shutil.copytree(other, second.parent / "copy")
    run("state", "adopt", str(other), "--state", str(second))

    ended = run("state", "adopt", str(copy), "--state", str(second), "-n")

    assert ended.code == 0
    assert ended.err == f"{second} knows already all that was decided in {copy}\n"


def test_what_was_decided_in_both_counts(run: Run, packages: Path, other: Path, second: Path) -> None:
    ended = run("state", "adopt", str(other), "--state", str(second), "--json")

    document = ended.document
    assert (document["state"], document["other"], document["way"]) == (str(second), str(other), "appended")
    assert [line["what"] for line in document["decisions"]] == ["yank", "token-revoke"]
    assert "hash" not in json.dumps(document)
    with Repository.open([packages], second, {}) as repository:
        assert [token.revoked for token in repository.catalogue.tokens()] == [EARLY]
    files = run("show", "acme-core", "1.0", "--state", str(second), "--json").document["files"]
    assert {file["filename"]: file["yanked"] for file in files}["acme_core-1.0-py3-none-any.whl"] == "bad"


def test_a_state_that_is_adopted_twice_is_nothing_to_adopt(run: Run, other: Path, second: Path) -> None:
    run("state", "adopt", str(other), "--state", str(second))

    ended = run("state", "adopt", str(other), "--state", str(second))

    assert ended.code == 8
    assert "nothing was decided there" in ended.err


def test_the_state_itself_is_nothing_to_adopt(run: Run, other: Path) -> None:
    ended = run("state", "adopt", str(other), "--state", str(other))

    assert ended.code == 0
    assert "is the state of these directories already" in ended.err


def test_doctor_names_what_only_the_other_one_decided(run: Run, other: Path, second: Path) -> None:
    ended = run("doctor", "--state", str(second), "--json")

    (found,) = [one for one in ended.document["findings"] if one["id"] == "state-second"]
    assert ended.code == 1
    assert found["severity"] == "error"
    assert found["subject"] == str(other)
    assert "yank acme_core-1.0-py3-none-any.whl" in found["what"]
    assert f"pypitool state adopt {other}" in found["do"]


def test_doctor_and_config_check_tell_what_the_next_start_takes_over(
    run: Run, packages: Path, tmp_path: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, file = tmp_path / "new", tmp_path / "config.toml"
    file.write_text(f"[server]\npackages = '{packages}'\nstate = '{new}'\n")

    found = run("doctor", "--state", str(new), "--json").document["findings"]
    assert main(["config", "check", "--config", str(file)]) == 0

    assert [(one["severity"], one["subject"]) for one in found if one["id"] == "state-second"] == [
        ("info", str(other))
    ]
    assert f"the next start takes over what was decided in {other}" in capsys.readouterr().err
    assert not new.exists()


def test_a_state_that_would_be_adopted_is_looked_at_where_it_is(
    run: Run, tmp_path: Path, other: Path
) -> None:
    new = tmp_path / "new"

    files = run("show", "acme-core", "1.0", "--state", str(new), "--json").document["files"]

    assert {file["filename"]: file["yanked"] for file in files}["acme_core-1.0-py3-none-any.whl"] == "bad"
    assert not new.exists()
    assert len(decided(other)) == 2


def test_a_command_that_writes_adopts_first(run: Run, tmp_path: Path, other: Path) -> None:
    new = tmp_path / "new"

    assert run("yank", "other", "0.1", "--reason", "worse", "--state", str(new)).code == 0

    assert [what for what, *_ in decided(new)] == ["yank", "token-revoke", "yank"]
    assert not StateFiles(other).facts.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("show", "other"),
        ("owner", "other"),
        ("delete", "other", "--dry-run"),
        ("runs",),
        ("doctor",),
        ("audit",),
        ("prune",),
    ],
    ids=lambda words: words[0],
)
def test_who_only_looks_makes_no_state(run: Run, packages: Path, words: tuple[str, ...]) -> None:
    run(*words)

    assert not (packages / ".pypitool").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("list",), 8),
        (("yank", "other", "0.1"), 8),
        (("verify",), 8),
        (("backup", "x.tar"), 8),
        (("token", "list"), 8),
        (("audit",), 8),
        (("doctor",), 1),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_note_that_leads_nowhere_ends_every_command_but_doctor(
    run: Run, packages: Path, tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    assert run("rescan", "--state", str(tmp_path / "var")).code == 0
    shutil.rmtree(tmp_path / "var")

    ended = run(*words)

    assert ended.code == code
    assert "and there is none" in ended.err + ended.out
    assert not (packages / ".pypitool" / "roots.json").exists()


def test_another_state_may_be_adopted_where_the_note_leads_nowhere(
    run: Run, packages: Path, tmp_path: Path
) -> None:
    assert run("rescan", "--state", str(tmp_path / "var")).code == 0
    shutil.rmtree(tmp_path / "var")
    kept = tmp_path / "kept"
    decide(kept, yank("acme-core", MIDDLE))

    assert run("state", "adopt", str(kept)).code == 0

    assert decided(packages / ".pypitool") == [("yank", "acme-core", MIDDLE)]
    assert run("list").code == 0


def test_who_looks_at_other_directories_leaves_a_state_to_its_own(run: Run, tmp_path: Path) -> None:
    others, state = tmp_path / "others", tmp_path / "var"
    others.mkdir()
    assert run("rescan", "--state", str(state)).code == 0
    before = (state / "roots.json").read_bytes()

    assert main(["list", "--packages", str(others), "--state", str(state)]) == 0

    assert (state / "roots.json").read_bytes() == before


def test_the_remedy_of_the_hint_lets_a_state_have_other_directories(
    run: Run, packages: Path, tmp_path: Path, other: Path, second: Path
) -> None:
    moved = packages.rename(tmp_path / "moved")
    (moved / ".pypitool" / "id").unlink()
    directories = ("--packages", str(moved), "--state", str(second))
    assert main(["list", *directories]) == 8

    assert main(["state", "adopt", str(second), *directories]) == 0

    assert main(["list", *directories]) == 0


def test_a_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["state"]) == 2
    assert "adopt" in capsys.readouterr().err

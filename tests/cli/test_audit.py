from __future__ import annotations

import json
from pathlib import Path

import pytest

from pypitool.__main__ import main
from pypitool.catalogue.facts import FactLog
from pypitool.core.fact import Actor, Fact, What
from pypitool.core.names import normalize
from pypitool.core.state_files import StateFiles
from tests.cli.conftest import Ended, Run

DEPLOY = Actor("user:deploy", "10.0.0.7", "password")


@pytest.fixture
def facts(packages: Path, run: Run) -> FactLog:
    """The record of a server: two months with an upload each, and a token."""
    assert run("rescan").code == 0
    log = FactLog(StateFiles(packages / ".pypitool").facts)
    january, february = "2026-01-01T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z"
    core, other = normalize("acme-core"), normalize("other")
    log.append(Fact(What.UPLOAD, DEPLOY, core, "1.0", "acme_core-1.0.tar.gz", "ab" * 32, at=january))
    log.append(Fact(What.YANK, Actor("local:root"), other, "0.1", "o.whl", reason="bad", at=february))
    secret = {"id": "0123456789ab", "name": "ci", "hash": "cd" * 32, "may": ["upload"], "projects": ["*"]}
    log.append(Fact(What.TOKEN_CREATE, Actor("token:ci-9"), at="2026-03-01T00:00:00.000000Z", details=secret))
    return log


def lines(ended: Ended) -> list[dict[str, object]]:
    assert ended.code == 0, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


def test_lines_come_oldest_first_as_they_are_in_the_record(facts: FactLog, run: Run) -> None:
    found = lines(run("audit", "--json"))

    assert found[0] == {
        "v": 1,
        "at": "2026-01-01T00:00:00.000000Z",
        "what": "upload",
        "who": "user:deploy",
        "from": "10.0.0.7",
        "with": "password",
        "project": "acme-core",
        "version": "1.0",
        "file": "acme_core-1.0.tar.gz",
        "sha256": "ab" * 32,
    }
    assert [line["what"] for line in found] == ["upload", "yank", "token-create"]


def test_the_hash_of_a_token_is_never_printed(facts: FactLog, run: Run) -> None:
    shown = [run("audit"), run("audit", "--json")]

    assert all("0123456789ab" in ended.out for ended in shown)
    assert not any("cd" * 32 in ended.out for ended in shown)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--since", "2026-02-01"), ["yank", "token-create"]),
        (("--since", "2026-02-01T01:00:00+01:00"), ["yank", "token-create"]),
        (("--since", "2026-02-01T00:00:01Z"), ["token-create"]),
        (("--since", "1s"), []),
        (("--project", "Acme.Core"), ["upload"]),
        (("--user", "deploy"), ["upload"]),
        (("--user", "user:deploy"), ["upload"]),
        (("--user", "local:root"), ["yank"]),
        (("--user", "token:ci-*"), ["token-create"]),
        (("--user", "token:ci"), []),
        (("--user", "deploy", "--project", "other"), []),
    ],
    ids=lambda value: " ".join(value),
)
def test_lines_are_chosen(facts: FactLog, run: Run, words: tuple[str, ...], found: list[str]) -> None:
    assert [line["what"] for line in lines(run("audit", *words, "--json"))] == found


def test_a_line_that_a_crash_cut_off_is_skipped_and_said(facts: FactLog, run: Run) -> None:
    with facts.path.open("ab") as file:
        file.write(b'{"v":1,"at":"2026-04-01T00:00:00.0000')

    ended = run("audit", "--json")

    assert len(lines(ended)) == 3
    assert "cut off in the middle" in json.loads(ended.err)["message"]


def test_what_did_not_come_about_is_one_row_with_its_time(facts: FactLog, run: Run) -> None:
    facts.undo(lambda fact: True, "acme-core")

    found = lines(run("audit", "--json"))
    rows = run("audit", "--project", "acme-core").rows

    assert [line["what"] for line in found] == ["upload", "yank", "token-create"]
    assert ["undone" in line for line in found] == [True, False, False]
    assert not {"sum", "hash"} & set().union(*found)
    assert [row[-1].endswith("(did not come about)") for row in rows] == [True]


def test_a_table_shows_who_did_what(facts: FactLog, run: Run) -> None:
    row = run("audit", "--project", "other").rows[0]

    assert row == ["2026-02-01T00:00:00", "yank", "local:root", "", "other", "0.1", "file=o.whl reason=bad"]


def test_nothing_is_made_where_there_is_no_state(packages: Path, run: Run) -> None:
    assert run("audit", "--json") == Ended(0, "", "")

    assert not (packages / ".pypitool").exists()


def test_a_directory_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    assert main(["audit", "--packages", str(tmp_path / "none")]) == 8


def test_what_is_no_time_ends_with_2(facts: FactLog, run: Run) -> None:
    ended = run("audit", "--since", "yesterday")

    assert ended.code == 2
    assert "neither a time nor a duration" in ended.err

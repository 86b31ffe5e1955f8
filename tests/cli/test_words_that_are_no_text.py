"""A word that is no text is refused before anything is written, and such a line of old bricks nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

LATIN = "caf\udce9 trouble"  # how Python hands on bytes that are not UTF-8: $'caf\xe9 trouble'


@pytest.mark.parametrize(
    "words",
    [
        ("yank", "acme-core", "1.0", "--reason", LATIN),
        ("status", "acme-core", "archived", "--reason", LATIN),
        ("delete", "acme-core", "1.0", "--yes", "--reason", LATIN),
        ("owner", "add", "acme-core", LATIN),
        ("token", "create", LATIN, "--may", "upload"),
        ("list", LATIN),
        (LATIN,),
    ],
    ids=lambda words: words[0],
)
def test_a_word_that_is_no_text_is_wrong_usage_and_writes_nothing(
    run: Run, packages: Path, words: tuple[str, ...]
) -> None:
    run("list")
    facts = packages / ".pypitool" / "facts.jsonl"
    before = facts.read_bytes() if facts.exists() else b""

    ended = run(*words, "--json")

    assert ended.code == 2
    assert ended.error["kind"] == "usage"
    assert "is no text" in ended.error["message"]
    assert (facts.read_bytes() if facts.exists() else b"") == before
    assert run("list").code == 0


def test_a_state_with_a_line_that_is_no_text_goes_on(run: Run, packages: Path) -> None:
    run("yank", "other", "0.1", "--reason", "broken")
    facts = packages / ".pypitool" / "facts.jsonl"
    line = json.loads(facts.read_text().splitlines()[-1])
    line.pop("sum")  # as older ones are
    with facts.open("a") as file:
        file.write(json.dumps({**line, "project": "acme-core", "reason": LATIN}) + "\n")
    for path in packages.glob(".pypitool/catalogue.*"):
        path.unlink()

    assert run("rescan").code == 0
    assert run("show", "other", "0.1", "--json").document["files"][0]["yanked"] == "broken"
    assert run("yank", "acme-core", "1.0", "--reason", "café trouble").code == 0
    assert run("unyank", "acme-core", "1.0").code == 0
    assert run("backup", str(packages.parent / "backup.tar")).code == 0
    found = run("doctor", "--json")
    assert found.code == 1
    assert "facts-skipped" in [one["id"] for one in found.document["findings"] if one["severity"] == "error"]

"""What the metadata of a held file says, however absurd, ends no proof and no list."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.wheels import build_wheel

MANY = "9" * 5000


@pytest.mark.parametrize("requirement", ["other>={}", "other; python_version < '3.{}'", "other=={}"])
def test_a_proof_survives_an_absurd_requirement(run: Run, packages: Path, requirement: str) -> None:
    build_wheel(packages, "odd", "1.0", requires=[requirement.format(MANY)])
    (packages.parent / "r.txt").write_text("odd==1.0\nacme-core==1.0\n")

    ended = run("check", "-r", str(packages.parent / "r.txt"), "--json")

    assert "unexpected" not in ended.err
    assert ended.code in (0, 1)


def test_a_proof_survives_an_absurd_python(run: Run, packages: Path) -> None:
    build_wheel(packages, "odd", "1.0", requires_python=f">=3.{MANY}")
    (packages.parent / "r.txt").write_text("odd==1.0\n")

    assert run("check", "-r", str(packages.parent / "r.txt")).code == 0
    assert run("list").code == 0


@pytest.mark.parametrize("words", [("show", "other"), ("yank", "other"), ("delete", "other")], ids=" ".join)
def test_a_version_of_thousands_of_digits_on_the_command_line_is_not_held(
    run: Run, words: tuple[str, ...]
) -> None:
    assert run(*words, MANY, *(["--yes"] if words[0] == "delete" else [])).code == 5


@pytest.mark.parametrize("number", ["9" * 23, "9" * 19])
def test_a_run_of_many_digits_is_not_there(run: Run, number: str) -> None:
    run("list")

    assert run("runs", number).code == 5


def test_an_absurd_line_of_an_input_is_named(run: Run, packages: Path) -> None:
    lines = packages.parent / "r.txt"
    lines.write_text(f"acme-core=={MANY}\n")

    ended = run("check", "-r", str(lines))

    assert "r.txt:1" in ended.err
    assert "absurdly long" in ended.err

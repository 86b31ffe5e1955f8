from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.__main__ import main
from pypitool.cli.root import operands
from pypitool.config.job_tables import JOB_COMMANDS
from pypitool.config.values import BadValue


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("sync", ()),
        ("sync backend web --locked", ("backend", "web")),
        ("sync --explain numpy backend", ("backend",)),
        ("bundle export night.tar backend --since 3", ("night.tar", "backend")),
        ("verify -q --json", ()),
    ],
)
def test_operands_are_what_is_neither_an_option_nor_its_value(line: str, found: tuple[str, ...]) -> None:
    assert operands(line.split()) == found


@pytest.mark.parametrize("command", JOB_COMMANDS, ids=" ".join)
def test_what_a_job_may_run_is_a_command(command: tuple[str, ...]) -> None:
    operands_there = ("file.tar",) if command == ("bundle", "export") else ()

    assert operands((*command, *operands_there)) == operands_there


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sync --lockd", "--lockd"),
        ("sync --explain", "requires an argument"),
        ("bundle export", "missing argument"),
        ("bundle export night.tar --since yesterday", "invalid value for '--since'"),
        ("bundle", "no such command `bundle`"),
        ("snyc", "no such command `snyc`"),
        ("sync --help", "asks for help"),
    ],
)
def test_a_line_that_would_fail_at_night_fails_now(line: str, message: str) -> None:
    with pytest.raises(BadValue, match=message):
        operands(line.split())


def test_a_line_is_judged_where_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[job.nightly]\nrun = 'sync web --lockd'\ncron = '30 3 * * *'\n")

    assert main(["config", "check", "--config", str(file)]) == 8

    assert f"{file}: job.nightly.run: no such option" in capsys.readouterr().err


def test_options_of_a_line_do_not_count_where_it_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[job.nightly]\nrun = 'verify --json --packages /elsewhere'\ncron = '30 3 * * *'\n")

    assert main(["config", "show", "--config", str(file)]) == 0

    assert "/elsewhere" not in capsys.readouterr().out.partition("[job")[0]

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pypitool import __version__
from pypitool.__main__ import main
from pypitool.cli.main import describe
from pypitool.core.errors import Kind, PypitoolError


class Odd(PypitoolError):
    kind = Kind.CONFLICT
    hint = "look there"

    def __str__(self) -> str:
        return "two things are odd"


def test_the_version_names_python_and_the_platform(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0

    printed = capsys.readouterr().out
    assert printed.startswith(f"pypitool {__version__} (CPython 3.")
    assert "Linux" in printed or "Darwin" in printed


def test_without_a_command_the_help_is_shown_and_the_usage_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2

    printed = capsys.readouterr()
    assert "Usage: pypitool" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_data(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 0

    assert "Examples:\n  pypitool serve" in capsys.readouterr().out


def test_an_unknown_command_is_wrong_usage_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["confg"]) == 2

    assert "error: no such command `confg`, did you mean `config`?" in capsys.readouterr().err


def test_an_unknown_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--orign"]) == 2

    assert "no such option" in capsys.readouterr().err.lower()


def test_errors_are_json_when_json_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--config", "/nowhere/config.toml", "--json"]) == 8

    printed = capsys.readouterr()
    assert printed.out == ""
    assert json.loads(printed.err) == {
        "type": "error",
        "kind": "config",
        "message": "/nowhere/config.toml: cannot be read: No such file or directory",
        "hint": None,
        "exit_code": 8,
        "faults": [
            {
                "source": "/nowhere/config.toml",
                "path": "",
                "message": "cannot be read: No such file or directory",
            }
        ],
    }


def test_wrong_usage_is_json_too_even_before_the_option_is_reached(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["config", "shwo", "--json"]) == 2

    assert json.loads(capsys.readouterr().err)["kind"] == "usage"


@pytest.mark.parametrize(
    "words",
    [
        ["--config", "FILE", "config", "show"],
        ["config", "--config", "FILE", "show"],
        ["config", "show", "--config", "FILE"],
    ],
)
def test_global_options_are_taken_before_and_after_the_command(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[server]\nport = 7777\n")

    assert main([str(file) if word == "FILE" else word for word in words]) == 0

    assert "port = 7777" in capsys.readouterr().out


def test_an_error_of_ours_says_what_and_what_to_do() -> None:
    failure = describe(Odd())

    assert (failure.kind, failure.message, failure.hint, failure.exit_code) == (
        "conflict",
        "two things are odd",
        "look there",
        6,
    )


def test_a_system_error_is_a_sentence() -> None:
    failure = describe(PermissionError(13, "Permission denied", "/srv/x"))

    assert (failure.message, failure.exit_code) == ("`/srv/x`: permission denied", 1)


def test_an_unexpected_error_is_one_line_that_names_debug() -> None:
    failure = describe(ZeroDivisionError("division by zero"))

    assert failure.message == "unexpected ZeroDivisionError: division by zero"
    assert failure.hint == "re-run with `--debug` for the traceback"
    assert failure.exit_code == 1


def test_an_interruption_ends_with_130() -> None:
    assert describe(KeyboardInterrupt()).exit_code == 130


@pytest.mark.process
def test_a_reader_that_goes_away_is_no_traceback(clean_environment: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    ended = subprocess.run(
        [sys.executable, "-m", "pypitool", "config", "show"],
        stdout=writing, stderr=subprocess.PIPE, env=clean_environment, check=False,
    )  # fmt: skip
    os.close(writing)

    assert ended.stderr == b""
    assert ended.returncode == 1


@pytest.mark.process
def test_debug_shows_the_traceback(clean_environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pypitool", "config", "show", "--config", "/nowhere.toml", "--debug"],
        capture_output=True, text=True, env=clean_environment, check=False,
    )  # fmt: skip

    assert ended.returncode == 8
    assert "Traceback" in ended.stderr
    assert "error: /nowhere.toml: cannot be read" in ended.stderr


def test_control_characters_in_a_message_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["\x1b[31mred"]) == 2

    assert "\x1b" not in capsys.readouterr().err

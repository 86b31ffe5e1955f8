from __future__ import annotations

import subprocess
import sys

import pytest

from pypitool.__main__ import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0

    assert "_PYPITOOL_COMPLETE" in capsys.readouterr().out


def test_another_shell_is_refused() -> None:
    assert main(["completion", "tcsh"]) == 2


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("pypitool conf", "plain,config"),
        ("pypitool serve --log-format j", "plain,json"),
        ("pypitool serve --por", "plain,--port"),
        ("pypitool serve ./", "dir,./"),
        ("pypitool user add --pass", "plain,--passwords"),
    ],
)
def test_words_are_completed(words: str, offered: str, clean_environment: dict[str, str]) -> None:
    environment = {
        **clean_environment,
        "_PYPITOOL_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }

    ended = subprocess.run(
        [sys.executable, "-m", "pypitool"], capture_output=True, text=True, env=environment, check=False
    )

    assert offered in ended.stdout.splitlines()

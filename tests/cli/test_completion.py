from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pypitool.__main__ import main

CONFIG = """
[server]
packages = "{packages}"
[targets]
ubuntu24 = {{ python = "3.12", platform = "manylinux_2_39_x86_64" }}
[set.backend]
requirements = "backend.txt"
[job.nightly]
run = "sync"
cron = "30 3 * * *"
"""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0

    assert "_PYPITOOL_COMPLETE" in capsys.readouterr().out


def test_bash_takes_the_script(clean_environment: dict[str, str]) -> None:
    script = f'eval "$({sys.executable} -m pypitool completion bash)"; complete -p pypitool'

    ended = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=clean_environment, check=False
    )

    assert ended.stdout.startswith("complete ")
    assert ended.stderr == ""


@pytest.mark.process
def test_projects_are_completed_from_the_catalogue(packages: Path, clean_environment: dict[str, str]) -> None:
    assert main(["rescan", "--packages", str(packages)]) == 0
    environment = {
        **clean_environment,
        "_PYPITOOL_COMPLETE": "bash_complete",
        "COMP_WORDS": "pypitool show acm",
        "COMP_CWORD": "2",
        "PYPITOOL_PACKAGES": str(packages),
    }

    ended = subprocess.run(
        [sys.executable, "-m", "pypitool"], capture_output=True, text=True, env=environment, check=False
    )

    assert (ended.stdout, ended.stderr) == ("plain,acme-core\n", "")


@pytest.mark.process
def test_completing_projects_of_nothing_is_silent(clean_environment: dict[str, str]) -> None:
    environment = {
        **clean_environment,
        "_PYPITOOL_COMPLETE": "bash_complete",
        "COMP_WORDS": "pypitool show acm",
        "COMP_CWORD": "2",
    }

    ended = subprocess.run(
        [sys.executable, "-m", "pypitool"], capture_output=True, text=True, env=environment, check=False
    )

    assert (ended.stdout.strip(), ended.stderr) == ("", "")


def test_another_shell_is_refused() -> None:
    assert main(["completion", "tcsh"]) == 2


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("pypitool conf", "plain,config"),
        ("pypitool serve --log-format j", "plain,json"),
        ("pypitool serve --por", "plain,--port"),
        ("pypitool serve ./", "dir,./"),
        ("pypitool user add --pass", "plain,--passwords"),
        ("pypitool sync back", "plain,backend"),
        ("pypitool check ba", "plain,backend"),
        ("pypitool download a --target ubu", "plain,ubuntu24"),
        ("pypitool schedule run ni", "plain,nightly"),
        ("pypitool yank acme-core 1.", "plain,1.1"),
    ],
)
def test_words_are_completed(
    words: str, offered: str, clean_environment: dict[str, str], packages: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(packages=packages))
    assert main(["rescan", "--packages", str(packages)]) == 0
    environment = {
        **clean_environment,
        "PYPITOOL_CONFIG": str(config),
        "_PYPITOOL_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }

    ended = subprocess.run(
        [sys.executable, "-m", "pypitool"], capture_output=True, text=True, env=environment, check=False
    )

    assert offered in ended.stdout.splitlines()

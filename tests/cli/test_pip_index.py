from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.__main__ import main
from pypitool.cli.pip_index import hint_of_another_index
from pypitool.upstream.upstream import Upstream, default_index

CORP = "https://ann:pw@pypi.corp.example/simple/"
ASKED = (Upstream("index", "http://127.0.0.1:9/simple/"),)


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path), "VIRTUAL_ENV": str(tmp_path / "venv"), **more}


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_a_variable_that_names_another_index_is_named_without_its_password(
    tmp_path: Path, variable: str
) -> None:
    hint = hint_of_another_index(ASKED, environ(tmp_path, **{variable: CORP}))

    assert hint is not None
    assert hint.startswith(f"{variable} has another index, https://pypi.corp.example/simple/, ")


@pytest.mark.parametrize(
    "place", [".config/pip/pip.conf", ".pip/pip.conf", "venv/pip.conf", "elsewhere/pip.ini"]
)
def test_so_is_a_file_of_pip(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_text(f"[global]\nindex-url = {CORP}\ntimeout = 60%\n")
    more = {"PIP_CONFIG_FILE": str(file)} if place.startswith("elsewhere") else {}

    hint = hint_of_another_index(ASKED, environ(tmp_path, **more))

    assert hint is not None
    assert hint.startswith(f"{file} has another index")


@pytest.mark.parametrize("text", ["[global\n", "[install]\nindex-url = https://x.example/\n", "\x00\xff"])
def test_a_file_that_says_nothing_is_passed_over(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(text, encoding="latin-1")

    hint = hint_of_another_index(ASKED, environ(tmp_path, PIP_CONFIG_FILE=str(file)))

    assert hint is None or str(file) not in hint


def test_an_index_of_the_host_that_was_asked_is_no_other(tmp_path: Path) -> None:
    own = environ(tmp_path, PIP_INDEX_URL="http://127.0.0.1:9/other/")

    hint = hint_of_another_index(ASKED, own)

    assert hint is None or "PIP_INDEX_URL" not in hint


@pytest.mark.process
@pytest.mark.parametrize("words", [("sync",), ("download", "a==1.0"), ("lock", "a")], ids=" ".join)
def test_where_no_index_answers_the_one_of_pip_is_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    (tmp_path / "backend.txt").write_text("a==1.0\n")
    (tmp_path / "packages").mkdir()
    monkeypatch.setenv("PIP_INDEX_URL", CORP)
    config = tmp_path / "config.toml"
    config.write_text(
        '[server]\npackages = "packages"\n[set.s]\nrequirements = "backend.txt"\n'
        f'[upstream.x]\nindex = "{ASKED[0].index}"\nretries = 0\n'
    )

    code = main([*words, "--config", str(config)])

    assert code == 7
    said = capsys.readouterr().err
    assert "hint: PIP_INDEX_URL has another index, https://pypi.corp.example/simple/" in said


def test_update_says_which_index_it_asks_when_nobody_has_named_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["update", "--packages", str(tmp_path)]

    assert main(words) == 0
    told = capsys.readouterr().err
    assert main([*words, "-i", ASKED[0].index]) == 0
    named = capsys.readouterr().err
    assert main([*words, "-q"]) == 0

    assert f"notice: no upstream is configured: {default_index()} is asked about what is here" in told
    assert "notice" not in named + capsys.readouterr().err

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.cli.pypiserver import modern


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("run -p 8081 pkgs", "run -p 8081 pkgs"),
        ("serve pkgs", "serve pkgs"),
        ("-v -v run pkgs", "-v -v run pkgs"),
        ("--hash-algo md5 run pkgs", "run --hash-algo md5 pkgs"),
        ("--hash-algo=md5 -v run", "-v run --hash-algo=md5"),
        ("-vo -p8081 --json serve a b", "--json serve -vo -p8081 a b"),
        ("-vp 8081 run a", "run -vp 8081 a"),
        ("--config c.toml -a . -P . run a", "--config c.toml run -a . -P . a"),
        ("--no-overwrite run", "run --no-overwrite"),
        ("list -p 8081", "list -p 8081"),
        ("--json list", "--json list"),
        ("", ""),
        ("--version", "--version"),
        ("-q", "-q"),
        ("-v --json", "-v --json"),
        ("--config c.toml", "--config c.toml"),
        ("lsit", "lsit"),
        ("--bogus run a", "--bogus run a"),
        ("update -u pkgs", "update -u pkgs"),
        ("-p 8081 config", "-p 8081 config"),
    ],
)
def test_a_command_line_with_a_command_keeps_its_meaning(written: str, meant: str) -> None:
    words, notice = modern(written.split())

    assert words == meant.split()
    assert notice is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("-p 8081 pkgs", "serve -p 8081 pkgs"),
        ("-p 8081", "serve -p 8081"),
        ("-v", "-v serve"),
        ("-vv", "-vv serve"),
        ("-v --verbose", "-v --verbose serve"),
        ("-v -p 8081", "-v serve -p 8081"),
        ("./pkgs", "serve ./pkgs"),
        (".", "serve ."),
        ("-v ./pkgs", "-v serve ./pkgs"),
        ("./pkgs -p 8081", "serve ./pkgs -p 8081"),
        ("-p 8081 -- pkgs", "serve -p 8081 -- pkgs"),
        ("-a update,download -P users ./a ./b", "serve -a update,download -P users ./a ./b"),
    ],
)
def test_a_command_line_without_a_command_is_serve_with_a_notice(written: str, meant: str) -> None:
    words, notice = modern(written.split())

    assert words == meant.split()
    assert notice == f"without a command this is `pypitool {meant}`: please write it so"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("-U", "update"),
        ("-U ./pkgs", "update ./pkgs"),
        ("-U -x -u -d new ./pkgs", "update -x -u -d new ./pkgs"),
        ("-Ux ./pkgs", "update -x ./pkgs"),
        ("-vUxd new ./pkgs", "update -vxd new ./pkgs"),
        ("-x -U ./pkgs", "update -x ./pkgs"),
    ],
)
def test_the_old_flag_is_update_with_a_notice(written: str, meant: str) -> None:
    words, notice = modern(written.split())

    assert words == meant.split()
    assert notice == f"`-U` is `pypitool {meant}`: please write it so"


def test_a_directory_of_the_working_directory_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wheels").mkdir()
    monkeypatch.chdir(tmp_path)

    words, notice = modern(["wheels"])

    assert words == ["serve", "wheels"]
    assert notice is not None


def test_a_command_wins_over_a_directory_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)

    assert modern(["config"]) == (["config"], None)

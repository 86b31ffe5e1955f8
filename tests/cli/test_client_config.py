"""`pypitool client-config`: which server, which lines, and what happens to files."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pypitool.__main__ import main
from tests.cli.conftest import Ended

Run = Callable[..., Ended]
URL = "https://pypi.acme.example/"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PIP_CONFIG_FILE", "UV_CONFIG_FILE", "XDG_CONFIG_HOME", "PYPITOOL_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str, config: str = "") -> Ended:
        capsys.readouterr()
        file = home / "pypitool.toml"
        file.write_text(config)
        code = main(["client-config", *words, "--config", str(file)])
        return Ended(code, *capsys.readouterr())

    return run


def test_one_tool_gets_its_lines_alone(run: Run) -> None:
    assert run("pip", "--url", URL).out == f"[global]\nindex-url = {URL}simple/\n"


def test_without_a_tool_all_are_printed(run: Run) -> None:
    lines = run("--url", URL).out.splitlines()

    assert lines[:3] == ["# pip: ~/.config/pip/pip.conf", "[global]", f"index-url = {URL}simple/"]
    assert "# ansible: playbook.yml" in lines


def test_json_has_the_lines_of_each_tool(run: Run) -> None:
    document = run("uv", "--url", URL, "--name", "acme", "--json").document

    assert document == {
        "url": URL,
        "name": "acme",
        "tools": [
            {
                "tool": "uv",
                "file": "~/.config/uv/uv.toml",
                "lines": [
                    "[[index]]",
                    'name = "acme"',
                    f'url = "{URL}simple/"',
                    f'publish-url = "{URL}legacy/"',
                    "default = true",
                ],
            }
        ],
    }


def test_a_remote_gives_its_address_and_its_name(run: Run) -> None:
    config = "[remote.acme]\nurl = 'https://ann:secret@pypi.acme.example/simple/'\n"

    ended = run("uv", "--remote", "acme", config=config)

    assert 'name = "acme"' in ended.out
    assert f'url = "{URL}simple/"' in ended.out
    assert "secret" not in ended.out


def test_the_variable_names_a_server(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYPITOOL_URL", URL)

    assert f"index-url = {URL}simple/" in run("pip").out


def test_the_own_configuration_names_a_server(run: Run) -> None:
    ended = run("pip", config="[server]\nport = 8081\nserver-base-url = '/pypi'\n")

    host = socket.gethostname()
    assert ended.out == (
        f"[global]\nindex-url = http://{host}:8081/pypi/simple/\ntrusted-host = {host.lower()}\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pip",), "it is not said which server clients should use"),
        (("pip", "--url", URL, "--remote", "acme"), "exclude each other"),
        (("pip", "--remote", "acme"), "there is no [remote.acme]"),
        (("pip", "--url", "ftp://h/"), "expected an http or https URL"),
        (("pip", "--url", URL, "--name", "a b"), "a name has letters"),
        (("--url", URL, "--write"), "`--write` goes with one of pip, uv, pypirc"),
        (("poetry", "--url", URL, "--write"), "`--write` goes with one of pip, uv, pypirc"),
    ],
)
def test_what_cannot_be_done_is_wrong_usage(run: Run, words: tuple[str, ...], message: str) -> None:
    ended = run(*words)

    assert ended.code == 2
    assert message in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("tool", "file"),
    [("pip", ".config/pip/pip.conf"), ("uv", ".config/uv/uv.toml"), ("pypirc", ".pypirc")],
)
def test_a_file_is_made_and_then_left_alone(run: Run, home: Path, tool: str, file: str) -> None:
    made = run(tool, "--url", URL, "--write", "--json")
    text, inode = (home / file).read_text(), (home / file).stat().st_ino
    again = run(tool, "--url", URL, "--write", "--json")

    assert made.document == {"tool": tool, "file": str(home / file), "changed": True, "replaced": []}
    assert again.document == {"tool": tool, "file": str(home / file), "changed": False, "replaced": []}
    assert URL in text
    assert ((home / file).read_text(), (home / file).stat().st_ino) == (text, inode)
    assert not list((home / file).parent.glob(".*.tmp*"))


def test_another_value_is_shown_and_not_replaced_without_a_yes(run: Run, home: Path) -> None:
    run("pip", "--url", "https://ann:secret@old.example/", "--write")
    before = (home / ".config/pip/pip.conf").read_text()

    refused = run("pip", "--url", URL, "--write")
    untouched = (home / ".config/pip/pip.conf").read_text()
    replaced = run("pip", "--url", URL, "--write", "--yes", "--json")

    assert refused.code == 2
    assert f"index-url is https://old.example/simple/, and would be {URL}simple/" in refused.err
    assert untouched == before
    assert replaced.document["replaced"] == [
        {"key": "index-url", "before": "https://old.example/simple/", "after": f"{URL}simple/"}
    ]
    assert f"index-url = {URL}simple/" in (home / ".config/pip/pip.conf").read_text()


def test_credentials_of_the_value_before_are_not_shown(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "pip.conf"
    file.write_text("[global]\nindex-url = https://ann:secret@old.example/simple/\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))

    ended = run("pip", "--url", URL, "--write")

    assert "https://***@old.example/simple/" in ended.err
    assert "secret" not in ended.err


def test_a_pypirc_is_for_nobody_else_to_read_and_keeps_what_it_has(run: Run, home: Path) -> None:
    file = home / ".pypirc"
    file.write_text("[distutils]\nindex-servers =\n    other\n\n[other]\npassword = secret\n")
    file.chmod(0o644)

    run("pypirc", "--url", URL, "--name", "acme", "--write")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == (
        "[distutils]\nindex-servers =\n    other\n    acme\n\n[other]\npassword = secret\n\n"
        f"[acme]\nrepository = {URL}legacy/\nusername = __token__\n"
    )


def test_a_pypirc_is_for_a_user_of_the_password_file_too(run: Run, home: Path) -> None:
    printed = run("pypirc", "--url", URL, "--username", "ann").out.splitlines()
    run("pypirc", "--url", URL, "--username", "ann", "--write")

    assert "username = ann" in printed
    assert "username = ann" in (home / ".pypirc").read_text()
    assert "username = __token__" in run("pypirc", "--url", URL).out


@pytest.mark.parametrize("words", [("pip", "--username", "ann"), ("pypirc", "--username", "a\nb")])
def test_a_user_name_that_nobody_could_use_is_wrong_usage(run: Run, words: tuple[str, ...]) -> None:
    assert run(*words, "--url", URL).code == 2


def test_a_link_stays_a_link_and_the_file_keeps_its_mode(run: Run, home: Path) -> None:
    real, link = home / "dotfiles" / "uv.toml", home / ".config" / "uv" / "uv.toml"
    for path in (real, link):
        path.parent.mkdir(parents=True)
    real.write_text("offline = false\n")
    real.chmod(0o640)
    link.symlink_to(real)

    run("uv", "--url", URL, "--write")

    assert link.is_symlink()
    assert real.read_text().startswith("offline = false\n\n[[index]]\n")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["PIP_CONFIG_FILE", "UV_CONFIG_FILE"])
def test_the_file_that_a_tool_was_told_is_the_one(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(home / "told"))

    run(name.partition("_")[0].lower(), "--url", URL, "--write")

    assert URL in (home / "told").read_text()


def test_what_is_no_file_is_never_replaced(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)

    ended = run("pip", "--url", URL, "--write")

    assert ended.code == 1
    assert "it is no regular file" in ended.err
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_file_that_is_not_understood_is_left_as_it_is(run: Run, home: Path) -> None:
    file = home / ".config" / "uv" / "uv.toml"
    file.parent.mkdir(parents=True)
    file.write_text('index = [{ name = "private", url = "https://old.example/" }]\n')

    ended = run("uv", "--url", URL, "--write", "--yes")

    assert ended.code == 1
    assert "was left as it is" in ended.err
    assert "old.example" in file.read_text()

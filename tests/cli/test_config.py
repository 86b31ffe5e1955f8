from __future__ import annotations

import grp
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pypitool.__main__ import main
from pypitool.host import opened_to_service
from pypitool.repository.repository import Repository
from pypitool.repository.state import locate_state
from tests.cli.test_start import HEAVY, imported_by
from tests.support.accounts import write_htpasswd
from tests.support.states import decide, yank


def test_check_names_every_fault_and_ends_with_8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[server]\nport = 'x'\nprot = 1\n")

    assert main(["config", "check", "--config", str(file)]) == 8

    assert capsys.readouterr().err == (
        "error: the configuration has 2 faults\n"
        f"  {file}: server.port: expected an integer, got a string\n"
        f"  {file}: server.prot: unknown key, did you mean `port`?\n"
    )


def test_faults_are_fields_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[server]\nport = 'x'\n")

    assert main(["config", "check", "--config", str(file), "--json"]) == 8

    assert json.loads(capsys.readouterr().err)["faults"] == [
        {"source": str(file), "path": "server.port", "message": "expected an integer, got a string"}
    ]


def test_check_of_a_good_file_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[server]\nport = 1\n")

    assert main(["config", "check", "--config", str(file)]) == 0
    assert capsys.readouterr().err == f"{file}: nothing is wrong\n"

    assert main(["config", "check", "--config", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": [str(file)], "faults": []}


def test_check_tells_who_upgrades_what_their_proxy_has_to_drop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    rule = "[[rule]]\nwho = ['ann']\nmay = ['yank']\nfrom = ['10.0.0.0/8']\n"
    file.write_text(f"[server]\ntrusted-proxies = ['127.0.0.1']\n{rule}")

    assert main(["config", "check", "--config", str(file)]) == 0
    told = capsys.readouterr().err
    file.write_text(f"[server]\ntrusted-proxies = ['127.0.0.1']\n{rule}[auth]\nheader = 'X-Remote-User'\n")

    assert "`forwarded-header = 'X-Forwarded-For'`" in told
    assert main(["config", "check", "--config", str(file)]) == 8
    assert "auth.header: a client that sends `X-Remote_User` is believed" in capsys.readouterr().err


def test_show_prints_toml_and_origins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYPITOOL_PORT", "9")

    assert main(["config", "show", "--origin"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("port")] == [
        ["port", "=", "9", "#", "variable", "PYPITOOL_PORT"]
    ]


def test_show_has_a_json_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--json"]) == 0

    settings = json.loads(capsys.readouterr().out)["settings"]
    assert settings["server.port"] == {"value": 8080, "origin": "default", "source": None}


def test_an_odd_value_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYPITOOL_HASH_ALGO", "sha512")

    assert main(["config", "check"]) == 0

    assert capsys.readouterr().err.startswith("warning: links carry sha256: sha512 is not")


def test_check_reads_what_upstreams_name_outside_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[upstream.c]\nindex = 'http://c/'\nauth = { user = 'm', password-file = 'absent' }\n")

    assert main(["config", "check", "--config", str(file)]) == 8

    assert "upstream.c.auth.password-file" in capsys.readouterr().err


def test_check_warns_of_a_password_that_is_not_set_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[upstream.c]\nindex = 'http://c/'\nauth = { user = 'm', password-env = 'NOT_SET' }\n")

    assert main(["config", "check", "--config", str(file)]) == 0

    assert "the variable NOT_SET is not set" in capsys.readouterr().err


@pytest.mark.process
def test_the_mirror_is_described_without_importing_what_it_works_with(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        "[upstream.pypi]\nindex = 'pypi'\n"
        "[targets]\nw = { python = '3.12', platform = 'win32', markers = { os_name = 'nt' } }\n"
        "[set.s]\nlock = 'pylock.toml'\n"
        "[job.n]\nrun = 'sync s'\ncron = '30 3 * * *'\n"
        "[notify]\nwebhook = 'https://chat/x'\n"
    )

    assert not imported_by("config", "check", "--config", str(file)) & {*HEAVY, "packaging", "sqlite3"}


def test_check_looks_where_the_server_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, packages = tmp_path / "config.toml", tmp_path / "packages"
    file.write_text("[server]\npackages = 'packages'\nstate = 'var'\n")
    check = ["config", "check", "--config", str(file)]

    assert main(check) == 0
    assert f"the package directory {packages} does not exist" in capsys.readouterr().err
    others = tmp_path / "others"
    others.mkdir()
    packages.mkdir()
    decide(locate_state([others], tmp_path / "var", {}), yank("acme"))

    assert main(check) == 8
    assert f"belongs to {others}, not to {packages}" in capsys.readouterr().err
    assert list(packages.iterdir()) == []


def test_the_rules_of_the_short_form_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    write_htpasswd(tmp_path / "htpasswd", {"ann": "x"})
    file.write_text("[auth]\npasswords = 'htpasswd'\nauthenticate = ['list', 'update']")

    assert main(["config", "show", "--config", str(file)]) == 0
    text = capsys.readouterr().out
    main(["config", "show", "--config", str(file), "--json"])
    rules = json.loads(capsys.readouterr().out)["rules"]

    assert text.endswith(
        '# [[rule]]\n# who = ["anonymous"]\n# may = ["download"]\n'
        '# [[rule]]\n# who = ["authenticated"]\n# may = ["list", "upload", "overwrite", "yank", "delete"]\n'
    )
    file.write_text(text)  # what is shown is a configuration
    assert main(["config", "check", "--config", str(file)]) == 0
    assert rules[0] == {
        "who": ["anonymous"],
        "may": ["download"],
        "projects": ["*"],
        "from": [],
        "line": None,
    }


def test_check_warns_of_users_in_rules_who_are_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passwords = write_htpasswd(tmp_path / "htpasswd", {"ann": "x", "bob": "x"})
    file = tmp_path / "config.toml"
    file.write_text(
        f"[auth]\npasswords = '{passwords}'\nnew-projects = ['user:eve', 'bob']\n[groups]\ng = ['bobb']\n"
        "[[rule]]\nwho = ['ann', 'anonymous', '@g', 'token:ci-*', 'publisher:x']\nmay = ['list']\n"
    )

    assert main(["config", "check", "--config", str(file)]) == 0

    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert warnings == [
        "warning: a rule or a group names `bobb`: there is no such user, did you mean `bob`?",
        "warning: a rule or a group names `eve`: there is no such user",
    ]


def test_check_looks_where_serve_and_sync_will_look_and_names_every_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        "[server]\nwelcome = 'welcome.html'\ncert = 'cert.pem'\nkey = 'key.pem'\n"
        "[auth]\npasswords = 'nofile'\n"
        "[set.a]\nrequirements = ['nope.txt', 'r.txt']\n[set.b]\nlock = 'gone.toml'\nconstraints = 'c.txt'\n"
    )
    (tmp_path / "r.txt").write_text("a==1\n-e .\n")

    assert main(["config", "check", "--config", str(file)]) == 8

    first, *faults = capsys.readouterr().err.splitlines()
    nowhere = "no such file or directory"
    assert first == "error: the configuration has 7 faults"
    assert faults == [
        f"  {file}: server.cert: cannot use `{tmp_path}/cert.pem` for TLS: {nowhere}",
        f"  {file}: auth.passwords: cannot use the password file {tmp_path}/nofile: {nowhere}; "
        f"`pypitool user add NAME -P {tmp_path}/nofile` makes it",
        f"  {file}: server.welcome: cannot use the welcome page {tmp_path}/welcome.html: {nowhere}",
        f"  set.a.requirements: {tmp_path}/nope.txt cannot be read: {nowhere}",
        f"  set.b.constraints: {tmp_path}/c.txt cannot be read: {nowhere}",
        f"  set.b.lock: {tmp_path}/gone.toml cannot be read: {nowhere}",
        f"  {tmp_path}/r.txt:2: editable requirements cannot be mirrored; name a released version",
    ]


def test_check_names_the_lines_that_sync_would_refuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, wanted = tmp_path / "config.toml", tmp_path / "r.txt"
    wanted.write_text("a==1\n-e .\n-r more.txt\nb\n-c https://files.example/c.txt\n-c http://h/c.txt\n")
    file.write_text("[set.a]\nrequirements = ['r.txt']\n")

    assert main(["config", "check", "--config", str(file), "--json"]) == 8

    faults = json.loads(capsys.readouterr().err)["faults"]
    assert [fault["source"] for fault in faults] == [f"{wanted}:2", f"{wanted}:3", ""]
    assert "http://h/c.txt: over plain http" in faults[2]["message"]
    wanted.write_text("a==1\nb\n-c https://files.example/c.txt\n")
    assert main(["config", "check", "--config", str(file)]) == 8
    assert f"{wanted}:2: `b` names no exact version" in capsys.readouterr().err
    wanted.write_text("a==1\n-c https://files.example/c.txt\n")
    assert main(["config", "check", "--config", str(file)]) == 0


@pytest.mark.parametrize(
    ("version", "code", "told"),
    [
        (1, 0, "warning: the next start migrates {path} to this version, and keeps it beside as it was\n"),
        (99, 8, "server.state: the catalogue {path} has schema 99, made by a newer pypitool"),
    ],
    ids=["an older one", "a newer one"],
)
def test_check_says_what_becomes_of_the_state_of_another_version(
    version: int, code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages, file = tmp_path / "packages", tmp_path / "config.toml"
    packages.mkdir()
    file.write_text("[server]\npackages = 'packages'\n")
    with Repository.open([packages], environ={}):
        pass
    catalogue = packages / ".pypitool" / "catalogue.sqlite"
    with closing(sqlite3.connect(catalogue)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    before = sorted(catalogue.parent.iterdir())

    assert main(["config", "check", "--config", str(file)]) == code

    assert told.format(path=catalogue) in capsys.readouterr().err
    assert sorted(catalogue.parent.iterdir()) == before


def test_check_of_a_password_file_that_root_alone_may_read_says_so(tmp_path: Path) -> None:
    passwords = write_htpasswd(tmp_path / "htpasswd", {"ann": "x"})
    passwords.chmod(0o640)
    group = "daemon"  # every system has it

    if os.geteuid() == 0:
        os.chown(passwords, 0, 0)
        assert opened_to_service(passwords, group) == (
            f"`chgrp daemon {passwords} && chmod g+r {passwords}` lets the service read it"
        )
        os.chown(passwords, 0, grp.getgrnam(group).gr_gid)
    assert opened_to_service(passwords, group) is None
    assert opened_to_service(passwords, "no-such-group") is None


@pytest.mark.parametrize("words", [["sync", "nemo"], ["sync"], ["schedule", "run", "nightly"]], ids=" ".join)
def test_without_a_configuration_it_is_said_where_one_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text("[server]\nport = 1\n")

    assert main(words) in (2, 8)
    nowhere = capsys.readouterr().err
    assert main([*words, "--config", "config.toml"]) in (2, 8)
    there = capsys.readouterr().err

    assert (
        "hint: no configuration was found: --config and PYPITOOL_CONFIG name none, and there is no "
        f"{tmp_path}/.config/pypitool/config.toml and no /etc/pypitool/config.toml; "
        "`--config config.toml` reads the one of this directory"
    ) in nowhere
    assert "no configuration was found" not in there

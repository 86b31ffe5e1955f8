from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pypitool.__main__ import main
from pypitool.access.accounts import Accounts
from pypitool.core.fact import Actor
from pypitool.repository.repository import Repository
from pypitool.repository.tokens import TokenRequest, create
from tests.support.accounts import write_htpasswd
from tests.support.waiting import LONGEST


@pytest.fixture
def htpasswd(tmp_path: Path) -> Path:
    return write_htpasswd(tmp_path / "htpasswd", {"ann": "anns", "bob": "bobs"})


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_user_is_added_with_a_password_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "htpasswd"
    typed(monkeypatch, " s p a c e s \nnot this\n")

    assert main(["user", "add", "ann", "--password-stdin", "-P", str(file)]) == 0

    assert file.read_text().startswith("ann:$2b$")
    assert Accounts(file).verify("ann", " s p a c e s ")
    assert capsys.readouterr().err == "added ann\n"


def test_a_password_is_changed(
    htpasswd: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "new\n")

    assert main(["user", "add", "bob", "--password-stdin", "-P", str(htpasswd), "--json"]) == 0

    assert Accounts(htpasswd).verify("bob", "new")
    assert Accounts(htpasswd).verify("ann", "anns")
    assert json.loads(capsys.readouterr().out) == {"user": "bob"}


def test_without_a_terminal_the_password_must_come_from_standard_input(
    htpasswd: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "secret\n")

    assert main(["user", "add", "carl", "-P", str(htpasswd)]) == 2

    assert "give it with `--password-stdin`" in capsys.readouterr().err


@pytest.mark.process
def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(
    tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    file = tmp_path / "htpasswd"
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pypitool", "user", "add", "ann", "-P", str(file)]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=clean_environment, start_new_session=True
    )
    os.close(theirs)

    shown = said(ours, until=b"Password of ann: ")
    os.write(ours, b"hidden\n")
    shown += said(ours, until=b": ")
    os.write(ours, b"hidden\n")
    shown += said(ours, until=b"added ann")

    assert process.wait(LONGEST) == 0
    assert Accounts(file).verify("ann", "hidden")
    assert b"hidden" not in shown
    os.close(ours)


def said(terminal: int, *, until: bytes) -> bytes:
    text = b""
    while until not in text:
        text += os.read(terminal, 1024)
    return text


def test_a_user_is_removed(htpasswd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["user", "remove", "ann", "-P", str(htpasswd)]) == 0

    assert "ann" not in htpasswd.read_text()
    assert capsys.readouterr().err == "removed ann\n"


def test_removing_a_stranger_ends_with_5(htpasswd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["user", "remove", "eve", "-P", str(htpasswd)]) == 5

    assert "there is no user 'eve'" in capsys.readouterr().err


def test_users_are_listed(htpasswd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["user", "list", "-P", str(htpasswd)]) == 0
    assert capsys.readouterr().out == "ann\nbob\n"

    assert main(["user", "list", "-P", str(htpasswd), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"users": ["ann", "bob"]}


@pytest.mark.parametrize(
    ("name", "password", "code", "words"),
    [("ann", "anns", 0, "right"), ("ann", "bobs", 4, "wrong"), ("eve", "anns", 4, "wrong")],
)
def test_a_password_is_checked(
    htpasswd: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    password: str,
    code: int,
    words: str,
) -> None:
    typed(monkeypatch, f"{password}\n")

    assert main(["user", "check", name, "--password-stdin", "-P", str(htpasswd)]) == code

    assert capsys.readouterr().out == f"{name}: {words}\n"


def test_the_file_comes_from_the_configuration(
    htpasswd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[auth]\npasswords = 'htpasswd'\n")

    assert main(["--config", str(config), "user", "list"]) == 0

    assert capsys.readouterr().out.startswith("ann\n")


def test_without_any_file_the_command_says_how_to_give_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["user", "list"]) == 2

    assert "give it with `-P FILE`" in capsys.readouterr().err


def test_a_missing_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["user", "list", "-P", str(tmp_path / "none")]) == 8

    printed = capsys.readouterr().err
    assert printed == f"error: cannot use the password file `{tmp_path}/none`: it does not exist\n"


def test_a_password_is_never_a_flag() -> None:
    assert main(["user", "add", "ann", "--password", "secret"]) == 2


def test_users_who_come_and_go_are_recorded_without_their_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.setenv("PYPITOOL_PACKAGES", str(packages))
    typed(monkeypatch, "secret\n")
    file = str(tmp_path / "htpasswd")
    main(["rescan"])

    assert main(["user", "add", "ann", "--password-stdin", "-P", file]) == 0
    assert main(["user", "remove", "ann", "-P", file]) == 0
    assert main(["user", "remove", "ann", "-P", file]) == 5

    capsys.readouterr()
    main(["audit", "--json"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["what"], line["user"]) for line in found] == [("user-add", "ann"), ("user-remove", "ann")]
    assert all(line["who"].startswith("local:") and line["with"] == "local" for line in found)
    assert "secret" not in str(found)


def test_passwords_that_are_kept_badly_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "htpasswd"
    file.write_text("ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nbob:plain\n")

    assert main(["user", "list", "-P", str(file)]) == 0

    printed = capsys.readouterr()
    assert printed.out == "ann\nbob\n"
    assert "the password of ann is kept in a weak form" in printed.err
    assert "the password of bob is refused: plain text" in printed.err


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directories of a server, where bob has made two tokens for himself and ann one."""
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.setenv("PYPITOOL_PACKAGES", str(packages))
    with Repository.open([packages]) as repository:
        for user, name in (("bob", "pc"), ("bob", "laptop"), ("ann", "pc")):
            create(
                repository, TokenRequest(name, ("*",), ("list",), owner=f"user:{user}"), Actor("local:root")
            )
    return packages


def living(packages: Path) -> list[str]:
    with Repository.open([packages]) as repository:
        return sorted(token.shown for token in repository.catalogue.tokens() if token.revoked is None)


def test_the_tokens_of_a_user_end_with_the_account(
    htpasswd: Path, packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["user", "remove", "bob", "-P", str(htpasswd)]) == 0

    assert capsys.readouterr().err == "removed bob, and revoked 2 tokens of theirs\n"
    assert living(packages) == ["ann/pc"]
    lines = [json.loads(line) for line in (packages / ".pypitool" / "facts.jsonl").read_text().splitlines()]
    assert [line["what"] for line in lines[-3:]] == ["user-remove", "token-revoke", "token-revoke"]


def test_what_a_removed_user_owns_is_said(
    htpasswd: Path, packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["owner", "acme-core", "--add", "ann"])
    capsys.readouterr()

    assert main(["user", "remove", "ann", "-P", str(htpasswd)]) == 0

    assert capsys.readouterr().err.splitlines()[1:] == [
        "warning: acme-core is still owned by whoever is called ann; "
        "`pypitool owner acme-core --remove ann` ends that"
    ]


def test_what_an_account_has_left_that_was_removed_by_hand_ends_with_the_next_of_its_name(
    htpasswd: Path, packages: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_htpasswd(htpasswd, {"ann": "anns"})
    typed(monkeypatch, "new\n")

    assert main(["user", "add", "bob", "--password-stdin", "-P", str(htpasswd)]) == 0

    assert capsys.readouterr().err == "added bob, and revoked 2 tokens of theirs\n"
    assert living(packages) == ["ann/pc"]


def test_a_changed_password_keeps_the_tokens_and_says_how_many(
    htpasswd: Path, packages: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "new\n")

    assert main(["user", "add", "bob", "--password-stdin", "-P", str(htpasswd)]) == 0

    said = capsys.readouterr().err
    assert said == (
        "changed the password of bob\n"
        "warning: 2 tokens of bob live on; `pypitool token revoke --user bob` ends them\n"
    )
    assert living(packages) == ["ann/pc", "bob/laptop", "bob/pc"]


def test_all_tokens_of_a_user_are_revoked(packages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    revoke = ["token", "revoke", "--user", "bob"]

    assert (main(revoke), main(revoke), main([*revoke, "bob/pc"])) == (0, 0, 2)

    said = capsys.readouterr().err.splitlines()
    assert sorted(said[:2]) == ["revoked bob/laptop", "revoked bob/pc"]
    assert said[2] == "no token of bob is alive"
    assert living(packages) == ["ann/pc"]

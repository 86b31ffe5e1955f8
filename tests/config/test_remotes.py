"""`[remote.NAME]`: servers elsewhere, and where their secrets are."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.config.faults import BadConfiguration
from pypitool.config.loader import load_settings
from pypitool.config.secrets import password, unreadable, unset
from pypitool.config.upstream_tables import RemoteAuth, RemoteSettings
from pypitool.core.errors import exit_code


def remotes(tmp_path: Path, text: str) -> tuple[RemoteSettings, ...]:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load_settings({}, {}, file, system_file=tmp_path / "none").settings.remotes


def faults_of(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(BadConfiguration) as refused:
        remotes(tmp_path, text)
    assert exit_code(refused.value) == 8
    return [str(fault).removeprefix(f"{tmp_path / 'config.toml'}: ") for fault in refused.value.faults]


def test_every_key_is_read(tmp_path: Path) -> None:
    found = remotes(
        tmp_path,
        """
        [remote.acme]
        url = "https://pypi.acme.example/"
        upload-url = "https://pypi.acme.example/legacy/"
        index-url = "https://pypi.acme.example/simple/"
        auth = { token-file = "token" }
        ca = "acme.pem"
        proxy = "http://proxy.acme.example:3128"
        [remote.other]
        url = "http://other.example:8080"
        auth = { user = "ann", password-env = "OTHER" }
        """,
    )

    assert found == (
        RemoteSettings(
            "acme",
            "https://pypi.acme.example/",
            upload_url="https://pypi.acme.example/legacy/",
            index_url="https://pypi.acme.example/simple/",
            auth=RemoteAuth(token_file=tmp_path / "token"),
            ca=tmp_path / "acme.pem",
            proxy="http://proxy.acme.example:3128",
        ),
        RemoteSettings(
            "other", "http://other.example:8080", auth=RemoteAuth(user="ann", password_env="OTHER")
        ),
    )


def test_a_remote_needs_an_address(tmp_path: Path) -> None:
    assert faults_of(tmp_path, "[remote.acme]\nca = 'acme.pem'\n") == ["remote.acme: needs `url`"]


@pytest.mark.parametrize(
    ("auth", "fault"),
    [
        ('{ user = "a" }', "needs one of `password-env`, `password-file`, `token-env`, `token-file`"),
        ('{ token-env = "A", token-file = "b" }', "has `token-env` and `token-file`: one of them is enough"),
        ('{ password-env = "A" }', "needs `user`"),
        ('{ user = "a", token-env = "A" }', "has `user` and a token: a token needs no user"),
        ('{ token-env = "a b" }', ".token-env: expected the name of a variable: letters, digits and `_`"),
        (
            '{ token = "secret" }',
            ".token: write no token here: name a variable with `token-env`, or a file with `token-file`",
        ),
        ('{ token-evn = "A" }', ".token-evn: unknown key, did you mean `token-env`?"),
        ('"ann"', "expected a table such as"),
    ],
)
def test_what_says_as_whom_is_judged(tmp_path: Path, auth: str, fault: str) -> None:
    (found,) = faults_of(tmp_path, f'[remote.acme]\nurl = "https://h/"\nauth = {auth}\n')

    assert found.startswith("remote.acme.auth")
    assert fault in found
    assert "secret" not in found


def test_two_users_are_one_too_many(tmp_path: Path) -> None:
    text = (
        '[remote.acme]\nurl = "https://ann@h/"\nupload-url = "https://ann:one@h/legacy/"\n'
        'auth = { token-env = "A" }\n'
    )

    assert faults_of(tmp_path, text) == [
        "remote.acme.url: names a user, and so does `auth`: leave out one",
        "remote.acme.upload-url: names a user, and so does `auth`: leave out one",
    ]


def test_secrets_are_looked_for_where_they_are_needed(tmp_path: Path) -> None:
    by_file = RemoteSettings("file", "https://h/", auth=RemoteAuth(token_file=tmp_path / "token"))
    by_name = RemoteSettings("name", "https://h/", auth=RemoteAuth("ann", password_env="ACME"))
    trusting = RemoteSettings("ca", "https://h/", ca=tmp_path / "acme.pem")

    missing = [str(fault) for fault in unreadable([by_file, by_name, trusting])]
    absent = [str(fault) for fault in unset([by_file, by_name, trusting], {"ACME": ""})]
    (tmp_path / "token").write_text("pypitool_x\n")

    assert missing == [
        f"remote.file.auth.token-file: {tmp_path / 'token'} cannot be read: No such file or directory",
        f"remote.ca.ca: {tmp_path / 'acme.pem'} cannot be read: No such file or directory",
    ]
    assert absent == ["remote.name.auth.password-env: the variable ACME is not set"]
    assert by_file.auth is not None
    assert by_name.auth is not None
    assert password(by_file.auth, {}) == "pypitool_x"
    assert password(by_name.auth, {"ACME": " one "}) == " one "

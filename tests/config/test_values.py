from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pypitool.config import (
    job_tables,
    kinds,
    mirror_tables,
    publisher_tables,
    rights_tables,
    server_table,
    upstream_tables,
)
from pypitool.config.kinds import ValueKind
from pypitool.config.values import BadValue

_MODULES = (
    kinds, server_table, rights_tables, publisher_tables, upstream_tables, mirror_tables, job_tables,
)  # fmt: skip
KINDS = {
    name.lower(): kind
    for module in _MODULES
    for name, kind in vars(module).items()
    if isinstance(kind, ValueKind)
}


@pytest.mark.parametrize(
    ("kind", "toml", "value"),
    [
        ("text", "localhost", "localhost"),
        ("path", "a/b", Path("a/b")),
        ("paths", "one", (Path("one"),)),
        ("paths", ["one", "two"], (Path("one"), Path("two"))),
        ("passwords", ".", "."),
        ("passwords", "./users", Path("users")),
        ("port", 443, 443),
        ("mode", "0600", 0o600),
        ("mode", "0o660", 0o660),
        ("flag", True, True),
        ("size", 4096, 4096),
        ("size", "2G", 2 * 1024**3),
        ("duration", 90, 90.0),
        ("duration", 0.5, 0.5),
        ("duration", "1h30m", 5400.0),
        ("seconds", 0, 0),
        ("url", "https://mirror.example/simple/", "https://mirror.example/simple/"),
        ("prefix", "/", "/"),
        ("prefix", "priv", "/priv"),
        ("prefix", "/a/b/", "/a/b"),
        ("endpoint", "/Health_1/x-y", "/Health_1/x-y"),
        ("hash", "sha256", "sha256"),
        ("hash", "SHA512", "sha512"),
        ("hash", False, "off"),
        ("header", "X-Remote-User", "X-Remote-User"),
        ("header", "Remoteuser", "Remoteuser"),
        (
            "networks",
            ["10.0.0.1", "10.0.0.0/8", "::1", "UNIX"],
            ("10.0.0.1/32", "10.0.0.0/8", "::1/128", "unix"),
        ),
        ("globs", ["acme-*", "Acme_?"], ("acme-*", "Acme_?")),
        ("actions", ["update", "LIST"], ("list", "update")),
        ("actions", " download , list", ("download", "list")),
        ("actions", ".", ()),
        ("log_format", "JSON", "json"),
        ("stream", "none", "none"),
        ("level", "debug", "debug"),
    ],
)
def test_a_file_may_hold(kind: str, toml: Any, value: Any) -> None:
    assert KINDS[kind].read(toml) == value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("paths", "/a:/b", (Path("/a"), Path("/b"))),
        ("port", " 8081 ", 8081),
        ("flag", "Yes", True),
        ("flag", "0", False),
        ("size", "512K", 512 * 1024),
        ("duration", "90", 90.0),
        ("hash", "0", "off"),
        ("hash", "no", "off"),
        ("globs", "acme-*, internal", ("acme-*", "internal")),
        ("networks", "unix,127.0.0.1", ("unix", "127.0.0.1/32")),
        ("actions", "download, List ,update", ("download", "list", "update")),
    ],
)
def test_a_flag_or_a_variable_may_hold(kind: str, text: str, value: Any) -> None:
    assert KINDS[kind].parse(text) == value


@pytest.mark.parametrize(
    ("kind", "toml", "message"),
    [
        ("port", "8080", "expected an integer, got a string"),
        ("port", True, "expected an integer, got a boolean"),
        ("port", 70000, "expected a number between 1 and 65535, got 70000"),
        ("text", "", "expected a string, got an empty string"),
        ("text", "a\nb", "expected a string without control characters, got 'a\\nb'"),
        ("path", "a\0b", "expected a path without control characters, got 'a\\x00b'"),
        ("path", 1.5, "expected a path, got a float"),
        ("paths", [], "expected at least one directory, got an empty array"),
        ("paths", ["a", 1], "expected an array of paths, got an integer"),
        ("paths", {"a": 1}, "expected an array of paths, got a table"),
        ("mode", 660, "expected permissions as octal digits in quotes, such as `0660`, got an integer"),
        ("mode", "0999", "expected permissions as octal digits in quotes, such as `0660`, got `0999`"),
        ("flag", "true", "expected true or false, got a string"),
        ("size", -1, "expected a size such as `4096`, `512K`, `64M` or `2G`, got `-1`"),
        ("size", "2 apples", "expected a size such as `4096`, `512K`, `64M` or `2G`, got `2 apples`"),
        ("duration", 0, "expected a duration above 0 and up to 366d, got `0`"),
        ("duration", "900w", "expected a duration above 0 and up to 366d, got `900w`"),
        ("url", "ftp://x/", "expected an http or https URL, got `ftp://x/`"),
        ("url", "http://me:secret@[::1", "expected an http or https URL, got `http://***@[::1`"),
        ("url", "http://[::1", "expected an http or https URL, got `http://[::1`"),
        ("url", "http://host:99999/", "expected an http or https URL, got `http://host:99999/`"),
        ("prefix", "http://host/a", "expected a path such as `/pypi`, got `http://host/a`"),
        ("prefix", "/a/../b", "expected a path such as `/pypi`, got `/a/../b`"),
        ("endpoint", "health", "expected `/` and then letters, digits, `/`, `_` or `-`, got `health`"),
        ("endpoint", "/hé", "expected `/` and then letters, digits, `/`, `_` or `-`, got `/hé`"),
        ("hash", "sha257", "expected sha256, md5, blake2b or off, got `sha257`"),
        (
            "header",
            "Remote User",
            "expected the name of an HTTP header such as `Remoteuser`, got `Remote User`",
        ),
        ("networks", ["localhost"], "expected an address, a network or the word unix, got `localhost`"),
        (
            "globs",
            ["acme-[ab]"],
            "expected a project name, with `*` and `?` for the rest of it, got `acme-[ab]`",
        ),
        ("actions", [], "expected some of download, list, update, or `.` alone, got `nothing`"),
        ("actions", "., update", "expected some of download, list, update, or `.` alone, got `.`"),
        ("actions", "upload", "expected some of download, list, update, or `.` alone, got `upload`"),
        ("stream", "both", "expected one of stdout, stderr, none, got `both`"),
    ],
)
def test_a_wrong_value_is_refused_in_a_sentence(kind: str, toml: Any, message: str) -> None:
    with pytest.raises(BadValue) as refused:
        KINDS[kind].read(toml)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("port", "http", "expected an integer, got `http`"),
        ("port", "٣", "expected an integer, got `٣`"),
        ("port", "9" * 5000, f"expected an integer, got `{'9' * 5000}`"),
        ("flag", "maybe", "expected true or false, got `maybe`"),
    ],
    ids=["word", "other digits", "endless", "maybe"],
)
def test_a_wrong_text_is_refused_in_a_sentence(kind: str, text: str, message: str) -> None:
    with pytest.raises(BadValue) as refused:
        KINDS[kind].parse(text)

    assert str(refused.value) == message


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_written_back_reads_as_the_same_value(kind: str) -> None:
    samples: dict[str, Any] = {
        "mode": "0600", "size": "3M", "duration": "90m", "keep": "90d", "paths": ["a", "b"], "flag": True,
        "port": 1, "workers": 2, "threads": 8, "seconds": 4, "url": "http://x/", "prefix": "/p",
        "endpoint": "/e", "hash": "off", "networks": ["unix"], "globs": ["a*"], "actions": ["list"],
        "log_format": "json", "stream": "stderr", "level": "error", "forwarded_header": "Forwarded",
        "span": "3d", "some_span": "1h", "index": "pypi", "connections": 16, "retries": 0,
        "auth": {"user": "mirror", "password-file": "secret"}, "python": "3.13t", "platform": "win_amd64",
        "implementation": "pp", "markers": {"platform_release": "6.8.0"}, "files": "wheel",
        "yanked": "never", "copied_in": "match", "closure": "off", "notify_on": "change",
        "run": "bundle export /srv/out.tar --since 3", "cron": "30 3 * * mon-fri", "timezone": "UTC",
        "webhook": "https://chat.example/hook", "command": "/usr/bin/tell 'two words'",
        "rights": ["upload", "list"], "addresses": ["10.0.0.1"],
        "remote_auth": {"token-env": "ACME_TOKEN"}, "issuer": "https://x/", "minted_span": "15m",
        "claims": {"a/b": ["x", "y*"], "protected": True, "number": 7},
    }  # fmt: skip
    value = KINDS[kind].read(samples.get(kind, "word"))

    assert KINDS[kind].read(KINDS[kind].to_toml(value)) == value

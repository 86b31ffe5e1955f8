from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from pypitool.__main__ import main
from pypitool.cli.command import Option
from pypitool.cli.commands.serve import WITHOUT_EFFECT, configured, serve_command
from pypitool.cli.invocation import Invocation
from pypitool.config.loader import Loaded
from pypitool.config.settings import Settings, keys, value_of

SERVED = [key for key in keys() if key.topic]
# pypi-server run, as its own help lists it.
PYPI_SERVER_FLAGS = (
    "-p --port -i -H --interface --host -a --authenticate -P --passwords --disable-fallback --fallback-url "
    "--health-endpoint --server -o --overwrite --welcome --cache-control --server-base-url --hash-algo "
    "--backend -v --verbose --log-file --log-stream --log-frmt --log-req-frmt --log-res-frmt --log-err-frmt"
)


def parsed(*words: str) -> tuple[Invocation, Loaded]:
    invocation = Invocation(environ={})
    context = serve_command.make_context("serve", list(words), obj=invocation)
    return invocation, configured(invocation, context.params["directories"])


def settings_of(*words: str) -> Settings:
    return parsed(*words)[1].settings


def flags_of_serve() -> dict[str, click.Option]:
    return {
        flag: one
        for one in serve_command.params
        if isinstance(one, click.Option)
        for flag in (*one.opts, *one.secondary_opts)
    }


def test_every_key_has_its_flags_and_every_flag_its_key() -> None:
    of_keys = {flag for key in SERVED for flag in key.flags}
    switches = {f"--no-{key.flag.removeprefix('--')}" for key in SERVED if not key.kind.metavar}
    common = {"--config", "--json", "-q", "--quiet", "-v", "--verbose", "--debug", "--color"}

    # The jobs are a process beside the server, and no setting of it.
    assert set(flags_of_serve()) == of_keys | switches | common | set(WITHOUT_EFFECT) | {"--jobs"}


@pytest.mark.parametrize("flag", PYPI_SERVER_FLAGS.split())
def test_every_flag_of_pypi_server_is_there(flag: str) -> None:
    assert flag in flags_of_serve()


def test_every_flag_says_its_variable_and_its_default() -> None:
    for key in SERVED:
        described = flags_of_serve()[key.flag]
        assert isinstance(described, Option)
        assert described.help is not None
        assert f"env var: {key.variable}" in described.help
    assert str(flags_of_serve()["--port"].help).endswith("[env var: PYPITOOL_PORT; default: 8080]")


@pytest.mark.parametrize(
    ("words", "path", "value"),
    [
        ("-p 8081", "server.port", 8081),
        ("-i 127.0.0.1", "server.host", "127.0.0.1"),
        ("-H ::1", "server.host", "::1"),
        ("--host h", "server.host", "h"),
        ("--interface i", "server.host", "i"),
        ("-a download,LIST", "auth.authenticate", ("download", "list")),
        ("-a . -P .", "auth.authenticate", ()),
        ("-a . -a update", "auth.authenticate", ("update",)),
        ("-P /etc/users", "auth.passwords", Path("/etc/users")),
        ("-a . -P .", "auth.passwords", None),
        ("--disable-fallback", "server.disable_fallback", True),
        ("--no-disable-fallback", "server.disable_fallback", False),
        ("--fallback-url http://m/s/", "server.fallback_url", "http://m/s/"),
        ("--health-endpoint /alive", "server.health_endpoint", "/alive"),
        ("-o", "server.overwrite", True),
        ("--welcome /w.html", "server.welcome", Path("/w.html")),
        ("--cache-control 3600", "server.cache_control", 3600),
        ("--hash-algo md5", "server.hash_algo", "md5"),
        ("--hash-algo no", "server.hash_algo", "off"),
        ("--hash-algo 0", "server.hash_algo", "off"),
        ("--server-base-url /pypi/", "server.server_base_url", "/pypi"),
        ("--log-stream none", "server.log_stream", "none"),
        ("--log-file /l", "server.log_file", Path("/l")),
        ("", "server.log_level", "info"),
        ("-v", "server.log_level", "info"),
        ("-vv", "server.log_level", "debug"),
        ("-v -v -v", "server.log_level", "debug"),
        ("-q", "server.log_level", "error"),
        ("-vv --log-level warning", "server.log_level", "warning"),
        ("--log-format json", "server.log_format", "json"),
        ("--workers 4", "server.workers", 4),
        ("--threads 64", "server.threads", 64),
        ("--state /s", "server.state", Path("/s")),
        ("--cert /c --key /k", "server.key", Path("/k")),
        ("--unix-socket /u.sock --unix-socket-mode 0600", "server.unix_socket_mode", 0o600),
        ("--max-upload-size 5M", "server.max_upload_size", 5 * 1024**2),
        ("--read-only", "server.read_only", True),
        (
            "--trusted-proxies unix --trusted-proxies 10.0.0.0/8",
            "server.trusted_proxies",
            ("unix", "10.0.0.0/8"),
        ),
        ("--auth-header Xu --trusted-proxies unix", "auth.header", "Xu"),
        ("--auth-header X-U --auth-header-is-safe --trusted-proxies unix", "auth.header", "X-U"),
        ("--forwarded-header Forwarded", "server.forwarded_header", "Forwarded"),
        ("--private acme-*,internal", "policy.private", ("acme-*", "internal")),
        ("--no-access-log", "server.access_log", False),
        ("/a /b:c", "server.packages", (Path("/a"), Path("/b:c"))),
        ("--packages /a --packages /b", "server.packages", (Path("/a"), Path("/b"))),
    ],
)
def test_a_flag_means(words: str, path: str, value: Any) -> None:
    key = next(key for key in keys() if f"{key.section}.{key.field}" == path)

    assert value_of(settings_of(*words.split()), key) == value


def test_without_a_directory_the_one_in_the_home_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")

    assert settings_of().server.packages == (Path("/somewhere/packages"),)


def test_relative_directories_are_those_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert settings_of("a", "./b").server.packages == (tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("flag", WITHOUT_EFFECT)
def test_a_flag_that_makes_no_sense_any_more_is_accepted_with_a_notice(flag: str) -> None:
    invocation, _ = parsed(flag, "anything")

    assert [notice for notice in invocation.notices if notice.startswith(f"`{flag}` has no effect: ")]


def test_log_formats_name_the_flag_that_took_their_place() -> None:
    invocation, _ = parsed("--log-frmt", "%(message)s", "--log-err-frmt", "%s")

    assert all("--log-format" in notice for notice in invocation.notices)
    assert len(invocation.notices) == 2


def test_a_digest_that_is_not_held_is_a_notice() -> None:
    _, loaded = parsed("--hash-algo", "sha512")

    assert loaded.settings.server.hash_algo == "sha256"
    assert "sha512" in loaded.notices[0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("-a .", "--authenticate: `-a .` and `-P .` (authenticate and passwords) must come together"),
        ("-P .", "--passwords: `-a .` and `-P .` (authenticate and passwords) must come together"),
        ("-a ., ", "--authenticate: `-a .` and `-P .`"),
        (
            "-a .,list -P .",
            "'-a' / '--authenticate': expected some of download, list, update, or `.` alone, got `.`",
        ),
        ("-a upload", "expected some of download, list, update, or `.` alone, got `upload`"),
        ("-p http", "'-p' / '--port': expected an integer, got `http`"),
        ("--health-endpoint health", "expected `/` and then letters"),
        ("--health-endpoint /simple", "--health-endpoint: `/simple` is an address of the index itself"),
        ("--hash-algo sha257", "expected sha256, md5, blake2b or off, got `sha257`"),
        ("--log-stream both", "expected one of stdout, stderr, none, got `both`"),
        ("--cert /c", "--cert: needs `key` as well"),
        ("--auth-header Xu", "--auth-header: needs `trusted-proxies`"),
        ("-U pkgs", "no such option"),
    ],
)
def test_wrong_flags_end_with_2_and_a_sentence(
    words: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *words.split()]) == 2

    assert sentence in capsys.readouterr().err.replace("No such", "no such")

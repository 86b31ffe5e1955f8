"""What `pypitool serve` prints when it begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pypitool.config.mirror_tables import PolicySettings
from pypitool.config.rights_tables import AuthSettings, RuleSettings
from pypitool.config.server_table import ServerSettings
from pypitool.config.settings import Settings
from pypitool_server.engine.banner import banner
from pypitool_server.engine.worker_processes import Ready

PACKAGES = (Path("/srv/packages"), Path("/srv/more"))


def printed(server: ServerSettings, auth: AuthSettings = AuthSettings(), *private: str) -> list[str]:  # noqa: B008
    settings = Settings(
        server=replace(server, packages=PACKAGES), auth=auth, policy=PolicySettings(private=private)
    )
    text = banner(settings, Ready(projects=12, files=3456), port=server.port, hostname="build-host")
    return [line.strip() for line in text.splitlines()]


def test_the_defaults_are_told_in_full() -> None:
    first, *rest = printed(ServerSettings())

    assert first.endswith("serves /srv/packages, /srv/more (3,456 files of 12 projects are known)")
    assert rest == [
        "at http://0.0.0.0:8080/ (every address of this machine)",
        "list and download: everybody",
        "upload, yank and delete: nobody (there is no password file: `-P FILE` names one)",
        "unknown projects: redirected to the public PyPI",
        "pip.conf of a client:",
        "[global]",
        "index-url = http://build-host:8080/simple/",
        "trusted-host = build-host",
    ]


def test_accounts_and_private_names_are_told() -> None:
    auth = AuthSettings(authenticate=("update", "download"), passwords=Path("/etc/htpasswd"))

    lines = printed(ServerSettings(fallback_url="https://joe:secret@mirror.example/simple/"), auth, "acme-*")

    assert "list: everybody" in lines
    assert "download: the users of /etc/htpasswd" in lines
    assert "upload, yank and delete: the users of /etc/htpasswd" in lines
    assert "unknown projects: redirected to https://***@mirror.example/simple/, but never acme-*" in lines


def test_an_open_server_says_so() -> None:
    lines = printed(ServerSettings(disable_fallback=True), AuthSettings(authenticate=()))

    assert "upload, yank and delete: everybody" in lines
    assert "unknown projects: 404" in lines


def test_a_mount_behind_tls_is_in_the_address_of_clients() -> None:
    server = ServerSettings(
        host="pypi.example", port=443, server_base_url="/priv", cert=Path("c"), key=Path("k"), read_only=True
    )

    lines = printed(server)

    assert "at https://pypi.example/priv/" in lines
    assert "index-url = https://pypi.example/priv/simple/" in lines
    assert "upload, yank and delete: nobody (read-only)" in lines
    assert not any("trusted-host" in line for line in lines)


def test_ipv6_and_loopback_are_written_as_urls_want_them() -> None:
    lines = printed(ServerSettings(host="::1", port=8080))

    assert "at http://[::1]:8080/" in lines
    assert not any("trusted-host" in line for line in lines)


def test_rules_are_counted_and_the_way_to_an_explanation_is_told() -> None:
    rule = RuleSettings(1, ("ann",), ("list",))
    settings = Settings(server=replace(ServerSettings(), packages=PACKAGES), rules=(rule, rule))

    text = banner(settings, Ready(projects=1, files=1), port=8080, hostname="build-host")

    assert "rights: 2 rules; `pypitool may WHO ACTION PROJECT` explains them" in text
    assert "everybody" not in text

"""Units and compose files: how they start pypi-server, and what else stands in them."""

from __future__ import annotations

from typing import Any

import pytest

from pypitool.core.moving.pypi_server_words import read_words
from pypitool.core.moving.service_files import read_compose, read_unit, unit_user
from pypitool.core.moving.starting_line import CannotTell, Start

UNIT = """\
[Unit]
Description=A private index
[Service]
Type=simple
# ExecStart=/bin/false
User=pypi
WorkingDirectory=/srv/index
Environment=TOKEN=hunter2
ExecStart=/opt/venv/bin/pypi-server run \\
    -P .htpasswd \\
    packages
Restart=always
[Install]
WantedBy=multi-user.target
"""

README_UNIT = """\
[Unit]
Description=A minimal PyPI server for use with pip/easy_install.
After=network.target

[Service]
Type=simple
# systemd requires absolute path here too.
PIDFile=/var/run/pypiserver.pid
User=www-data
Group=www-data

ExecStart=/usr/local/bin/pypi-server run -p 8080 -a update,download --log-file /var/log/pypiserver.log \\
    -P /etc/nginx/.htpasswd /var/www/pypi
ExecStop=/bin/kill -TERM $MAINPID
ExecReload=/bin/kill -HUP $MAINPID
Restart=always

WorkingDirectory=/var/www/pypi

TimeoutStartSec=3
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


def given(start: Start) -> dict[str, str]:
    return {one.path: one.text for one in read_words(start).given}


def left(start: Start) -> list[str]:
    return [one.what for one in read_words(start).left]


def compose(service: dict[str, Any], **others: Any) -> Start:
    return read_compose({"services": {"index": service}, **others}, "compose.yml", "/srv", "/home/ann")


def test_a_unit_is_read() -> None:
    start = read_unit(UNIT, "x.service", "/home/pypi")

    assert unit_user(UNIT) == "pypi"
    assert given(start) == {
        "auth.passwords": "/srv/index/.htpasswd",
        "server.packages": "/srv/index/packages",
    }
    assert left(start) == ["Type=simple", "Environment=TOKEN", "Restart=always"]


def test_an_empty_line_of_a_unit_forgets_those_before() -> None:
    text = "[Service]\nExecStart=pypi-server run /a\nExecStart=\nExecStart=-pypi-server run /b\n"

    assert given(read_unit(text, "x", None)) == {"server.packages": "/b"}


@pytest.mark.parametrize("word", ["%h/packages", "$DIR", "${DIR}/packages", "packages", "~other/packages"])
def test_of_a_unit_no_place_is_guessed(word: str) -> None:
    start = read_unit(f"[Service]\nExecStart=pypi-server run {word}\n", "x", "/home/pypi")

    assert given(start) == {}
    assert left(start) == [word]


def test_the_unit_of_its_readme_is_read() -> None:
    start = read_unit(README_UNIT, "pypiserver.service", "/var/www")

    assert given(start) == {
        "server.port": "8080",
        "auth.authenticate": "update,download",
        "server.log-file": "/var/log/pypiserver.log",
        "auth.passwords": "/etc/nginx/.htpasswd",
        "server.packages": "/var/www/pypi",
    }
    assert "ExecReload=/bin/kill -HUP $MAINPID" in left(start)


def test_a_unit_may_run_a_container() -> None:
    line = "docker run --rm --name %n -p 80:8080 -v /srv/p:/data/packages -v /srv/%i:/data/auth"
    start = read_unit(
        f"[Service]\nExecStart=/usr/bin/{line} pypiserver/pypiserver run -P /data/auth/h -a update\n",
        "x",
        None,
    )

    assert given(start)["server.packages"] == "/srv/p"
    assert "/srv/%i:/data/auth" in left(start)


def test_a_unit_around_compose_leads_to_its_file() -> None:
    with pytest.raises(CannotTell, match="name the compose file itself"):
        read_unit("[Service]\nExecStart=/usr/bin/docker compose up\n", "x", None)


def test_a_unit_without_a_start_is_refused() -> None:
    with pytest.raises(CannotTell, match="one ExecStart= is expected"):
        read_unit("[Service]\nType=oneshot\n", "x", None)


def test_a_compose_file_is_read() -> None:
    start = compose(
        {
            "image": "pypiserver/pypiserver:latest",
            "ports": ["80:8080"],
            "environment": {"SECRET": "hunter2"},
            "volumes": [
                {"type": "bind", "source": "./packages", "target": "/data/packages"},
                "./auth:/data/auth:ro",
                "logs:/data/logs",
            ],
            "command": "run -P /data/auth/.htpasswd -a update,download,list /data/packages",
            "restart": "always",
        },
        version="3.3",
        volumes={"logs": ""},
    )

    assert given(start) == {
        "auth.passwords": "/srv/auth/.htpasswd",
        "auth.authenticate": "update,download,list",
        "server.packages": "/srv/packages",
    }
    assert left(start) == [
        "logs:/data/logs",
        "ports: 80:8080",
        "environment: SECRET",
        "restart: always",
        "volumes",
    ]


@pytest.mark.parametrize(
    "service",
    [
        {"image": "acme.example:5000/pypiserver/pypiserver:1", "volumes": ["/p:/data/packages"]},
        {"build": ".", "entrypoint": ["pypi-server"], "command": ["run"], "volumes": ["/p:/data/packages"]},
        {"image": "acme", "command": "pypi-server run /data/packages", "volumes": ["/p:/data/packages"]},
    ],
)
def test_a_service_starts_it_in_several_ways(service: dict[str, Any]) -> None:
    assert given(compose(service)) == {"server.packages": "/p"}


@pytest.mark.parametrize(
    "document", [[], "text", {}, {"services": {}}, {"services": {"db": {"image": "pg"}}}]
)
def test_a_compose_file_without_it_is_refused(document: object) -> None:
    with pytest.raises(CannotTell):
        read_compose(document, "compose.yml", "/srv", None)


def test_of_two_services_none_is_chosen() -> None:
    service = {"image": "pypiserver/pypiserver"}

    with pytest.raises(CannotTell, match="a, b"):
        read_compose({"services": {"a": service, "b": service}}, "compose.yml", "/srv", None)

"""The words of pypi-server are read as its own parser reads them; all others are listed."""

from __future__ import annotations

import pytest

from pypitool.config.settings import keys_by_path
from pypitool.core.moving.pypi_server_words import ALONE, WITH_VALUE, Reading, read_words
from pypitool.core.moving.starting_line import CannotTell, read_start, split


def read(line: str) -> Reading:
    return read_words(read_start(split(line, line), line, "/here", "/home/ann"))


def given(line: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in read(line).given:
        found.setdefault(one.path, []).append(one.text)
    return found


def left(line: str) -> dict[str, str]:
    return {one.what: one.why for one in read(line).left}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pypi-server", {"server.packages": ["/home/ann/packages"]}),
        ("pypi-server run", {"server.packages": ["/home/ann/packages"]}),
        ("/opt/venv/bin/pypi-server run /srv/a b", {"server.packages": ["/srv/a", "/here/b"]}),
        ("python3 -m pypiserver run ~/p", {"server.packages": ["/home/ann/p"]}),
        ("pypi-server -p 8081 /srv/a", {"server.port": ["8081"], "server.packages": ["/srv/a"]}),
        ("pypi-server run -p8081 -- -odd", {"server.port": ["8081"], "server.packages": ["/here/-odd"]}),
        ("pypi-server run --port=8081 .", {"server.port": ["8081"], "server.packages": ["/here"]}),
        (
            "pypi-server run -voP .htpasswd -vv .",
            {
                "server.overwrite": ["true"],
                "auth.passwords": ["/here/.htpasswd"],
                "server.packages": ["/here"],
                "server.log-level": ["debug"],
            },
        ),
        (
            "pypi-server run -P. -a. .",
            {"auth.passwords": ["."], "auth.authenticate": ["."], "server.packages": ["/here"]},
        ),
        # argparse takes a shortened flag for the only one that begins so.
        (
            "pypi-server run --disable --fallback-u http://acme.example/simple .",
            {
                "server.disable-fallback": ["true"],
                "server.fallback-url": ["http://acme.example/simple"],
                "server.packages": ["/here"],
            },
        ),
    ],
)
def test_words_are_read_as_pypi_server_reads_them(line: str, expected: dict[str, list[str]]) -> None:
    assert given(line) == expected


@pytest.mark.parametrize(
    ("line", "listed"),
    [
        ("pypi-server run --server gunicorn .", "--server gunicorn"),
        ("pypi-server run --backend=simple-dir .", "--backend simple-dir"),
        ("pypi-server run --odd .", "--odd"),
        ("pypi-server run -p", "-p"),
        ("pypi-server run -P $HOME/.htpasswd .", "-P $HOME/.htpasswd"),
        ("pypi-server run . >> /var/log/pypi.log", "'>>' /var/log/pypi.log"),
        ("sudo -u www-data pypi-server run .", "sudo -u www-data"),
        ("pypi-server run --log-frmt '%(message)s' .", "--log-frmt %(message)s"),
    ],
)
def test_what_is_not_understood_is_listed(line: str, listed: str) -> None:
    assert listed in left(line)


def test_a_word_that_may_be_a_value_is_taken_for_no_directory() -> None:
    line = "pypi-server run --odd /srv/a"

    assert given(line) == {}
    assert left(line)["/srv/a"] == "it may be the value of `--odd`"


def test_of_an_ambiguous_flag_nothing_is_guessed() -> None:
    assert "--log" in left("pypi-server run --log x .")


def test_an_update_serves_nothing() -> None:
    assert not read("pypi-server update -x /srv/a").serves
    assert not read("pypi-server -Ux /srv/a").serves


@pytest.mark.parametrize("line", ["gunicorn 'pypiserver:app()'", "docker-compose up", "nginx -g off"])
def test_a_line_without_pypi_server_is_refused(line: str) -> None:
    with pytest.raises(CannotTell, match="no pypi-server is started"):
        read(line)


def test_a_shell_is_looked_into() -> None:
    line = "/bin/sh -c 'pypi-server run -p 80 /srv/a && true'"

    assert given(line) == {"server.port": ["80"], "server.packages": ["/srv/a"]}
    assert list(left(line)) == ["'&&' true"]


def test_paths_of_a_container_are_found_on_this_machine() -> None:
    line = (
        "docker run -p 80:8080 -e KEY=hunter2 -v ~/packages:/data/packages:ro --volume=./auth:/data/auth "
        "pypiserver/pypiserver:v2.1.1 run -P auth/.htpasswd"
    )

    assert given(line) == {
        "auth.passwords": ["/here/auth/.htpasswd"],
        "server.packages": ["/home/ann/packages"],
    }
    assert list(left(line)) == ["docker run -p 80:8080 -e KEY pypiserver/pypiserver:v2.1.1"]


@pytest.mark.parametrize("volume", ["data:/data/packages", "$PWD/p:/data/packages", "`pwd`/p:/data/packages"])
def test_where_a_volume_lies_is_not_guessed(volume: str) -> None:
    line = f"docker run -v '{volume}' pypiserver/pypiserver run"

    assert given(line) == {"server.packages": ["/data/packages"]}
    assert volume in left(line)


def test_every_flag_means_a_key_that_has_it() -> None:
    keys = keys_by_path()

    for flag, path in (WITH_VALUE | ALONE).items():
        assert flag in (keys[path].flags or (keys[path].flag,))
        assert bool(keys[path].kind.metavar) is (flag in WITH_VALUE)

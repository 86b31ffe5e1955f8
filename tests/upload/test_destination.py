"""Where files go, when several things could say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.config.upstream_tables import RemoteSettings
from pypitool.core.errors import Kind, PypitoolError, exit_code
from pypitool.core.upload.addresses import WhereTo
from pypitool.core.upload.pypirc import BadPypirc
from pypitool.upload.destination import (
    BadAddress,
    Destination,
    NoDestination,
    UnknownDestination,
    find_destination,
)
from pypitool.upstream.upstream import default_index

ACME = RemoteSettings("acme", "https://acme.example/")
OTHER = RemoteSettings(
    "other",
    "https://other.example/",
    upload_url="https://up.other.example/legacy/",
    index_url="https://in.other.example/simple",
    ca=Path("/other.pem"),
    proxy="http://proxy.example:3128",
)
PYPIRC = """\
[house]
repository = https://house.example/legacy/
username = ann
password = one
ca_cert = /house.pem
client_cert = /ann.pem
"""


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / ".pypirc").write_text(PYPIRC)
    return {"HOME": str(tmp_path)}


def find(where: WhereTo, environ: dict[str, str], *remotes: RemoteSettings) -> Destination:
    return find_destination(where, remotes, environ)


@pytest.mark.parametrize(
    ("where", "environ", "address"),
    [
        (
            WhereTo(url="https://flag.example/x/"),
            {"PYPITOOL_URL": "https://no.example/"},
            "https://flag.example/x/",
        ),
        (WhereTo(repository="acme"), {"PYPITOOL_URL": "https://no.example/"}, "https://acme.example/"),
        (WhereTo(repository="other"), {}, "https://up.other.example/legacy/"),
        (WhereTo(repository="house"), {}, "https://house.example/legacy/"),
        (
            WhereTo(),
            {"PYPITOOL_URL": "https://ours.example/", "TWINE_REPOSITORY_URL": "https://no.example/"},
            "https://ours.example/",
        ),
        (WhereTo(), {"PYPITOOL_REPOSITORY": "acme", "TWINE_REPOSITORY": "house"}, "https://acme.example/"),
        (WhereTo(), {"TWINE_REPOSITORY_URL": "https://twine.example/"}, "https://twine.example/"),
        (WhereTo(), {"PYPITOOL_URL": "", "TWINE_REPOSITORY": "house"}, "https://house.example/legacy/"),
    ],
)
def test_the_first_that_says_it_counts(
    home: dict[str, str], where: WhereTo, environ: dict[str, str], address: str
) -> None:
    assert find(where, home | environ, ACME, OTHER).address == address


def test_the_only_remote_is_meant_when_nothing_is_said(home: dict[str, str]) -> None:
    assert find(WhereTo(), home, ACME).name == "acme"


@pytest.mark.parametrize("remotes", [(), (ACME, OTHER)], ids=["none", "two"])
def test_the_public_index_is_never_meant_unasked(
    home: dict[str, str], remotes: tuple[RemoteSettings, ...]
) -> None:
    with pytest.raises(NoDestination) as refused:
        find(WhereTo(), home, *remotes)

    assert exit_code(refused.value) == 2
    names = [remote.name for remote in remotes]
    assert refused.value.known == (*names, "house", "pypi", "testpypi")
    assert all(name in str(refused.value.hint) for name in refused.value.known)


def test_the_public_index_is_meant_by_its_name(home: dict[str, str]) -> None:
    found = find(WhereTo(repository="pypi"), home, ACME)

    assert found.address.startswith("https://upload.")
    assert found.address.endswith("/legacy/")
    assert found.index == default_index()


def test_an_unknown_name_is_wrong_usage_with_the_known_ones(home: dict[str, str]) -> None:
    with pytest.raises(UnknownDestination, match="did you mean `house`") as refused:
        find(WhereTo(repository="hous"), home, ACME)

    assert exit_code(refused.value) == 2
    assert refused.value.hint == "there is acme, house, pypi, testpypi"


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (WhereTo(url="https://h.example/legacy/"), "https://h.example/simple/"),
        (
            WhereTo(url="https://h.example/", index_url="https://i.example/simple"),
            "https://i.example/simple/",
        ),
        (WhereTo(repository="acme"), "https://acme.example/simple/"),
        (WhereTo(repository="other"), "https://in.other.example/simple/"),
        (WhereTo(repository="house"), "https://house.example/simple/"),
    ],
)
def test_the_index_is_named_or_lies_beside_the_uploads(
    home: dict[str, str], where: WhereTo, index: str
) -> None:
    assert find(where, home, ACME, OTHER).index == index


def test_an_address_of_a_remote_or_of_a_section_brings_what_is_known_of_it(home: dict[str, str]) -> None:
    remote = find(WhereTo(url="https://up.other.example/legacy"), home, OTHER)
    section = find(WhereTo(url="https://house.example:443/legacy/"), home, OTHER)

    assert (remote.remote, remote.proxy) == (OTHER, "http://proxy.example:3128")
    assert section.section is not None
    assert section.section.name == "house"


@pytest.mark.parametrize(
    ("where", "environ", "ca"),
    [
        (WhereTo(repository="other", ca=Path("/flag.pem")), {"PYPITOOL_CA": "/ours.pem"}, "/flag.pem"),
        (WhereTo(repository="other"), {"PYPITOOL_CA": "/ours.pem", "TWINE_CERT": "/twine.pem"}, "/ours.pem"),
        (WhereTo(repository="other"), {"PYPITOOL_CA": "", "TWINE_CERT": "/twine.pem"}, "/twine.pem"),
        (WhereTo(repository="other"), {}, "/other.pem"),
        (WhereTo(repository="house"), {}, "/house.pem"),
    ],
)
def test_authorities_are_the_first_that_are_named(
    home: dict[str, str], where: WhereTo, environ: dict[str, str], ca: str
) -> None:
    assert find(where, home | environ, OTHER).ca == Path(ca)


def test_a_section_may_have_a_certificate_of_our_own(home: dict[str, str]) -> None:
    assert find(WhereTo(repository="house"), home).client_cert == Path("/ann.pem")


def test_another_file_may_be_named_and_has_to_be_there(home: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("[mine]\nrepository = https://mine.example/\n")

    assert find(WhereTo(repository="mine", pypirc=other), home).address == "https://mine.example/"
    with pytest.raises(BadPypirc, match="No such file"):
        find(WhereTo(repository="mine", pypirc=tmp_path / "gone"), home)


def test_a_broken_pypirc_hinders_only_who_needs_it(
    home: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    Path(home["HOME"], ".pypirc").write_text("secret\n")

    assert find(WhereTo(repository="acme"), home, ACME).address == "https://acme.example/"
    assert find(WhereTo(url="https://h.example/"), home).address == "https://h.example/"
    with pytest.raises(BadPypirc) as refused:
        find(WhereTo(repository="house"), home)
    assert refused.value.kind is Kind.CONFIG
    assert "secret" not in caplog.text + str(refused.value)


@pytest.mark.parametrize(
    "where",
    [WhereTo(url="h.example"), WhereTo(url="ftp://h/"), WhereTo(url="https://h/", index_url="simple/")],
)
def test_what_is_no_address_is_wrong_usage(home: dict[str, str], where: WhereTo) -> None:
    with pytest.raises(BadAddress) as refused:
        find(where, home)

    assert exit_code(refused.value) == 2


def test_credentials_in_an_address_are_never_shown(home: dict[str, str]) -> None:
    found = find(WhereTo(url="https://ann:secret@h.example/"), home)

    assert found.address == "https://h.example/"
    assert "secret" not in repr(found)
    assert not isinstance(found, PypitoolError)

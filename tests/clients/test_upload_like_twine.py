"""`pypitool upload` and twine with the same `.pypirc`, the same variables and the same files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import Clients
from tests.support.clients import Client
from tests.support.receiver import Received, Receiver, basic
from tests.support.wheels import build_sdist, build_wheel

pytestmark = pytest.mark.live
METADATA = """\
Metadata-Version: 2.4
Name: Acme.Core
Version: 1.0+local.1
Summary: what it is
Keywords: one,two
Author-email: Jörg <j@acme.example>
License-Expression: MIT
License-File: LICENSE
Classifier: Typing :: Typed
Classifier: Programming Language :: Python :: 3
Platform: any
Project-URL: Docs, https://acme.example/docs
Requires-Python: >=3.10
Requires-Dist: other>=1
Requires-Dist: more; extra == "all"
Provides-Extra: all
Dynamic: Platform
Description-Content-Type: text/markdown; charset=UTF-8

# Acme

A README with “quotes”.
"""
PYPIRC = """\
[distutils]
index-servers =
    house
    other

[house]
repository = {house}
username = ann
password = one:two

[other]
repository = {other}
username = __token__
password = pypi-abc
"""


@pytest.fixture
def house() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def other() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def ours(tmp_path: Path) -> Client:
    """The pypitool that was installed with the project, in the home of twine."""
    return Client.beside_us(tmp_path / "home")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    metadata = METADATA.encode()
    return [
        build_wheel(tmp_path, "Acme.Core", "1.0+local.1", metadata=metadata, tags="py2.py3-none-any"),
        build_sdist(tmp_path, "Acme.Core", "1.0+local.1", metadata=metadata),
    ]


def both(twine: Client, ours: Client, words: list[str | Path], environment: dict[str, str]) -> None:
    quiet = ["--non-interactive", "--disable-progress-bar"]
    twine.succeed("twine", "upload", *quiet, *words, environment=environment)
    ours.succeed("pypitool", "upload", "--jobs", "1", *words, environment=environment)


def by_name(received: list[Received]) -> dict[str, Received]:
    return {one.filename: one for one in received}


def test_the_same_forms_arrive_as_the_same_user(
    clients: Clients, ours: Client, house: Receiver, other: Receiver, files: list[Path]
) -> None:
    twine = clients("twine")
    (twine.home / ".pypirc").write_text(PYPIRC.format(house=house.url, other=other.url))

    both(twine, ours, ["-r", "house", *files], {})
    both(twine, ours, ["-r", "other", *files], {})

    for index, credentials in ((house, ("ann", "one:two")), (other, ("__token__", "pypi-abc"))):
        of_twine, of_ours = by_name(index.state.received[:2]), by_name(index.state.received[2:])
        assert of_twine.keys() == of_ours.keys() == {file.name for file in files}
        for name, theirs in of_twine.items():
            assert theirs.authorization == of_ours[name].authorization == basic(*credentials)
            assert theirs.path == of_ours[name].path
            assert theirs.files == of_ours[name].files
            assert sorted(theirs.fields) == sorted(of_ours[name].fields)


@pytest.mark.parametrize(
    "environment",
    [
        {"TWINE_REPOSITORY": "house"},
        {"TWINE_REPOSITORY": "house", "TWINE_USERNAME": "eve", "TWINE_PASSWORD": "three"},
        {"TWINE_REPOSITORY_URL": "{other}", "TWINE_USERNAME": "eve", "TWINE_PASSWORD": "three"},
    ],
    ids=["repository", "other user", "address"],
)
def test_twines_variables_mean_the_same(
    clients: Clients,
    ours: Client,
    house: Receiver,
    other: Receiver,
    files: list[Path],
    environment: dict[str, str],
) -> None:
    twine = clients("twine")
    (twine.home / ".pypirc").write_text(PYPIRC.format(house=house.url, other=other.url))
    given = {name: value.format(other=other.url) for name, value in environment.items()}

    both(twine, ours, list(files[:1]), given)

    theirs, own = [*house.state.received, *other.state.received]
    assert (theirs.authorization, theirs.path) == (own.authorization, own.path)


def test_a_signature_beside_a_file_arrives_the_same(
    clients: Clients, ours: Client, house: Receiver, files: list[Path]
) -> None:
    twine = clients("twine")
    signature = Path(f"{files[0]}.asc")
    signature.write_text("-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n")

    login = ["--repository-url", house.url, "-u", "ann", "-p", "one"]
    twine.succeed("twine", "upload", "--non-interactive", *login, files[0], signature)
    ours.succeed("pypitool", "upload", "--url", house.url, files[0])

    theirs, own = house.state.received
    assert theirs.files == own.files
    assert len(own.files) == 2

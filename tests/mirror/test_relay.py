from __future__ import annotations

import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from pypitool.core.fact import Actor
from pypitool.core.mirror.requirement_lines import LinePosition, RequirementLine
from pypitool.core.mirror.targets import make_target
from pypitool.core.names import normalize
from pypitool.core.upload.credential_choice import Credentials
from pypitool.mirror.private_names import PrivateNames
from pypitool.mirror.relay import open_relay
from pypitool.mirror.resolve import ResolverFailed, ResolverRequest, Unresolvable, resolve
from pypitool.repository.releases import delete, plan_delete
from pypitool.repository.repository import Repository
from pypitool.upstream.upstream import Upstream
from tests.cli.mirror.conftest import wheel
from tests.support.repositories import publish_wheel
from tests.support.upstream import JSON_TYPE, Dialect, FakeUpstream, respond

pytestmark = pytest.mark.process

LINUX = make_target("linux", python="3.12", platform="manylinux_2_39_x86_64")


@pytest.fixture
def acme() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        upstream.index.offers = {"acme-x": [wheel("acme-x", "1.0", "b")], "b": [wheel("b", "9.0")]}
        yield upstream


@pytest.fixture
def world() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        upstream.index.offers = {
            "a": [wheel("a", "1.0", "acme-core")],
            "acme-core": [wheel("acme-core", "9.0")],
            "acme-x": [wheel("acme-x", "2.0")],
            "b": [wheel("b", "1.0")],
        }
        yield upstream


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    packages = tmp_path / "packages"
    packages.mkdir()
    with Repository.open([packages], environ={}) as repository:
        yield repository


def ask(*texts: str, upstreams: tuple[Upstream, ...], private_names: PrivateNames | None = None) -> str:
    wanted = tuple(RequirementLine(Requirement(text), frozenset(), LinePosition("r.in", 1)) for text in texts)
    (answer,) = resolve(
        ResolverRequest(wanted, (), upstreams, private_names=private_names), (LINUX,), dict(os.environ)
    )
    return answer.pylock


def both(acme: FakeUpstream, world: FakeUpstream) -> tuple[Upstream, ...]:
    return Upstream("acme", acme.url, projects=("acme-*",), retries=0), Upstream("world", world.url)


def test_each_project_is_asked_for_where_it_belongs(acme: FakeUpstream, world: FakeUpstream) -> None:
    pylock = ask("acme-x", upstreams=both(acme, world))

    assert f"{acme.root}/files/acme_x-1.0-py3-none-any.whl" in pylock
    assert f"{world.root}/files/b-1.0-py3-none-any.whl" in pylock
    assert acme.paths("/simple/") == ["/simple/acme-x/"]
    assert world.paths("/simple/") == ["/simple/b/"]


def test_what_its_own_index_does_not_have_is_asked_for_nowhere_else(
    acme: FakeUpstream, world: FakeUpstream
) -> None:
    with pytest.raises(Unresolvable):
        ask("acme-core", upstreams=both(acme, world))

    assert world.seen == []


def test_nobody_is_asked_for_a_private_name_that_a_stranger_needs(
    world: FakeUpstream, repository: Repository
) -> None:
    private_names = PrivateNames(repository.catalogue, ("acme-*",))

    with pytest.raises(Unresolvable, match="acme-core"):
        ask("a", upstreams=(Upstream("world", world.url),), private_names=private_names)

    assert set(world.paths("/simple/")) == {"/simple/a/"}


def test_nobody_is_asked_for_a_name_that_was_uploaded_here_once(
    world: FakeUpstream, repository: Repository
) -> None:
    publish_wheel(repository, "acme-core", "0.1")
    delete(repository, plan_delete(repository, "acme-core"), Actor("local:root"))
    private_names = PrivateNames(repository.catalogue)

    with pytest.raises(Unresolvable, match="acme-core"):
        ask("a", upstreams=(Upstream("world", world.url),), private_names=private_names)

    assert private_names.is_ours(normalize("Acme.Core"))
    assert set(world.paths("/simple/")) == {"/simple/a/"}


@pytest.mark.parametrize("json", [True, False], ids=["JSON", "HTML"])
def test_any_dialect_and_credentials_pass_through(
    acme: FakeUpstream, world: FakeUpstream, json: bool
) -> None:
    acme.index.credentials = ("mirror", "secret")
    acme.index.dialect = Dialect(json=json)
    first, second = both(acme, world)

    pylock = ask("acme-x", upstreams=(replace(first, credentials=Credentials("mirror", "secret")), second))

    assert 'version = "1.0"' in pylock
    assert "secret" not in pylock


def test_an_index_that_is_down_is_named(acme: FakeUpstream, world: FakeUpstream) -> None:
    acme.fail("/simple/", respond(503))

    with pytest.raises(ResolverFailed, match=f"{acme.root}/simple/acme-x/: it answers 503"):
        ask("acme-x", upstreams=both(acme, world))


def get(address: str, path: str) -> int:
    with closing(http.client.HTTPConnection(address)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_a_stranger_gets_nothing_and_who_knows_the_path_what_was_listed(
    acme: FakeUpstream, world: FakeUpstream
) -> None:
    acme.index.credentials = ("mirror", "secret")
    first, second = both(acme, world)
    opened = replace(first, credentials=Credentials("mirror", "secret"))
    with open_relay((opened, second), lambda project: False) as relay:
        address, secret = relay.url.removeprefix("http://").split("/")[:2]
        host, _, port = acme.root.removeprefix("http://").partition(":")
        listed = json.loads(relay.page(normalize("acme-x")))["files"][0]["url"]
        path = listed.removeprefix(f"http://{address}")

        known = [
            get(address, f"/{secret}/simple/acme-x/"),
            get(address, path),
            get(address, f"{path}.metadata"),
        ]
        strange = [
            get(address, asked)
            for asked in (
                "/",
                "/simple/acme-x/",
                f"/{secret[:-1]}/simple/acme-x/",
                path.replace(secret, "x"),
                path.removeprefix(f"/{secret}"),
                f"/file/0/http/{host}:{port}/files/acme_x-1.0-py3-none-any.whl",
                f"/{secret}/file/0/http/{host}:{port}/files/acme_x-1.0-py3-none-any.whl",
                f"/{secret}/file/99/acme_x-1.0-py3-none-any.whl",
                f"/{secret}/file/-1/acme_x-1.0-py3-none-any.whl",
                f"/{secret}/",
                "/%E9/simple/acme-x/",
            )
        ]  # fmt: skip

    assert known == [200, 200, 200]
    assert set(strange) == {404}
    assert len(secret) >= 40
    assert len(acme.seen) == 4


def test_the_path_is_in_no_argument_of_uv_and_in_no_lock(
    acme: FakeUpstream, world: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    real = subprocess.run

    def noted(command: list[str], **more: Any) -> Any:
        commands.append(command)
        return real(command, **more)

    monkeypatch.setattr(subprocess, "run", noted)

    pylock = ask("acme-x", upstreams=both(acme, world))

    assert len(commands) == 1
    assert not [word for word in commands[0] if "127.0.0.1" in word]
    assert f"{acme.root}/files/acme_x-1.0-py3-none-any.whl" in pylock
    assert "/file/" not in pylock


def test_an_address_cannot_leave_the_text_that_it_is_put_into(world: FakeUpstream) -> None:
    page = {"meta": {"api-version": "1.0"}, "files": [
        {"filename": "b-1.0.tar.gz", "url": 'http://127.0.0.1/"\n[[packages]]\nname = "evil"', "hashes": {}}
    ]}  # fmt: skip
    world.fail("/simple/b/", respond(200, body=json.dumps(page).encode(), Content_Type=JSON_TYPE))
    with open_relay((Upstream("world", world.url),), lambda project: False) as relay:
        ours = json.loads(relay.page(normalize("b")))["files"][0]["url"]

        restored = relay.restored(f'url = "{ours}"\n')

    assert restored.count("\n") == 1
    assert restored.count('"') == 2


def test_the_relay_goes_nowhere_else_than_a_run_would(world: FakeUpstream) -> None:
    listed = {"filename": "b-1.0.tar.gz", "url": "http://169.254.169.254/latest", "hashes": {}}
    page = {"meta": {"api-version": "1.0"}, "files": [listed]}
    world.fail("/simple/b/", respond(200, body=json.dumps(page).encode(), Content_Type=JSON_TYPE))
    with open_relay((Upstream("world", world.url),), lambda project: False) as relay:
        ours = json.loads(relay.page(normalize("b")))["files"][0]["url"]
        address, _, path = ours.removeprefix("http://").partition("/")

        answer = get(address, f"/{path}")

    assert answer == 400
    assert [str(error) for error in relay.failures] == [
        "http://169.254.169.254/latest: it is a link-local address"
    ]

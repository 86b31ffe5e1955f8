from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pypitool.config.config_files import parse_toml
from pypitool.core.fact import Actor
from pypitool.core.mirror.lock_document import LockDocument, LockedFile, LockedRelease
from pypitool.core.mirror.selection import SelectionRules
from pypitool.core.mirror.shown_releases import ReleaseRules
from pypitool.core.mirror.targets import make_target
from pypitool.core.names import normalize
from pypitool.core.upload.credential_choice import Credentials
from pypitool.mirror.private_names import PrivateNames
from pypitool.mirror.relay import Relay, open_relay
from pypitool.mirror.relay_pages import ShownTerms
from pypitool.mirror.resolve import ResolverFailed, ResolverRequest, Unresolvable, resolve
from pypitool.repository.releases import delete, plan_delete
from pypitool.repository.repository import Repository
from pypitool.upstream.upstream import Upstream
from tests.cli.mirror.conftest import wheel
from tests.support.asked_of_uv import sources, wanted
from tests.support.repositories import publish_wheel
from tests.support.upstream import JSON_TYPE, Dialect, FakeUpstream, Offer, respond
from tests.support.waiting import LONGEST
from tests.support.wheels import Release, sdist_bytes

pytestmark = pytest.mark.process

Ask = Callable[..., str]
UNHASHED = ShownTerms(ReleaseRules(SelectionRules(allow_unhashed=True)))

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


@pytest.fixture
def ask(repository: Repository) -> Ask:
    def ask(*texts: str, upstreams: tuple[Upstream, ...], private: tuple[str, ...] = ()) -> str:
        question = ResolverRequest(wanted(*texts), (LINUX,))
        with sources(repository, *upstreams, private=private) as where:
            (answer,) = resolve(question, where, dict(os.environ)).answers
        return answer.lock.text()

    return ask


def both(acme: FakeUpstream, world: FakeUpstream) -> tuple[Upstream, ...]:
    return Upstream("acme", acme.url, projects=("acme-*",), retries=0), Upstream("world", world.url)


def test_each_project_is_asked_for_where_it_belongs(
    ask: Ask, acme: FakeUpstream, world: FakeUpstream
) -> None:
    pylock = ask("acme-x", upstreams=both(acme, world))

    assert f"{acme.root}/files/acme_x-1.0-py3-none-any.whl" in pylock
    assert f"{world.root}/files/b-1.0-py3-none-any.whl" in pylock
    assert acme.paths("/simple/") == ["/simple/acme-x/"]
    assert world.paths("/simple/") == ["/simple/b/"]


def test_what_its_own_index_does_not_have_is_asked_for_nowhere_else(
    ask: Ask, acme: FakeUpstream, world: FakeUpstream
) -> None:
    with pytest.raises(Unresolvable):
        ask("acme-core", upstreams=both(acme, world))

    assert world.seen == []


def test_nobody_is_asked_for_a_private_name_that_a_stranger_needs(
    ask: Ask, world: FakeUpstream, repository: Repository
) -> None:
    with pytest.raises(Unresolvable, match="acme-core"):
        ask("a", upstreams=(Upstream("world", world.url),), private=("acme-*",))

    assert set(world.paths("/simple/")) == {"/simple/a/"}


def test_nobody_is_asked_for_a_name_that_was_uploaded_here_once(
    ask: Ask, world: FakeUpstream, repository: Repository
) -> None:
    publish_wheel(repository, "acme-core", "0.1")
    delete(repository, plan_delete(repository, "acme-core"), Actor("local:root"))
    with pytest.raises(Unresolvable, match="acme-core"):
        ask("a", upstreams=(Upstream("world", world.url),))

    assert PrivateNames(repository.catalogue).is_ours(normalize("Acme.Core"))
    assert set(world.paths("/simple/")) == {"/simple/a/"}


@pytest.mark.parametrize("json", [True, False], ids=["JSON", "HTML"])
def test_any_dialect_and_credentials_pass_through(
    ask: Ask, acme: FakeUpstream, world: FakeUpstream, json: bool
) -> None:
    acme.index.credentials = ("mirror", "secret")
    acme.index.dialect = Dialect(json=json)
    first, second = both(acme, world)

    pylock = ask("acme-x", upstreams=(replace(first, credentials=Credentials("mirror", "secret")), second))

    assert 'version = "1.0"' in pylock
    assert "secret" not in pylock


def test_an_index_that_is_down_is_named(ask: Ask, acme: FakeUpstream, world: FakeUpstream) -> None:
    acme.fail("/simple/", respond(503))

    with pytest.raises(ResolverFailed, match=f"{acme.root}/simple/acme-x/: it answers 503"):
        ask("acme-x", upstreams=both(acme, world))


def files_of(relay: Relay, project: str) -> list[dict[str, Any]]:
    relay.index((LINUX,))
    body = relay.page(0, normalize(project))
    assert body is not None
    files: list[dict[str, Any]] = json.loads(body)["files"]
    return files


def get(address: str, path: str) -> int:
    with closing(http.client.HTTPConnection(address)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_a_stranger_gets_nothing_and_who_knows_the_path_what_was_listed(
    acme: FakeUpstream, world: FakeUpstream, repository: Repository
) -> None:
    acme.index.credentials = ("mirror", "secret")
    first, second = both(acme, world)
    opened = replace(first, credentials=Credentials("mirror", "secret"))
    with sources(repository, opened, second) as where, open_relay(where, ShownTerms()) as relay:
        address, secret = relay.index((LINUX,)).removeprefix("http://").split("/")[:2]
        host, _, port = acme.root.removeprefix("http://").partition(":")
        listed = files_of(relay, "acme-x")[0]["url"]
        path = listed.removeprefix(f"http://{address}")

        known = [
            get(address, f"/{secret}/0/simple/acme-x/"),
            get(address, path),
            get(address, f"{path}.metadata"),
        ]
        strange = [
            get(address, asked)
            for asked in (
                "/",
                "/simple/acme-x/",
                f"/{secret}/9/simple/acme-x/",
                f"/{secret[:-1]}/0/simple/acme-x/",
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
    assert len(acme.seen) == 3  # one page, whoever asks for it again


def test_each_request_of_a_connection_is_answered_for_itself(
    world: FakeUpstream, repository: Repository
) -> None:
    with sources(repository, *both(world, world)) as where, open_relay(where, ShownTerms()) as relay:
        address, secret = relay.index((LINUX,)).removeprefix("http://").split("/")[:2]
        connection = http.client.HTTPConnection(address, timeout=LONGEST)
        answers = []
        for path in (f"/{secret}/9/simple/a/", "/wrong/", f"/{secret}/file/0/a"):
            connection.request("GET", path)
            with connection.getresponse() as answer:
                answers.append((answer.status, answer.read()))
        connection.close()

    assert answers == [(404, b"")] * 3


def test_who_connects_and_says_nothing_is_not_waited_for(
    world: FakeUpstream, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pypitool.mirror.relay._Handler.timeout", 0.1)
    with sources(repository, *both(world, world)) as where, open_relay(where, ShownTerms()) as relay:
        place = ("127.0.0.1", relay.server_address[1])
        with closing(socket.create_connection(place, timeout=LONGEST)) as silent:
            silent.sendall(b"GET /")
            answer = silent.recv(1)

    assert answer == b""


def test_the_path_is_in_no_argument_of_uv_and_in_no_lock(
    ask: Ask, acme: FakeUpstream, world: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    environments: list[dict[str, str]] = []
    real = subprocess.Popen

    def noted(command: list[str], **more: Any) -> Any:
        commands.append(command)
        environments.append(more["env"])
        return real(command, **more)

    monkeypatch.setattr(subprocess, "Popen", noted)

    pylock = ask("acme-x", upstreams=both(acme, world))

    assert len(commands) == 1
    assert environments[0]["UV_CONCURRENT_DOWNLOADS"] == "16"  # two upstreams with eight workers
    assert not [word for word in commands[0] if "127.0.0.1" in word]
    assert f"{acme.root}/files/acme_x-1.0-py3-none-any.whl" in pylock
    assert "/file/" not in pylock


def test_an_address_cannot_leave_the_text_that_it_is_put_into(
    world: FakeUpstream, repository: Repository
) -> None:
    page = {"meta": {"api-version": "1.0"}, "files": [
        {"filename": "b-1.0.tar.gz", "url": 'http://127.0.0.1/"\n[[packages]]\nname = "evil"', "hashes": {}}
    ]}  # fmt: skip
    world.fail("/simple/b/", respond(200, body=json.dumps(page).encode(), Content_Type=JSON_TYPE))
    with sources(repository, Upstream("world", world.url)) as where, open_relay(where, UNHASHED) as relay:
        listed = relay.listed(files_of(relay, "b")[0]["url"])

    assert listed is not None
    sdist = LockedFile(listed.candidate.url, {})
    locked = LockDocument((LockedRelease(normalize("b"), "1.0", sdist=sdist),))
    (package,) = parse_toml(locked.text())["packages"]
    assert package["sdist"]["url"] == listed.candidate.url


def test_the_relay_goes_nowhere_else_than_a_run_would(world: FakeUpstream, repository: Repository) -> None:
    listed = {"filename": "b-1.0.tar.gz", "url": "http://169.254.169.254/latest", "hashes": {}}
    page = {"meta": {"api-version": "1.0"}, "files": [listed]}
    world.fail("/simple/b/", respond(200, body=json.dumps(page).encode(), Content_Type=JSON_TYPE))
    with sources(repository, Upstream("world", world.url)) as where, open_relay(where, UNHASHED) as relay:
        ours = files_of(relay, "b")[0]["url"]
        address, _, path = ours.removeprefix("http://").partition("/")

        answer = get(address, f"/{path}")

    assert answer == 400
    assert [str(error) for error in relay.failures] == [
        "http://169.254.169.254/latest: it is a link-local address"
    ]


def test_a_stand_in_for_an_sdist_has_metadata_and_no_bytes(
    world: FakeUpstream, repository: Repository
) -> None:
    said = Release("s", "1.0", ["b"], metadata_version="2.2")
    world.index.offers["s"] = [Offer("s-1.0.tar.gz", sdist_bytes(said))]
    with sources(repository, Upstream("world", world.url)) as where, open_relay(where, ShownTerms()) as relay:
        sdist, standin = files_of(relay, "s")
        address, _, path = standin["url"].removeprefix("http://").partition("/")

        answers = [get(address, f"/{path}"), get(address, f"/{path}.metadata")]

    assert (sdist["filename"], standin["filename"]) == ("s-1.0.tar.gz", "s-1.0-py3-none-any.whl")
    assert "core-metadata" not in sdist
    assert answers == [404, 200]

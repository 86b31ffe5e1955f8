"""Rules in a running server of two workers: real pip and twine, and changes without a restart."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.accounts import write_htpasswd
from tests.support.administration import pypitool
from tests.support.clients import Client
from tests.support.processes import workers_of
from tests.support.server import ServerProcess
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

PASSWORD = "secret"
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
ASKED = 12  # requests on connections of their own: both workers are asked
ANN = """
[[rule]]
who = ["ann"]
may = ["list", "download", "upload"]
projects = ["acme-*"]
"""
BOB = """
[[rule]]
who = ["bob"]
may = ["list"]
projects = ["acme-core"]
"""


class Ruled:
    """A server, and the file that says who may do what."""

    def __init__(self, server: ServerProcess, file: Path, head: str) -> None:
        self.server = server
        self.file = file
        self._head = head

    def write(self, rules: str) -> None:
        self.file.write_text(self._head + rules)

    def statuses(self, path: str, who: str, password: str = PASSWORD) -> set[int]:
        return {self.server.get(path, auth=(who, password)).status_code for _ in range(ASKED)}

    def names(self, who: str) -> set[tuple[str, ...]]:
        """What the lists of all workers say."""
        answers = [self.server.get("/simple/", auth=(who, PASSWORD), headers=JSON) for _ in range(ASKED)]
        return {tuple(project["name"] for project in answer.json()["projects"]) for answer in answers}

    def metric(self, line: str) -> bool:
        """Whether the numbers have this line, whichever worker is asked."""
        return all(line in self.server.get("/metrics").text for _ in range(ASKED))

    def wait_for(self, path: str, who: str, status: int) -> None:
        """Wait until every worker answers so."""
        wait_until(lambda: self.statuses(path, who) == {status}, what=f"{path} is {status} for {who}")


@pytest.fixture
def ruled(tmp_path: Path) -> Iterator[Ruled]:
    packages = tmp_path / "packages"
    for name in ("acme-core", "acme-web", "other"):
        build_wheel(packages, name, "1.0")
    passwords = write_htpasswd(tmp_path / "htpasswd", {"ann": PASSWORD, "bob": PASSWORD})
    file = tmp_path / "config.toml"
    head = (
        f"[auth]\npasswords = '{passwords}'\nowners = true\nnew-projects = ['bob']\n[server]\nworkers = 2\n"
    )
    file.write_text(head + ANN)
    with ServerProcess(packages, home=tmp_path, options=["--config", str(file)]) as server:
        server.wait_until_listed("acme-core", "acme-web", auth=("ann", PASSWORD))
        wait_until(lambda: len(workers_of(server.pid)) == 2, what="two workers run")
        yield Ruled(server, file, head)


def test_pip_and_twine_get_what_the_rules_say(ruled: Ruled, tmp_path: Path) -> None:
    client, server = Client.beside_us(tmp_path), ruled.server
    upload = ("twine", "upload", "--repository-url", f"{server.url}/", "--non-interactive", "-p", PASSWORD)
    install = ("pip", "download", "--no-deps", "-d", tmp_path / "got", "--index-url")

    client.succeed(*install, server.url_of("/simple/", user="ann", password=PASSWORD), "acme-core")
    hidden = client.fail(*install, server.url_of("/simple/", user="ann", password=PASSWORD), "other")
    client.succeed(*upload, "-u", "ann", build_wheel(tmp_path / "dist", "acme-core", "2.0"))
    refused = client.fail(*upload, "-u", "ann", build_wheel(tmp_path / "dist", "other", "2.0"))
    newcomer = client.fail(*upload, "-u", "ann", build_wheel(tmp_path / "dist", "acme-new", "1.0"))
    client.succeed(*upload, "-u", "bob", build_wheel(tmp_path / "dist", "bobs-own", "1.0"))
    client.succeed(*install, server.url_of("/simple/", user="bob", password=PASSWORD), "bobs-own")

    assert "No matching distribution found for other" in hidden
    assert "403" in refused
    assert "403" in newcomer
    assert ruled.names("bob") == {("bobs-own",)}
    owners = pypitool(tmp_path, "owner", "bobs-own", "--config", ruled.file, "--packages", *server.packages)
    assert owners == "user:bob\n"


def test_new_rules_count_in_every_worker_and_no_worker_is_renewed(ruled: Ruled) -> None:
    before = workers_of(ruled.server.pid)
    assert ruled.statuses("/simple/acme-core/", "bob") == {404}
    assert ruled.statuses("/simple/acme-core/", "ann") == {200}  # replayed from here on

    ruled.write(BOB)
    ruled.wait_for("/simple/acme-core/", "bob", 200)

    assert ruled.statuses("/simple/acme-core/", "ann") == {404}
    assert ruled.names("ann") == {()}
    assert ruled.names("bob") == {("acme-core",)}
    assert workers_of(ruled.server.pid) == before


def test_a_faulty_file_keeps_the_last_good_rules_and_is_logged_once(ruled: Ruled) -> None:
    ruled.write(BOB)
    ruled.wait_for("/simple/acme-core/", "bob", 200)
    # Each process reads the file by itself, and the parent hands a new worker what it has read.
    wait_until(lambda: "the rules were read again" in ruled.server.log, what="the parent has them, too")

    ruled.write(ANN.replace("upload", "uplaod"))
    wait_until(lambda: "did you mean `upload`?" in ruled.server.log, what="the fault is logged")
    wait_until(lambda: ruled.metric("pypitool_rules_stale 1.0"), what="the number is there")
    os.kill(workers_of(ruled.server.pid)[0], signal.SIGKILL)
    wait_until(lambda: len(workers_of(ruled.server.pid)) == 2, what="the dead worker is replaced")
    ruled.wait_for("/simple/acme-core/", "bob", 200)

    assert ruled.names("bob") == {("acme-core",)}, "a new worker has the last good rules, not the first"
    assert ruled.server.log.count("the rules stay as they were") == 1
    ruled.write(ANN)
    ruled.wait_for("/simple/acme-core/", "bob", 404)
    wait_until(lambda: ruled.metric("pypitool_rules_stale 0.0"), what="the number is back")


def test_other_keys_wait_for_a_signal_and_are_named_once(ruled: Ruled) -> None:
    ruled.file.write_text(ruled.file.read_text().replace("workers = 2", "workers = 1") + BOB)
    ruled.wait_for("/simple/acme-core/", "bob", 200)
    wait_until(lambda: "needs SIGHUP" in ruled.server.log, what="the key is named")

    assert "`server.workers`: needs SIGHUP" in ruled.server.log
    assert ruled.server.log.count("needs SIGHUP") == 1
    assert len(workers_of(ruled.server.pid)) == 2
    os.kill(ruled.server.pid, signal.SIGHUP)
    wait_until(lambda: len(workers_of(ruled.server.pid)) == 1, what="one worker is left")
    ruled.write(ANN)
    ruled.wait_for("/simple/acme-core/", "bob", 404)


def test_owners_and_users_count_from_the_next_request_on(ruled: Ruled, tmp_path: Path) -> None:
    packages = ruled.server.packages
    owner: tuple[str | Path, ...] = ("owner", "other", "--config", ruled.file, "--packages", *packages)
    assert ruled.statuses("/simple/other/", "bob") == {404}

    pypitool(tmp_path, *owner, "--add", "bob")
    owning = ruled.statuses("/simple/other/", "bob"), ruled.names("bob")
    pypitool(tmp_path, *owner, "--remove", "bob")
    after = ruled.statuses("/simple/other/", "bob"), ruled.names("bob")
    pypitool(tmp_path, "user", "remove", "ann", "-P", tmp_path / "htpasswd")
    removed = ruled.statuses("/simple/acme-core/", "ann")

    assert owning == ({200}, {("other",)})
    assert after == ({404}, {()})
    assert removed == {401}


def test_the_rules_are_on_record_once_for_each_change(ruled: Ruled) -> None:
    facts = ruled.server.packages[0] / ".pypitool" / "facts.jsonl"

    def recorded() -> int:
        return facts.read_text().count('"what":"rules"') if facts.exists() else 0

    wait_until(lambda: recorded() == 1, what="the first rules are on record")
    ruled.write("# only a comment\n" + ANN)
    ruled.write(BOB)
    wait_until(lambda: recorded() == 2, what="the second ones are")


def test_a_token_ends_with_its_owner_in_every_worker_whoever_took_him_out(tmp_path: Path) -> None:
    """By hand, while the server runs: and it does not come back with the next of that name."""
    build_wheel(tmp_path / "packages", "acme-core", "1.0")
    passwords = write_htpasswd(tmp_path / "htpasswd", {"ann": PASSWORD, "bob": PASSWORD})
    options = ["-a", "list,download,update", "-P", str(passwords), "--workers", "2"]
    with ServerProcess(tmp_path / "packages", home=tmp_path, options=options) as server:
        server.wait_until_listed("acme-core", auth=("ann", PASSWORD))
        wanted = {"name": "pc", "may": ["list"]}
        made = requests.post(
            f"{server.url}/api/v1/tokens", json=wanted, auth=("ann", PASSWORD), timeout=LONGEST
        )
        login = ("__token__", made.json()["token"])

        def statuses() -> set[int]:
            return {server.get("/simple/acme-core/", auth=login).status_code for _ in range(ASKED)}

        before = statuses()
        write_htpasswd(passwords, {"bob": PASSWORD})
        gone = statuses()
        audit = ("audit", "--packages", server.packages[0], "--json")
        wait_until(lambda: "token-revoke" in pypitool(tmp_path, *audit), what="the keeper revokes it")
        write_htpasswd(passwords, {"ann": "another", "bob": PASSWORD})
        back = statuses()

    assert (before, gone, back) == ({200}, {401}, {401})

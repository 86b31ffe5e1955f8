"""The same commands here and on a server elsewhere: one output, one `--json`, one exit code."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pypitool.__main__ import main
from pypitool.core.state_files import StateFiles
from pypitool.manage.client import choose_remote
from pypitool.mirror.record import MirrorRecord
from pypitool.repository.repository import Repository
from pypitool.repository.state import locate_state
from tests.cli.conftest import Ended
from tests.support.accounts import write_htpasswd
from tests.support.server import ServerProcess, free_port
from tests.support.waiting import LONGEST
from tests.support.wheels import build_sdist, build_wheel

RULES = """
[[rule]]
who = ["anonymous"]
may = ["list", "download"]
projects = ["acme-*"]

[[rule]]
who = ["root"]
may = ["admin"]
"""
WHEEL = "acme_core-1.0-py3-none-any.whl"


class Both:
    """The same packages twice: in a directory, and behind a server of two workers."""

    def __init__(self, here: Path, there: Path, server: ServerProcess, capture: Callable[[], Ended]) -> None:
        self.here = here
        self.there = there
        self.server = server
        self._capture = capture

    def local(self, *words: str) -> Ended:
        """Run a command on the directory."""
        is_user = words[0] == "user"
        place = ["-P", str(self.here.parent / "htpasswd")] if is_user else ["--packages", str(self.here)]
        return self.run(*words, *place, "--config", str(self.there.parent / "config.toml"))

    def remote(self, *words: str) -> Ended:
        """Run it on the server."""
        return self.run(*words, "--url", self.server.url)

    def run(self, *words: str) -> Ended:
        """Run a command as it is."""
        self._capture()
        code = main(list(words))
        ended = self._capture()
        return Ended(code, ended.out, ended.err)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, ServerProcess]]:
    base = tmp_path_factory.mktemp("remote")
    here, there = base / "here" / "packages", base / "there" / "packages"
    for version in ("1.0", "1.1", "2.0b1"):
        build_wheel(here, "acme-core", version)
    build_sdist(here, "acme-core", "1.0")
    build_wheel(here, "other", "0.1", requires_python=">=3.9")
    shutil.copytree(here, there)
    for directory in (here, there):
        write_htpasswd(directory.parent / "htpasswd", {"root": "roots", "eve": "eves"})
        record = MirrorRecord(StateFiles(locate_state((directory,), None, {})).mirror)
        record.begin_run("sync", "2026-01-01T00:00:00.000000Z")
        record.close()
    config = there.parent / "config.toml"
    config.write_text(f"[auth]\npasswords = '{there.parent / 'htpasswd'}'\n{RULES}")
    with ServerProcess(there, home=base, options=["--workers", "2", "--config", str(config)]) as server:
        server.wait_until_listed("acme-core", "other", auth=("root", "roots"))
        yield here, there, server


@pytest.fixture
def both(
    serving: tuple[Path, Path, ServerProcess],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Both:
    monkeypatch.setenv("PYPITOOL_USERNAME", "root")
    monkeypatch.setenv("PYPITOOL_PASSWORD", "roots")

    def capture() -> Ended:
        return Ended(0, *capsys.readouterr())

    return Both(*serving, capture)


# In this order: each runs on what the ones before it have left, here as there.
COMMANDS = [
    "list",
    "list --json",
    "list Acme.Core",
    "list acme-core --json",
    "list nobody",
    "list nobody --json",
    "list -nobody- --json",
    "list ..",
    "show acme-core",
    "show acme-core --json",
    "show Acme_Core 1.0.0",
    "show other 0.1 --json",
    "show other 9",
    "show other 9 --json",
    "show other ..",
    "show other 1/2",
    "show nobody 1",
    "yank acme-core 1.1 --reason it_breaks",
    "yank acme-core 1.1 --reason it_breaks",
    "yank acme-core 1.1 --json",
    "-q yank acme-core 1.1",
    "yank acme-core 9",
    "list",
    "unyank acme-core 1.1",
    "unyank acme-core 1.1 --json",
    "unyank nobody 1",
    "status other archived --reason done",
    "status other archived --reason done",
    "status other quarantined --json",
    "list other",
    "status other active",
    "status nobody active --json",
    "status other gone",
    "delete acme-core 1.0 --dry-run",
    "delete acme-core 1.0 --dry-run --json",
    "delete acme-core 9 --yes",
    "delete acme-core --file none.whl --yes",
    f"delete acme-core --file {WHEEL} --yes",
    "delete acme-core 1.0 --yes --json",
    "delete nobody --yes",
    "list acme-core",
    "user list",
    "user list --json",
    "user remove eve",
    "user remove eve",
    "user remove eve --json",
    "user list",
    "runs",
    "runs --json",
    "runs 1",
    "runs 1 --json",
    "runs 99",
    "runs 99 --json",
    "owner acme-core",
    "owner acme-core --json",
    "owner acme-core --add ann --add token:ci-acme",
    "owner acme-core --add ann --json",
    "owner acme-core --remove ann",
    "owner Acme.Core",
    "owner acme-core --add a*",
    "owner acme-core --remove token:ci-acme --json",
    "owner nobody",
    "owner nobody --remove ann --json",
    "owner not-yet --add ann",
    "owner not-yet",
    "delete not-yet --give-up-name",
    "delete not-yet --give-up-name --json",
    "owner not-yet --remove ann",
    "delete not-yet --give-up-name --json",
    "delete acme-core --give-up-name",
    "delete acme-core 1.0 --give-up-name",
    "may root delete acme-core",
    "may eve delete acme-core",
    "may eve delete acme-core --json",
    "may anonymous list acme-core --from 10.0.0.7 --json",
    "may token:ci-x upload *",
    "may ann yank not-yet --json",
    "may root fly acme-core",
    "may token:* list acme-core --json",
    "may us?r list acme-core",
    "may root list acme-core --from here",
    "token list",
    "token list --json",
    "token revoke nothing",
    "token revoke nothing --json",
    "token revoke --user eve",
    "token revoke --user eve --json",
    "token revoke",
    "token create --name CI --may upload",
    "token create --name ci --may fly --json",
    "token create --name ci --may uplaod",
    "token create --name ci --may upload --expires 90",
    "audit --project nobody",
    "audit --since yesterday --json",
    "audit --project -x-",
    "audit downloads acme-core 1.1 --json",
    "audit downloads nobody 1",
]


@pytest.mark.live
def test_a_command_says_the_same_on_both_ways(both: Both) -> None:
    for words in COMMANDS:
        local, remote = both.local(*words.split()), both.remote(*words.split())

        assert without_serial(remote) == without_serial(local), words


@pytest.mark.live
def test_a_token_is_made_used_and_revoked_elsewhere(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    made = both.remote("token", "create", "--name", "ci", "--may", "yank", "--projects", "acme-*", "--json")
    token = made.document["token"]
    again = both.remote("token", "create", "--name", "ci", "--may", "yank")
    with monkeypatch.context() as patch:
        patch.setenv("PYPITOOL_TOKEN", token)
        yanked = both.remote("yank", "acme-core", "1.1")
        refused = both.remote("token", "create", "--name", "more", "--may", "upload")
    listed = both.remote("token", "list")
    revoked = both.remote("token", "revoke", "ci")
    twice = both.remote("token", "revoke", "ci")
    with monkeypatch.context() as patch:
        patch.setenv("PYPITOOL_TOKEN", token)
        ended = both.remote("unyank", "acme-core", "1.1")

    assert made.document["owner"] is None
    assert [one.code for one in (again, yanked, refused, ended)] == [6, 0, 4, 4]
    assert listed.rows[0][:4] == ["ci", made.document["id"], "yank", "acme-*"]
    assert (revoked.err, twice.err) == ("revoked ci\n", "has ended already: ci\n")
    lines = [json.loads(line) for line in both.remote("audit", "--json").out.splitlines()]
    assert [line["what"] for line in lines][-3:] == ["token-create", "yank", "token-revoke"]
    assert (lines[-2]["who"], lines[-2]["with"]) == ("token:ci", f"token:{made.document['id']}")
    assert not any("hash" in line for line in lines)
    assert both.remote("audit", "--user", "token:ci").rows[0][1:3] == ["yank", "token:ci"]


def without_serial(ended: Ended) -> Ended:
    return Ended(ended.code, re.sub(r'"serial": \d+', '"serial": 0', ended.out), ended.err)


@pytest.mark.live
def test_a_user_is_added_and_checked_elsewhere(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    def same(password: str, *words: str) -> tuple[int, str, str]:
        results = []
        for run in (both.local, both.remote):
            monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
            results.append(run(*words))
        assert results[0] == results[1]
        return results[0].code, results[0].out, results[0].err

    assert same("new", "user", "add", "carl", "--password-stdin") == (0, "", "added carl\n")
    assert same("x", "user", "add", "carl", "--password-stdin", "--json") == (0, '{"user": "carl"}\n', "")
    assert same("x", "user", "check", "carl", "--password-stdin") == (0, "carl: right\n", "")
    assert same("y", "user", "check", "carl", "--password-stdin") == (4, "carl: wrong\n", "")
    code, _, printed = same("x", "user", "add", "a:b", "--password-stdin")
    assert (code, "cannot be used" in printed) == (2, True)


@pytest.mark.live
def test_the_records_of_the_server_say_who_it_was(both: Both) -> None:
    both.remote("yank", "other", "0.1")

    with Repository.open((both.there,), reader_only=True) as repository:
        actor = list(repository.facts.replay())[-1].actor
    assert (actor.who, actor.address, actor.means) == ("user:root", "127.0.0.1", "password")


@pytest.mark.live
def test_a_remote_of_the_configuration_has_an_address_and_credentials(
    both: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYPITOOL_USERNAME")
    monkeypatch.delenv("PYPITOOL_PASSWORD")
    monkeypatch.setenv("ACME", "roots")
    config = tmp_path / "remotes.toml"
    auth = "auth = { user = 'root', password-env = 'ACME' }"
    config.write_text(f"[remote.acme]\nurl = '{both.server.url}/simple/'\n{auth}\n")

    users = both.run("user", "list", "--remote", "acme", "--config", str(config), "--json")
    unknown = both.run("list", "--remote", "acne", "--config", str(config))

    assert (users.code, "root" in users.document["users"]) == (0, True)
    assert unknown.code == 2
    assert "there is no [remote.acne], did you mean `acme`?" in unknown.err


@pytest.mark.live
@pytest.mark.parametrize("tail", ["", "/", "/simple/", "/simple", "/legacy/"])
def test_addresses_of_the_index_and_of_uploads_mean_the_server(both: Both, tail: str) -> None:
    assert both.run("list", "--url", both.server.url + tail).code == 0


@pytest.mark.live
def test_credentials_may_stand_in_the_address(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYPITOOL_PASSWORD", "wrong")

    assert both.run("user", "list", "--url", both.server.url_of(user="root", password="roots")).code == 0
    refused = both.run("user", "list", "--url", both.server.url, "--json")
    assert (refused.code, refused.error["kind"]) == (4, "unauthorized")


@pytest.mark.live
def test_nobody_in_particular_sees_what_everybody_sees(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYPITOOL_USERNAME")
    monkeypatch.delenv("PYPITOOL_PASSWORD")

    assert [row[0] for row in both.remote("list").rows] == ["acme-core"]
    assert both.remote("show", "other").code == 4
    assert both.remote("yank", "acme-core", "1.1").code == 4


@pytest.mark.live
def test_a_password_comes_from_standard_input(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYPITOOL_USERNAME")
    monkeypatch.setattr(sys, "stdin", io.StringIO("roots\n"))

    assert both.remote("runs", "-u", "root", "--password-stdin").code == 0


@pytest.mark.live
def test_on_a_terminal_one_is_asked_only_when_the_server_wants_to_know(
    both: Both, clean_environment: dict[str, str]
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pypitool", "runs", "--url", both.server.url, "-u", "root"]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=clean_environment, start_new_session=True
    )
    os.close(theirs)

    shown = said(ours, until=b"Password of root at ")
    os.write(ours, b"roots\n")
    shown += said(ours, until=b"sync")

    assert process.wait(LONGEST) == 0
    assert b"roots" not in shown
    os.close(ours)


def said(terminal: int, *, until: bytes) -> bytes:
    """Read what a terminal shows."""
    text = b""
    while until not in text:
        text += os.read(terminal, 1024)
    return text


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--url", "http://x.example/", "--packages", "."),
        ("list", "--url", "http://x.example/", "--state", "."),
        ("list", "--url", "http://x.example/", "--remote", "acme"),
        ("user", "list", "--url", "http://x.example/", "-P", "htpasswd"),
        ("list", "--username", "root"),
        ("list", "--url", "ftp://x.example/"),
        ("list", "--url", "x"),
    ],
)
def test_a_command_line_that_contradicts_itself_is_wrong_usage(words: tuple[str, ...]) -> None:
    assert main(list(words)) == 2


def test_a_server_that_is_not_there_ends_with_7(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}/"

    assert main(["list", "--url", url, "--json"]) == 7

    assert json.loads(capsys.readouterr().err)["kind"] == "unavailable"


FOREIGN = {
    "a page": (200, "text/html", b"<html>hello</html>"),
    "another page": (404, "text/html", b"nothing here"),
    "a proxy": (502, "text/plain", b"bad gateway"),
    "another document": (200, "application/json", b'{"hello": "world"}'),
    "a list": (200, "application/json", b"[]"),
    "another error": (404, "application/json", b'{"error": "nothing"}'),
    "an error of another kind": (404, "application/json", b'{"error": {"kind": "odd", "message": "x"}}'),
    "half a document": (200, "application/json", b'{"api": '),
    "a deep document": (200, "application/json", b"[" * 100_000),
    "no body": (204, "", b""),
    "a login": (302, "text/html", b""),
    "an index": (200, "application/vnd.pypi.simple.v1+json", b'{"meta": {"api-version": "1.0"}}'),
}


@pytest.mark.parametrize("answer", FOREIGN.values(), ids=FOREIGN)
def test_an_answer_that_is_not_ours_ends_with_7(
    answer: tuple[int, str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(*answer) as url:
        code = main(["list", "--url", f"{url}simple/", "--json"])

    failure = json.loads(capsys.readouterr().err)
    assert (code, failure["kind"]) == (7, "unavailable")
    assert failure["message"] == f"no pypitool at {url}"


def test_an_older_api_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(200, "application/json", b'{"api": 0, "version": "0.9"}') as url:
        code = main(["list", "--url", url])

    assert code == 7
    assert f"pypitool 0.9 at {url} speaks version 0 of the API, not 1" in capsys.readouterr().err


@contextmanager
def answering(status: int, kind: str, body: bytes) -> Iterator[str]:
    """Run a server that answers everything alike."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if status == 302:
                self.send_header("Location", "/login")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("http://pypi.example/", True),
        ("http://10.0.0.7:8080/simple/", True),
        ("https://pypi.example/", False),
        ("http://localhost:8080/", False),
        ("http://127.0.0.2/", False),
        ("http://[::1]:8080/", False),
    ],
)
def test_plain_http_to_another_machine_is_exposed(url: str, exposed: bool) -> None:
    assert choose_remote(url, None, (), {}).is_exposed is exposed


@pytest.mark.live
def test_a_password_over_plain_http_to_another_machine_is_warned_about_once(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name that is not loopback's, through a proxy that nobody runs.
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)

    ended = both.run("runs", "--url", "http://pypi.example/")

    assert (ended.code, ended.err.count("warning: ")) == (7, 1)
    assert "the password goes to http://pypi.example/ as plain text" in ended.err

"""The log of a running server: what stands in it, what never does, and how it is rotated."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.accounts import write_htpasswd
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

LINE = re.compile(
    r'(?P<address>\S+) - (?P<user>\S+) \[[^\]]+\] "(?P<request>[^"]*)" (?P<status>\d+) (?P<size>\d+) "-" '
    r'"(?P<agent>[^"]*)" (?P<seconds>\d+\.\d{6})(?P<replayed> replayed)?'
)
SECRET = "correct-horse-battery"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    directory = tmp_path / "packages"
    build_wheel(directory, "demo", "1.0")
    return directory


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Path]]:
    """A server that writes its log as it does when nothing is said, and that file."""
    packages = tmp_path_factory.mktemp("shared") / "packages"
    build_wheel(packages, "demo", "1.0")
    with logged(packages) as running:
        yield running


@contextmanager
def logged(packages: Path, *options: str) -> Iterator[tuple[ServerProcess, Path]]:
    """Run a server with a password on everything, and a log file."""
    home = packages.parent
    log, passwords = home / "pypitool.log", write_htpasswd(home / "htpasswd", {"joe": SECRET})
    standard = ["--workers", "2", "-P", str(passwords), "-a", "list,download,update"]
    with ServerProcess(packages, home=home, options=[*standard, "--log-file", str(log), *options]) as server:
        auth = ("joe", SECRET)
        wait_until(lambda: server.get("/simple/demo/", auth=auth).ok, what="the project is listed")
        yield server, log


def line_with(log: Path, text: str) -> str:
    """Wait for a line of the log that contains `text`."""

    def look() -> str:
        return next((line for line in log.read_text().splitlines() if text in line), "")

    return wait_until(look, what=f"{text} is logged")


def test_a_line_says_who_asked_for_what_and_what_came_of_it(shared: tuple[ServerProcess, Path]) -> None:
    server, log = shared
    for _ in range(4):  # the second at the latest is replayed, whichever worker answers
        answer = server.get("/simple/demo/?who", auth=("joe", SECRET), headers={"User-Agent": "pip/24.0 {}"})
    found = LINE.fullmatch(line_with(log, "/simple/demo/?who"))
    line_with(log, "replayed")

    assert found is not None
    assert found["user"] == "joe"
    assert found["request"] == "GET /simple/demo/?who HTTP/1.1"
    size = answer.headers["Content-Length"]
    assert (found["status"], found["size"], found["agent"]) == ("200", size, "pip/24.0")


def test_a_line_in_json_has_the_same_fields(packages: Path) -> None:
    with logged(packages, "--log-format", "json") as (server, log):
        server.get("/simple/demo/?who", auth=("joe", SECRET))
        line = json.loads(line_with(log, "/simple/demo/?who"))
        types = {json.loads(text)["type"] for text in log.read_text().splitlines()}

    expected = {"type": "access", "user": "joe", "method": "GET", "status": 200}
    assert expected.items() <= line.items()
    assert line["target"] == "/simple/demo/?who"
    assert line["replayed"] in (True, False)
    assert types <= {"access", "log"}


def test_no_secret_is_ever_logged(packages: Path) -> None:
    with logged(packages, "--log-level", "debug") as (server, log):
        server.get("/simple/demo/", auth=("joe", SECRET))
        server.get("/simple/demo/", auth=("joe", "wrong-" + SECRET))
        server.get(f"/simple/?token={SECRET}&api_key={SECRET}", auth=("joe", SECRET))
        server.get(f"/simple/https://joe:{SECRET}@example.org/", auth=("joe", SECRET))
        server.get("/simple/", headers={"Authorization": f"Bearer {SECRET}"})
        server.post("/legacy/", auth=("joe", SECRET), data={":action": SECRET[:7], "password": SECRET})
        server.get("/last", auth=("joe", SECRET))
        for path in ("/last", "token=***", "example.org"):  # both workers have written what they hold
            line_with(log, path)
        everything = log.read_text() + server.log

    assert SECRET not in everything


def test_a_client_cannot_write_lines_of_its_own(shared: tuple[ServerProcess, Path]) -> None:
    server, log = shared
    server.get("/simple/a%0d%0aforged%1b[2J/%22x%22/", auth=("joe", SECRET), headers={"User-Agent": 'x"y'})
    line = line_with(log, "forged")

    assert LINE.fullmatch(line), line
    assert line.isprintable()


def test_the_log_goes_on_in_a_new_file_after_rotation(packages: Path) -> None:
    with logged(packages) as (server, log):
        server.get("/before", auth=("joe", SECRET))
        line_with(log, "/before")
        rotated = log.rename(log.with_suffix(".1"))

        server.get("/between", auth=("joe", SECRET))
        wait_until(log.exists, what="a new file is there")
        server.get("/after", auth=("joe", SECRET))
        line_with(log, "/after")

    assert "/after" not in rotated.read_text()


def test_sighup_follows_the_rotated_file_at_once(packages: Path) -> None:
    with logged(packages) as (server, log):
        log.rename(log.with_suffix(".1"))

        os.kill(server.pid, signal.SIGHUP)

        wait_until(
            lambda: log.exists() and "was read again" in log.read_text(), what="the parent writes there"
        )


def test_lines_about_requests_can_be_left_out(packages: Path) -> None:
    with logged(packages, "--no-access-log") as (server, log):
        server.get("/unwritten", auth=("joe", SECRET))
        server.get("/readyz")

        assert "/unwritten" not in log.read_text()


def test_the_keepers_words_stand_in_the_log(shared: tuple[ServerProcess, Path]) -> None:
    server, log = shared
    (server.packages[0] / "broken-1.0-py3-none-any.whl").write_bytes(b"no zip")

    line = line_with(log, "broken-1.0")

    assert " warning pypitool.keeper: " in line
    assert "is not listed" in line


def test_the_last_lines_are_written_when_the_server_ends(packages: Path) -> None:
    with logged(packages) as (server, log):
        server.get("/the-very-last", auth=("joe", SECRET))
        server.stop()

        assert "/the-very-last" in log.read_text()

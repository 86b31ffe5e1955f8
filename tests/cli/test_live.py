"""Commands beside a running server: what they change is effective at once, in every worker."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypitool.__main__ import main
from pypitool.core.state_files import StateFiles
from pypitool.repository.contact import keeper_lock
from pypitool.repository.repository import Repository
from tests.cli.conftest import Run
from tests.support.accounts import write_htpasswd
from tests.support.server import HOST, ServerProcess
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
ENOUGH_FOR_BOTH_WORKERS = range(12)


class OldForm(ServerProcess):
    """A server that is started as pypi-server 1.x was: without a command, flags in front."""

    @property
    def command(self) -> list[str]:
        """The command line that starts it."""
        address = ["-p", str(self.port), "-i", HOST]
        return [sys.executable, "-m", "pypitool", *address, *map(str, self.packages)]


@pytest.fixture
def server(packages: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(packages, home=tmp_path, options=["--workers", "2"]) as running:
        # It answers before it has read a directory that it sees for the first time.
        wait_until(lambda: running.get("/simple/other/").ok, what="the packages are listed")
        yield running


def seen_by_all(server: ServerProcess, path: str) -> list[object]:
    return [server.request("GET", path, headers=JSON).json() for _ in ENOUGH_FOR_BOTH_WORKERS]


def test_a_yank_is_on_every_page_when_the_command_has_ended(server: ServerProcess, run: Run) -> None:
    seen_by_all(server, "/simple/other/")

    assert run("yank", "other", "0.1", "--reason", "bad").code == 0

    pages = seen_by_all(server, "/simple/other/")
    assert all(page["files"][0]["yanked"] == "bad" for page in pages)  # type: ignore[index]


def test_a_status_is_on_every_page_when_the_command_has_ended(server: ServerProcess, run: Run) -> None:
    seen_by_all(server, "/simple/other/")

    assert run("status", "other", "archived").code == 0

    pages = seen_by_all(server, "/simple/other/")
    assert all(page["project-status"]["status"] == "archived" for page in pages)  # type: ignore[index]


def test_a_deleted_project_is_gone_when_the_command_has_ended(server: ServerProcess, run: Run) -> None:
    assert server.request("GET", "/simple/other/").status_code == 200

    assert run("delete", "other", "--yes").code == 0

    answers = [server.request("GET", "/simple/other/") for _ in ENOUGH_FOR_BOTH_WORKERS]
    assert {answer.status_code for answer in answers} == {404}


def test_a_list_beside_a_server_shows_what_the_server_shows(server: ServerProcess, run: Run) -> None:
    assert run("list").rows == [["acme-core", "1.1", "3", "4"], ["other", "0.1", "1", "1"]]


def test_a_restored_state_is_served(server: ServerProcess, run: Run, tmp_path: Path) -> None:
    run("yank", "other", "0.1", "--reason", "bad")
    run("backup", str(tmp_path / "b.tar"))
    run("unyank", "other", "0.1")

    assert run("restore", str(tmp_path / "b.tar")).code == 0

    def all_yanked() -> bool:
        pages = seen_by_all(server, "/simple/other/")
        return all(page["files"][0]["yanked"] == "bad" for page in pages)  # type: ignore[index]

    wait_until(all_yanked, what="every worker has opened the restored catalogue")


def test_what_came_since_the_backup_is_known_when_the_restore_has_ended(
    packages: Path, run: Run, tmp_path: Path
) -> None:
    run("backup", str(tmp_path / "b.tar"))
    build_wheel(packages, "newer", "1.0")

    with keeper_lock(StateFiles(packages / ".pypitool")):  # a keeper is at work, and looks elsewhere
        assert run("restore", str(tmp_path / "b.tar")).code == 0

    with Repository.open([packages], reader_only=True) as repository:
        assert "newer" in repository.catalogue.project_names()
        assert repository.catalogue.is_complete()


def test_a_user_counts_from_the_next_request_on(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_htpasswd(tmp_path / "htpasswd", {"ann": "anns"})
    options = ["-a", "list,download,update", "-P", str(file)]

    with ServerProcess(packages, home=tmp_path, options=options) as server:
        assert server.request("GET", "/simple/", auth=("bob", "bobs")).status_code == 401
        monkeypatch.setattr(sys, "stdin", io.StringIO("bobs\n"))
        assert main(["user", "add", "bob", "--password-stdin", "-P", str(file)]) == 0

        assert server.request("GET", "/simple/", auth=("bob", "bobs")).status_code == 200
        assert main(["user", "remove", "bob", "-P", str(file)]) == 0
        assert server.request("GET", "/simple/", auth=("bob", "bobs")).status_code == 401


def test_the_old_form_serves_with_a_notice(packages: Path, tmp_path: Path) -> None:
    with OldForm(packages, home=tmp_path) as server:
        assert server.request("GET", "/simple/").status_code == 200

        wait_until(
            lambda: f"this is `pypitool serve -p {server.port} -i {HOST}" in server.log,
            what="the notice is printed",
        )


def test_the_configuration_is_read_again_at_sighup(packages: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[server]\nhealth-endpoint = '/alive'\n")

    with ServerProcess(
        packages, home=tmp_path, options=["--config", str(config)], ready_path="/alive"
    ) as server:
        config.write_text("[server]\nhealth-endpoint = '/awake'\n")
        os.kill(server.pid, signal.SIGHUP)

        wait_until(lambda: server.request("GET", "/awake").status_code == 200, what="the new page is served")


def test_a_default_directory_that_is_missing_is_made(tmp_path: Path) -> None:
    with ServerProcess(home=tmp_path) as server:
        assert server.request("GET", "/simple/").status_code == 200

    assert (tmp_path / "packages").is_dir()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["none"], 8, "does not exist"),
        (["-P", "none", "."], 8, "none"),
        (["-a", "."], 2, "must come together"),
        (["--config", "none.toml"], 8, "cannot be read: No such file or directory"),
    ],
    ids=["directory", "password file", "half of the dots", "configuration"],
)
def test_what_keeps_a_server_from_starting_is_a_sentence(
    words: list[str], code: int, sentence: str, tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pypitool", "serve", *words],
        capture_output=True, text=True, cwd=tmp_path, env=clean_environment, check=False, timeout=LONGEST,
    )  # fmt: skip

    assert ended.returncode == code, ended.stderr
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr

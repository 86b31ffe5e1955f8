"""A state that an earlier version made is opened by this one, and by that one again afterwards."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pypitool.core.names import normalize
from pypitool.repository.repository import Repository
from tests.support.environment import scrubbed
from tests.support.imports import ROOT
from tests.support.newcomer import blocks, chapter, console
from tests.support.server import ServerProcess
from tests.support.waiting import LONGEST
from tests.upgrade.asked import documents

MADE_BY = "3e5d8c4"
UPGRADE = (ROOT / "docs" / "upgrade.md").read_text()
ARCHIVE = Path(__file__).parent / f"state-{MADE_BY}.tar.gz"
MADE_AT = "/srv/acme"
OURS = [sys.executable, "-m", "pypitool"]
# What an older version may answer on a state that a newer one had: as ever, not now, or not at all.
PLAIN_ENDS = {0, 7, 8}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The state where somebody has moved it: unpacked, with its own place written into it."""
    place = tmp_path / "acme"
    with tarfile.open(ARCHIVE) as tar:
        tar.extractall(place, filter="data")
    roots = place / "packages" / ".pypitool" / "roots.json"
    roots.write_text(roots.read_text().replace(MADE_AT, str(place)))
    return place


@pytest.fixture
def expected(home: Path) -> dict[str, Any]:
    """What the version that made the state said about it, and the secrets of its tokens."""
    found: dict[str, Any] = json.loads((home / "expected.json").read_text().replace(MADE_AT, str(home)))
    return found


@pytest.fixture(scope="session")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that made the state, as its commit has it."""
    packed = subprocess.run(
        ["git", "archive", MADE_BY, "pypitool", "server"], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip(f"commit {MADE_BY} is not at hand: this is no clone of the repository")
    place = tmp_path_factory.mktemp(MADE_BY)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        tar.extractall(place, filter="data")
    return place


def environment(home: Path, **more: str) -> dict[str, str]:
    return scrubbed(os.environ, home=home, **more)


@pytest.mark.process
def test_every_document_is_as_the_earlier_version_gave_it(home: Path, expected: dict[str, Any]) -> None:
    found = documents(OURS, home, environment(home))

    assert found == expected["documents"]


@pytest.mark.process
def test_a_lost_catalogue_is_rebuilt_to_the_same(home: Path, expected: dict[str, Any]) -> None:
    for file in (home / "packages" / ".pypitool").glob("catalogue.sqlite*"):
        file.unlink()
    with served(home):  # a server mends it; commands only report it
        pass

    found = documents(OURS, home, environment(home))

    assert found == expected["documents"]


@pytest.mark.process
def test_what_sets_wanted_before_counts_as_proven(home: Path) -> None:
    pins = home / "pins.txt"
    pins.write_text(pins.read_text().replace("alpha==1.0", "alpha==1.1"))

    ended = subprocess.run(
        [*OURS, "prune", "--json", "--config", "config.toml"], cwd=home, env=environment(home),
        capture_output=True, text=True, timeout=LONGEST, check=False,
    )  # fmt: skip

    warning, summary = map(json.loads, ended.stdout.splitlines())
    assert "`all` keeps 1 file that its last proven run wanted" in warning["message"]
    assert (summary["planned"], summary["exit_code"]) == (0, 0)


@pytest.mark.live
def test_the_server_keeps_yanks_quarantines_and_tokens(home: Path, expected: dict[str, Any]) -> None:
    secrets = expected["secrets"]
    with served(home) as server:
        page = server.get("/simple/acme-core/").text
        closed = server.get("/packages/acme_util-0.1-py3-none-any.whl")
        alive = server.get("/api/v1/tokens", auth=("__token__", secrets["ci"]))
        personal = server.get("/api/v1/tokens", auth=("__token__", secrets["ann/laptop"]))
        revoked = server.get("/api/v1/tokens", auth=("__token__", secrets["old-ci"]))

    assert page.count("data-yanked") == 2
    assert closed.status_code == 403
    assert (alive.status_code, personal.status_code, revoked.status_code) == (200, 200, 401)


@pytest.mark.live
def test_the_earlier_version_goes_on_with_it_or_says_why_not(
    home: Path, expected: dict[str, Any], earlier: Path
) -> None:
    with served(home):
        pass
    documents(OURS, home, environment(home))
    program = environment(home, PYTHONPATH=f"{earlier}{os.pathsep}{earlier / 'server'}")

    for words in (["list"], ["show", "acme-core"], ["token", "list"], ["audit"], ["rescan"]):
        ended = subprocess.run(
            [*OURS, *words, "--json", "--config", "config.toml"], cwd=home, env=program,
            capture_output=True, text=True, timeout=LONGEST, check=False,
        )  # fmt: skip
        assert ended.returncode in PLAIN_ENDS, f"{words}: {ended.stderr}"
        assert "Traceback" not in ended.stderr

    assert documents(OURS, home, environment(home)) == expected["documents"]


@pytest.mark.process
def test_a_migration_reads_the_log_of_decisions_and_keeps_the_catalogue_as_it_was(home: Path) -> None:
    state = home / "packages" / ".pypitool"
    log, catalogue = (state / "facts.jsonl").read_bytes(), dump(state / "catalogue.sqlite")

    told = [said(home, "config", "check"), said(home, "list"), said(home, "config", "check")]

    (copy,) = state.glob("catalogue.sqlite.before-migration-*")
    assert (dump(copy), (state / "facts.jsonl").read_bytes()) == (catalogue, log)
    assert ["migrate" in text for text in told] == [True, True, False]


@pytest.mark.process
def test_the_way_back_of_the_documents_loses_no_decision(home: Path, earlier: Path) -> None:
    program = environment(home, PYTHONPATH=f"{earlier}{os.pathsep}{earlier / 'server'}")
    said(home, "yank", "acme-core", "1.1", "--reason", "decided by the newer version")
    newer = documents(OURS, home, environment(home))
    refused = said(home, "rescan", program=program, code=8)

    for line in console(blocks(chapter(UPGRADE, "## The way back"))[0]):
        subprocess.run(["bash", "-c", line], cwd=home, env=environment(home), check=True)
    said(home, "rescan", program=program)

    assert "made by a newer pypitool" in refused
    older = documents(OURS, home, program)
    assert {**older, "audit": newer["audit"]} == newer  # it prints the sums of lines, too
    assert len(older["audit"]) == len(newer["audit"])
    assert documents(OURS, home, environment(home)) == newer


@pytest.mark.live
def test_a_server_that_becomes_a_service_keeps_everything(
    home: Path, expected: dict[str, Any], earlier: Path
) -> None:
    service = {"STATE_DIRECTORY": str(home / "var")}
    with served(home, **service) as server:
        page = server.get("/simple/acme-core/").text
        closed = server.get("/packages/acme_util-0.1-py3-none-any.whl")
        assert server.log.count("has taken over") == 1

    assert (page.count("data-yanked"), closed.status_code) == (2, 403)
    assert documents(OURS, home, environment(home)) == expected["documents"]

    before = environment(home, PYTHONPATH=f"{earlier}{os.pathsep}{earlier / 'server'}")
    for program in (before, {**before, **service}):
        for words in (["list"], ["show", "acme-core"], ["token", "list"], ["audit"], ["rescan"]):
            ended = subprocess.run(
                [*OURS, *words, "--json", "--config", "config.toml"], cwd=home, env=program,
                capture_output=True, text=True, timeout=LONGEST, check=False,
            )  # fmt: skip
            assert ended.returncode in PLAIN_ENDS, f"{words}: {ended.stderr}"
            assert "Traceback" not in ended.stderr

    assert documents(OURS, home, environment(home, **service)) == expected["documents"]


@pytest.mark.live
def test_names_that_were_uploaded_and_deleted_are_said_once_and_kept(home: Path) -> None:
    with served(home) as first:
        pass
    with served(home) as second:
        pass

    assert "without a file now, and looked for nowhere else from now on: acme-old;" in first.log
    assert "acme-old" not in second.log
    with Repository.open([home / "packages", home / "extra"], environ={}) as repository:
        assert repository.catalogue.kept_names() >= {normalize("acme-old"), normalize("acme-core")}


def said(home: Path, *words: str, program: Mapping[str, str] | None = None, code: int = 0) -> str:
    """Run a command of this version, or of `program`; return what it told people."""
    ended = subprocess.run(
        [*OURS, *words, "--config", "config.toml"], cwd=home, env=program or environment(home),
        capture_output=True, text=True, timeout=LONGEST, check=False,
    )  # fmt: skip
    assert ended.returncode == code, ended.stderr
    return ended.stderr


def dump(path: Path) -> list[str]:
    """Return all that is in a database, as statements."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def served(home: Path, **variables: str) -> ServerProcess:
    """A server on the state, as its configuration says."""
    line = "serve -i 127.0.0.1 -p {port} --config " + str(home / "config.toml")
    return ServerProcess(home=home, line=line, environment=variables)

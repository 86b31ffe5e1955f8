"""Commands whose requirements stand at an https address."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.mirror.conftest import Site, wheel
from tests.support.certificates import Authority
from tests.support.upstream import FakeUpstream, stall
from tests.support.waiting import wait_until


@pytest.fixture
def files(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeUpstream]:
    """A server of texts, whose authority is one of the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    with FakeUpstream(authority=authority) as fake:
        yield fake


@pytest.fixture
def site(site: Site, files: FakeUpstream) -> Site:
    """A site whose set stands at an address, and two releases."""
    site.offer(wheel("a", "1.0"), wheel("a", "2.0"))
    files.index.texts["/limits.txt"] = b"a==1.0\n"
    site.write("backend.txt", "a\n")
    site.more = f'constraints = "{files.root}/limits.txt"\n'
    return site


def copies(site: Site) -> list[Path]:
    return sorted((site.packages / ".pypitool" / "inputs").glob("*"))


def test_sync_takes_constraints_from_an_address_each_time(site: Site, files: FakeUpstream) -> None:
    first, before = site.run("sync"), site.files()
    files.index.texts["/limits.txt"] = b"a==2.0\n"
    second = site.run("sync")

    assert (first.code, second.code) == (0, 0)
    assert before == ["a-1.0-py3-none-any.whl"]
    assert site.files() == ["a-1.0-py3-none-any.whl", "a-2.0-py3-none-any.whl"]
    assert len(files.seen) == 2
    assert [path.read_bytes() for path in copies(site)] == [b"a==2.0\n"]


def test_locked_takes_the_copy_of_the_last_run(site: Site, files: FakeUpstream) -> None:
    site.run("sync")
    asked = len(files.seen), len(site.fake.seen)
    files.index.texts["/limits.txt"] = b"a==2.0\n"

    fast = site.run("sync", "--locked")
    (site.packages / "a-1.0-py3-none-any.whl").unlink()
    slow = site.run("sync", "--locked")
    offline = site.run("sync", "--offline")
    check = site.run("check")

    assert [ended.code for ended in (fast, slow, offline, check)] == [0, 0, 0, 0]
    assert "nothing has changed" in fast.out
    assert site.files() == ["a-1.0-py3-none-any.whl"]
    assert len(files.seen) == asked[0]
    assert site.fake.paths("/simple/") == site.fake.paths("/simple/")[:1]


def test_a_lost_copy_is_no_proof_that_nothing_has_changed(site: Site, files: FakeUpstream) -> None:
    site.run("sync")
    for path in copies(site):
        path.unlink()

    ended = site.run("sync", "--locked")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"error: no copy of {files.root}/limits.txt is here: run sync once\n"


@pytest.mark.parametrize(
    "words", [("sync", "--locked"), ("sync", "--offline"), ("check",), ("prune",)], ids=" ".join
)
def test_what_asks_nobody_says_that_there_is_no_copy_yet(
    site: Site, files: FakeUpstream, words: tuple[str, ...]
) -> None:
    ended = site.run(*words)

    assert (ended.code, files.seen) == (1, [])
    assert f"no copy of {files.root}/limits.txt is here: run sync once" in ended.err


def test_a_dry_run_asks_and_keeps_nothing(site: Site, files: FakeUpstream) -> None:
    ended = site.run("sync", "--dry-run")

    assert (ended.code, len(files.seen)) == (0, 1)
    assert not site.packages.exists()


def test_an_address_that_answers_nothing_stops_sync_before_it_begins(site: Site, files: FakeUpstream) -> None:
    del files.index.texts["/limits.txt"]

    ended = site.run("sync")

    assert (ended.code, site.fake.seen) == (1, [])
    assert ended.err == f"error: {files.root}/limits.txt: it answers 404\n"


@pytest.mark.parametrize("option", ["-r", "-c"])
def test_download_takes_addresses(site: Site, files: FakeUpstream, option: str) -> None:
    words = ["--exact", "a"] if option == "-c" else []

    ended = site.run("download", *words, option, f"{files.root}/limits.txt", "-i", site.fake.url)

    assert ended.code == 0, ended.err
    assert site.files() == ["a-1.0-py3-none-any.whl"]


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_the_authority_of_an_address_may_be_named(
    site: Site, files: FakeUpstream, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    words = ("download", "-r", f"{files.root}/limits.txt", "-i", site.fake.url)

    without = site.run(*words)
    named = site.run(*words, "--cert", str(authority.ca))
    trusted = site.run(*words, "--trusted-host", "127.0.0.1")

    assert (without.code, named.code, trusted.code) == (1, 0, 0)
    assert "certificate" in without.err


def test_plain_http_is_one_line(site: Site) -> None:
    ended = site.run("download", "-r", "http://127.0.0.1:9/r.txt", "-i", site.fake.url)

    assert ended.code == 1
    assert ended.err.startswith("error: http://127.0.0.1:9/r.txt: over plain http anybody")
    assert ended.err.count("\n") == 1


def test_check_of_an_address_asks_for_it(site: Site, files: FakeUpstream) -> None:
    site.run("sync")
    site.more = ""

    assert site.run("check", "-r", f"{files.root}/limits.txt", "--target", "linux").code == 0


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_an_address_that_stalls_does_not_hold_up_an_order_to_stop(
    site: Site, files: FakeUpstream, number: signal.Signals
) -> None:
    files.fail("/limits.txt", stall(3, 600.0))
    site.run("config", "show")  # writes the configuration
    command = [sys.executable, "-m", "pypitool", "sync", "--config", str(site.config)]

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: files.seen, what="the address is asked")
        process.send_signal(number)
        _, said = process.communicate(timeout=60)  # its own patience is longer: a minute, six times

    assert (process.returncode, said.strip()) == (130, "error: interrupted")

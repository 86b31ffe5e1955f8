"""Ctrl-C and SIGTERM while an upstream stands still: a process ends, says what it did, and keeps partials.

The upstreams here stand still for an hour, and are allowed to.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.cli.mirror.conftest import Site, wheel
from tests.support.environment import scrubbed
from tests.support.upstream import Action, Answer, Handler, stall
from tests.support.waiting import LONGEST, wait_until

pytestmark = pytest.mark.live
AN_HOUR = 3600.0


def standing_page(handler: Handler, answer: Answer) -> None:
    """Begin a page, although the one that is known is still right."""
    stall(40, AN_HOUR)(handler, Answer(200, {"Content-Type": "text/html"}, bytes(1000)))


def started(site: Site, *words: str) -> subprocess.Popen[str]:
    site.more = site.more or 'closure = "resolve"'
    site.run("schedule")  # writes the configuration
    text = site.config.read_text().replace("retries = 0", 'timeout = "1h"')
    site.config.write_text(text)
    return subprocess.Popen(
        [sys.executable, "-m", "pypitool", *words, "--config", str(site.config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=scrubbed(os.environ, home=site.path),
    )


def ended(process: subprocess.Popen[str], number: signal.Signals, is_asked: Callable[[], object]) -> str:
    """Send a signal once the upstream was asked, and return what was said."""
    try:
        wait_until(is_asked, what="the upstream was asked")
        process.send_signal(number)
        said, _ = process.communicate(timeout=LONGEST)
    finally:
        process.kill()
    assert process.returncode == 130
    return said


BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])


@BOTH
def test_a_file_that_stands_still_is_continued_by_the_next_run(site: Site, number: signal.Signals) -> None:
    site.offer(wheel("a", "1.0", extra=os.urandom(600_000)), wheel("b", "1.0"))
    site.write("backend.txt", "a==1.0\nb==1.0\n")
    site.more = "# check"
    site.fake.fail("/files/a-", stall(500_000, AN_HOUR), times=1)

    said = ended(
        started(site, "sync"),
        number,
        lambda: site.files() == ["b-1.0-py3-none-any.whl"] and site.fake.paths("/files/a-"),
    )

    assert "sync: 1 fetched" in said
    partials = (site.packages / ".pypitool" / "partial").iterdir()
    (arrived,) = (path.stat().st_size for path in partials if path.suffix == "")
    site.fake.seen.clear()
    assert site.run("sync").code == 0
    (again,) = (seen for seen in site.fake.seen if seen.path.startswith("/files/a-"))
    assert again.headers["Range"] == f"bytes={arrived}-"


@BOTH
@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("sync",), standing_page),
        (("download", "a", "-d", "elsewhere"), standing_page),
        (("lock", "a", "-o", "pylock.toml"), standing_page),
    ],
    ids=["sync-resolves", "download-resolves", "lock"],
)
def test_a_page_that_stands_still_holds_up_nobody(
    site: Site, number: signal.Signals, words: tuple[str, ...], fault: Action
) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a\n")
    site.fake.fail("/simple/a/", fault)

    process = started(site, *(word.replace("elsewhere", str(site.path / "elsewhere")) for word in words))

    ended(process, number, lambda: site.fake.paths("/simple/a/"))


@BOTH
@pytest.mark.parametrize("words", [("update",), ("verify", "--upstream")], ids=" ".join)
def test_a_page_that_is_looked_at_again_may_stand_still(
    site: Site, number: signal.Signals, words: tuple[str, ...]
) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")
    site.fake.seen.clear()
    site.fake.fail("/simple/a/", standing_page)

    said = ended(started(site, *words), number, lambda: site.fake.paths("/simple/a/"))

    assert f"{words[0]}: " in said

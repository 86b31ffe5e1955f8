"""A run as somebody sees it who sits at a terminal: a real one, of several widths, and a slow upstream."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.cli.mirror.conftest import Site, wheel
from tests.support.environment import scrubbed
from tests.support.upstream import drip

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TAGS = "cp312-cp312-manylinux_2_17_x86_64.manylinux_2_28_x86_64"


def watch(site: Site, *words: str, columns: int) -> list[str]:
    """Run a command on a terminal, and return every line that was ever drawn on it."""
    site.run("config", "check")  # writes the configuration
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "pypitool", *words, "--config", str(site.config)]
    environ = scrubbed(os.environ, home=site.path, TERM="xterm")
    for name in ("COLUMNS", "LINES"):  # where tests run in several processes, these say how wide theirs is
        environ.pop(name, None)
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environ)
    os.close(its)
    drawn = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # EIO: nobody has the other end any more
            break
        if not piece:
            break
        drawn += piece
    os.close(ours)
    process.wait()
    return [line for line in re.split(r"[\r\n]+", CONTROL.sub("", drawn.decode())) if line]


@pytest.mark.live
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_slow_run_is_seen_and_no_line_wraps(site: Site, columns: int) -> None:
    site.offer(*(wheel(f"a{number}", "1.0", tags=TAGS, extra=os.urandom(700_000)) for number in range(3)))
    site.write("backend.txt", "".join(f"a{number}==1.0\n" for number in range(3)))
    site.more = 'targets = ["linux"]'
    site.fake.index.delay = 0.8
    site.fake.fail("/files/", drip(100_000, 0.1))

    drawn = watch(site, "sync", columns=columns)

    lines = [line for line in drawn if not line.startswith("sync: ")]  # the last word is no progress
    assert any(line.startswith("reading pages") and "/3" in line for line in lines)
    assert any(line.startswith("all files") and "/2.0 MiB" in line and "iB/s" in line for line in lines)
    assert any(line.startswith("a1-1.0") and ".whl" in line and "KiB" in line for line in lines)
    assert max(map(len, lines)) < columns
    assert drawn[-1].startswith("sync: 3 fetched, 0 kept")


@pytest.mark.live
def test_what_uv_resolves_and_what_update_asks_is_seen(site: Site) -> None:
    site.offer(wheel("a", "1.0"), wheel("a", "1.1"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync")
    site.fake.index.delay = 0.8

    resolved = watch(site, "sync", "--resolve", columns=80)
    updated = watch(site, "update", columns=80)

    assert any(line.startswith("resolving backend ") for line in resolved)
    assert any(line.startswith("reading pages ") for line in updated)


@pytest.mark.live
def test_one_part_of_a_run_does_not_draw_over_another(site: Site) -> None:
    site.packages.mkdir()
    for number in range(6):
        offer = wheel(f"a{number}", "1.0", extra=os.urandom(10_000_000))
        (site.packages / offer.filename).write_bytes(offer.body)

    drawn = watch(site, "verify", columns=60)

    phases = [line.split("  ")[0] for line in drawn if line.startswith(("reading ", "hashing "))]
    assert phases == sorted(phases, reverse=True)  # all of the first, then all of the second
    assert drawn[-1].startswith("verify: 6 files, 0 differ")


@pytest.mark.live
@pytest.mark.parametrize("columns", [60, 80])
def test_runs_are_a_table_that_fits(site: Site, columns: int) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.run("sync", "backend")

    drawn = watch(site, "runs", columns=columns)

    assert drawn[0].split() == ["Run", "Started", "(UTC)", "Took", "Command", "Result"]
    assert any("sync backend" in line and "ok: 1 fetched" in line for line in drawn)
    assert max(map(len, drawn)) <= columns

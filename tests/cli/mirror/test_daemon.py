from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.mirror.conftest import Site, wheel
from tests.support.environment import scrubbed
from tests.support.upstream import drip, stall
from tests.support.waiting import LONGEST, wait_until

JOB = '[job.{name}]\nrun = "{run}"\ncron = "* * * * *"\ntimezone = "UTC"\n'
NEVER = '[job.never]\nrun = "sync"\ncron = "0 0 29 2 *"\n'


def log(site: Site) -> str:
    return (site.path / "daemon.log").read_text()


@contextmanager
def daemon(site: Site, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    site.run("schedule")  # writes the configuration
    command = [sys.executable, "-m", "pypitool", "daemon", "--config", str(site.config)]
    with (site.path / "daemon.log").open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=scrubbed(os.environ, home=site.path, **environment)
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.live
def test_a_missed_job_is_caught_up_at_the_start_and_the_end_is_clean(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.more = JOB.format(name="often", run="sync backend") + NEVER

    with daemon(site) as process:
        wait_until(lambda: site.files() == ["a-1.0-py3-none-any.whl"], what="the missed job has run")
        wait_until(lambda: "1 fetched" in log(site), what="it has ended")
        process.send_signal(signal.SIGTERM)

        assert process.wait(LONGEST) == 0
    assert "often: `sync backend` runs next at 2" in log(site)
    assert "never: `sync` runs next at 2028-02-29T" in log(site)


@pytest.mark.live
def test_sighup_reads_the_configuration_again_and_a_fault_ends_nothing(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.more = NEVER

    with daemon(site) as process:
        wait_until(lambda: "never: " in log(site), what="it has begun")
        site.config.write_text("[job.never]\nrun = 1\n")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "error:" in log(site), what="the fault is said")
        site.more = NEVER.replace("never", "other")
        site.run("schedule")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "other: " in log(site), what="the new job is known")
        process.send_signal(signal.SIGTERM)

        assert process.wait(LONGEST) == 0


@pytest.mark.live
def test_sigterm_lets_the_file_in_hand_arrive(site: Site) -> None:
    site.offer(wheel("a", "1.0", extra=os.urandom(400_000)))
    site.write("backend.txt", "a==1.0\n")
    site.more = JOB.format(name="often", run="sync")
    site.fake.fail("/files/", drip(40_000, 0.1))

    with daemon(site) as process:
        wait_until(lambda: site.fake.paths("/files/"), what="the file is on its way")
        process.send_signal(signal.SIGTERM)

        assert process.wait(LONGEST) == 0
    assert site.files() == ["a-1.0-py3-none-any.whl"]


@pytest.mark.live
def test_a_file_in_hand_that_stands_still_is_left_for_the_next_run(site: Site) -> None:
    site.offer(wheel("a", "1.0", extra=os.urandom(400_000)))
    site.write("backend.txt", "a==1.0\n")
    site.more = JOB.format(name="often", run="sync")
    site.fake.fail("/files/", stall(300_000, 3600))

    with daemon(site) as process:
        wait_until(lambda: site.fake.paths("/files/"), what="the file is on its way")
        process.send_signal(signal.SIGTERM)

        assert process.wait(LONGEST / 2) == 0, "the upstream may be silent for a minute"
    assert site.files() == []
    assert list((site.packages / ".pypitool" / "partial").iterdir()) != []


@pytest.mark.live
def test_systemd_hears_of_it(site: Site, tmp_path: Path) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.more = NEVER
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(LONGEST)

        with daemon(site, NOTIFY_SOCKET=str(tmp_path / "notify")) as process:
            ready = channel.recv(1000)
            process.send_signal(signal.SIGTERM)
            stopping = channel.recv(1000)

    assert ready.startswith(b"READY=1")
    assert stopping.startswith(b"STOPPING=1")

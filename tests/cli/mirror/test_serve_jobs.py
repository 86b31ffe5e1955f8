from __future__ import annotations

import os
import signal

import pytest
import requests

from tests.cli.mirror.conftest import Site, wheel
from tests.cli.mirror.test_daemon import JOB, NEVER
from tests.support.server import ServerProcess
from tests.support.waiting import LONGEST, wait_until


def serving(site: Site) -> ServerProcess:
    site.run("schedule")  # writes the configuration
    site.packages.mkdir(exist_ok=True)
    options = ["--config", str(site.config), "--jobs", "--workers", "2"]
    return ServerProcess(site.packages, home=site.path, options=options)


@pytest.mark.live
def test_a_server_with_jobs_fills_the_directory_that_it_serves(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0\n")
    site.more = JOB.format(name="often", run="sync")

    with serving(site) as server:
        wait_until(
            lambda: requests.get(f"{server.url}/simple/a/", timeout=LONGEST).status_code == 200,
            what="the job has brought it",
        )  # fmt: skip
        wait_until(lambda: "1 fetched" in server.log, what="its words are in the server's log")
        assert server.stop() == 0


@pytest.mark.live
def test_jobs_are_reloaded_with_the_server(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.more = NEVER

    with serving(site) as server:
        wait_until(lambda: "never: " in server.log, what="the jobs have begun")
        site.more = NEVER.replace("never", "other")
        site.run("schedule")
        os.kill(server.pid, signal.SIGHUP)

        wait_until(lambda: "other: " in server.log, what="the new job is known")


@pytest.mark.live
def test_jobs_end_with_a_server_that_is_killed(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.more = NEVER
    with serving(site) as server:
        wait_until(lambda: "never: " in server.log, what="the jobs have begun")
        os.kill(server.pid, signal.SIGKILL)

        wait_until(lambda: not _daemons(site), what="the jobs have ended")


def _daemons(site: Site) -> list[str]:
    found = []
    for process in os.listdir("/proc"):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            with open(f"/proc/{process}/environ", "rb") as file:
                environ = file.read()
        except (OSError, ValueError):
            continue
        if b"--until-eof" in words and str(site.config).encode() in environ:
            found.append(process)
    return found

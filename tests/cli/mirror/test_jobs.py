"""A job ends with the exit code of its command, whatever is wrong with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pypitool.cli.commands.schedule import run_job
from pypitool.cli.invocation import Invocation
from pypitool.config.job_tables import JobSettings
from tests.cli.mirror.conftest import Site


def run(site: Site, *words: str) -> int:
    """Run a command line as the daemon does, in this process."""
    site.run("schedule")  # writes the configuration
    job = JobSettings("nightly", run=words, cron="* * * * *")
    return run_job(Invocation(environ={"PATH": "/usr/bin:/bin"}, config=site.config), job)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("sync", "--nonsense"), 2, "--nonsense"),
        (("nonsense",), 2, "nonsense"),
        (("sync", "absent"), 2, "no set `absent`"),
        (("sync",), 1, "backend.txt"),
    ],
    ids=["wrong-option", "wrong-command", "no-such-set", "no-input"],
)
def test_a_job_that_cannot_begin_says_why_and_ends(
    site: Site, words: tuple[str, ...], code: int, says: str
) -> None:
    assert run(site, *words) == code

    assert says in site.capsys.readouterr().err


@pytest.mark.process
def test_somebody_hears_of_a_job_that_could_not_begin(site: Site, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    script = f"import sys; open({str(heard)!r}, 'w').write(sys.stdin.read())"
    site.more = f"[notify]\ncommand = {json.dumps([sys.executable, '-c', script])}\n"

    run(site, "sync", "--nonsense")

    message = json.loads(heard.read_text())
    assert (message["job"], message["exit_code"], message["outcome"]) == ("nightly", 2, "failed")

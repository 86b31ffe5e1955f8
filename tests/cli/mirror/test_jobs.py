"""A job ends with the exit code of its command, whatever is wrong with it."""

from __future__ import annotations

import json
import shutil
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
    assert "--nonsense" in message["reason"]
    assert message["reason"] in message["text"]


def test_a_job_that_could_not_begin_is_on_record(site: Site) -> None:
    site.packages.mkdir()

    run(site, "sync", "absent")

    (row,) = site.run("runs", "--json").document
    assert (row["command"], row["exit_code"]) == ("sync absent", 2)
    (event,) = site.run("runs", "1", "--json").document["events"]
    assert (event["type"], event["kind"]) == ("error", "usage")
    assert "no set `absent`" in event["message"]


def test_a_job_that_failed_once_it_had_begun_is_on_record_once(site: Site) -> None:
    site.packages.mkdir()
    site.write("backend.txt", "a\n")

    assert run(site, "sync") == 1

    assert [row["exit_code"] for row in site.run("runs", "--json").document] == [1]
    (event,) = site.run("runs", "1", "--json").document["events"]
    assert "names no exact version" in event["message"]


def test_without_the_packages_it_is_on_record_where_the_state_is_apart(site: Site) -> None:
    state = site.path / "state"
    site.more = "[job.nightly]\nrun = 'verify'\ncron = '* * * * *'\n"
    site.packages.mkdir()
    site.run("rescan", "--state", str(state))
    shutil.rmtree(site.packages)
    kept_apart = f'packages = "packages"\nstate = "{state}"'
    site.config.write_text(site.config.read_text().replace('packages = "packages"', kept_apart))

    job = JobSettings("nightly", run=("verify",), cron="* * * * *")
    code = run_job(Invocation(environ={"PATH": "/usr/bin:/bin"}, config=site.config), job)

    assert code == 8
    assert not site.packages.exists()
    listed = site.bare("schedule", "--json", "--config", str(site.config)).document
    assert [one["outcome"] for one in listed] == ["failed"]


@pytest.mark.process
def test_somebody_hears_of_it_where_the_configuration_itself_is_wrong(site: Site, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    script = f"import sys; open({str(heard)!r}, 'w').write(sys.stdin.read())"
    site.more = f"[notify]\ncommand = {json.dumps([sys.executable, '-c', script])}\n[policy]\nnonsense = 1\n"

    assert run(site, "sync") == 8

    assert "nonsense" in json.loads(heard.read_text())["reason"]

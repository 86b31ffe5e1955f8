"""A release from a tag: `.ci/release` publishes without a secret, here to a server of ours, or refuses."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pypitool import __version__
from tests.support.certificates import Authority
from tests.support.clients import Ran
from tests.support.environment import scrubbed
from tests.support.issuer import Issuer
from tests.support.newcomer import Newcomer
from tests.support.server import ServerProcess
from tests.support.waiting import LONGEST, wait_until

CONFIGURATION = """
[auth]
oidc-audience = "pypi.acme.example"
[[rule]]
who = ["anonymous"]
may = ["list", "download"]
[[publisher]]
name = "release"
issuer = "{issuer.url}"
ca = "{issuer.ca}"
claims = {{ repository = "acme/pypitool", ref = "refs/tags/v*" }}
projects = ["pypitool"]
"""
LONGEST_RELEASE = 300.0

pytestmark = [pytest.mark.live, pytest.mark.slow]
Release = Callable[[], Ran]


@pytest.fixture
def repository(tmp_path: Path, wheels: Path) -> Path:
    """A repository with one commit and no tag, whose documents name the version of now as released."""
    checkout = Newcomer.arrive(tmp_path / "home", wheels).clone()
    changes = checkout / "CHANGELOG.md"
    changes.write_text(changes.read_text().replace("## Unreleased", f"## {__version__} - 2027-01-15", 1))
    git(checkout, "init", "--quiet")
    commit(checkout)
    return checkout


@pytest.fixture
def index(tmp_path: Path, authority: Authority, issuer: Issuer) -> Iterator[ServerProcess]:
    """A server that trusts the jobs of one repository."""
    packages, file = tmp_path / "packages", tmp_path / "config.toml"
    packages.mkdir()
    file.write_text(CONFIGURATION.format(issuer=issuer))
    tls = ["--cert", str(authority.chain), "--key", str(authority.key)]
    options = ["--config", str(file), *tls]
    with ServerProcess(packages, home=tmp_path, options=options, ready_path=None) as server:
        wait_until(lambda: bool(page(server, authority, "/health")), what="it answers")
        yield server


@pytest.fixture
def issuer(authority: Authority) -> Iterator[Issuer]:
    with Issuer(authority) as issuer:
        issuer.said = {"repository": "acme/pypitool", "ref": f"refs/tags/v{__version__}"}
        yield issuer


@pytest.fixture
def release(repository: Path, index: ServerProcess, issuer: Issuer, wheels: Path) -> Release:
    """What the job does, in the repository."""
    variables = scrubbed(
        os.environ, home=repository.parent, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels), **issuer.job(),
        UV_PUBLISH_URL=f"{secure(index)}/legacy/", PATH=os.environ["PATH"],
    )  # fmt: skip

    def run() -> Ran:
        ended = subprocess.run(
            [".ci/release"], cwd=repository, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=LONGEST_RELEASE, check=False,
        )  # fmt: skip
        return Ran(".ci/release", ended.returncode, ended.stdout)

    return run


def test_a_tag_is_published_by_a_job_that_the_index_trusts(
    release: Release, repository: Path, index: ServerProcess, authority: Authority
) -> None:
    without_tag = release()
    git(repository, "tag", f"v{__version__}")

    published = release()

    assert (without_tag.code, published.code) == (1, 0), published.output
    assert f"has no tag v{__version__}" in without_tag.output
    listed = page(index, authority, "/simple/pypitool/")
    assert f"pypitool-{__version__}-py3-none-any.whl" in listed
    assert f"pypitool-{__version__}.tar.gz" in listed


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("CHANGELOG.md", f"## {__version__} - 2027-01-15", "## Unreleased", "CHANGELOG.md has no line"),
        ("Dockerfile", f"VERSION={__version__}", "VERSION=0.0.9", "Dockerfile has no line"),
        ("pypitool/__init__.py", __version__, "9.9", "says 9.9, and this commit has no tag v9.9"),
    ],
    ids=["changelog", "Dockerfile", "version"],
)
def test_a_tag_that_disagrees_with_a_file_is_refused(
    file: str, old: str, new: str, reason: str, release: Release, repository: Path
) -> None:
    text = (repository / file).read_text()
    assert old in text
    (repository / file).write_text(text.replace(old, new, 1))
    unclean = release()
    commit(repository)
    git(repository, "tag", f"v{__version__}")

    refused = release()

    assert (unclean.code, refused.code) == (1, 1)
    assert "holds what no commit has" in unclean.output
    assert reason in refused.output
    assert not (repository / "dist").exists()


def commit(repository: Path) -> None:
    git(repository, "add", "--all")
    git(repository, "-c", "user.name=ann", "-c", "user.email=ann@acme.example", "commit", "-qm", "release")


def git(repository: Path, *words: str) -> None:
    program = shutil.which("git") or "git"
    subprocess.run([program, *words], cwd=repository, check=True, capture_output=True)


def secure(server: ServerProcess) -> str:
    return server.url.replace("http:", "https:")


def page(server: ServerProcess, authority: Authority, path: str) -> str:
    context = ssl.create_default_context(cafile=authority.ca)
    with (
        suppress(OSError),
        urllib.request.urlopen(secure(server) + path, context=context, timeout=LONGEST) as answer,
    ):
        return str(answer.read().decode())
    return ""

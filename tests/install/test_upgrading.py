"""What docs/upgrade.md tells people to type, typed: from an older build to this one, and back again."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.imports import ROOT
from tests.support.newcomer import Newcomer, blocks, chapter, console
from tests.support.wheels import build_wheel

PAGE = (ROOT / "docs" / "upgrade.md").read_text()
# How it was installed, and what upgrades that.
WAYS = dict(re.findall(r"^\| (?:by |in an )(\w+) \| `(.*)` \|$", PAGE, re.MULTILINE))
PROGRAMS = {
    "pipx": "~/.local/bin/pypitool",
    "uv": "~/.local/bin/pypitool",
    "environment": "~/pypitool/bin/pypitool",
}
BEFORE = "3e5d8c4"
# What the older build does not have.
IS_NEW = "state adopt --help"

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """A folder with the wheel of this version in `dist`, and that of an older commit in `before`."""
    builder = Newcomer.arrive(tmp_path_factory.mktemp("earlier") / "home", wheels)
    packed = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        pytest.skip(f"commit {BEFORE} is not at hand: this is no clone of the repository")
    then = builder.home / "then"
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        tar.extractall(then, filter="data")
    build = "$NOW/.venv/bin/python -m build --wheel --outdir $NOW/before ."
    builder.types([build], where=then, NOW=str(checkout))
    return checkout


@pytest.fixture
def owner(newcomer: Newcomer) -> Newcomer:
    """Somebody with two packages in `~/packages`."""
    packages = newcomer.home / "packages"
    packages.mkdir()
    for name in ("acme", "beta"):
        build_wheel(packages, name, "1.0")
    return newcomer


def test_the_newer_version_is_asked_before_it_is_installed(built: Path, owner: Newcomer) -> None:
    backup, keep, make, *look = console(chapter(PAGE, "## Look first"))
    owner.types(["uv tool install before/*.whl"], where=built)
    owner.types(["pypitool status acme quarantined --reason malware", backup])

    told = owner.types(look, where=built)

    assert (keep, make) == ("mv dist before", "make dist")  # as `built` has done it
    assert (owner.home / "pypitool.tar").exists()
    assert f"the next start migrates {owner.home}/packages/.pypitool/catalogue.sqlite" in told


@pytest.mark.parametrize("way", PROGRAMS)
def test_each_way_of_installing_is_upgraded_and_leads_back(way: str, built: Path, owner: Newcomer) -> None:
    program, upgrade = PROGRAMS[way], WAYS[way]
    back, is_new = upgrade.replace("dist/", "before/"), f"{program} {IS_NEW}"
    if way == "environment":
        owner.types(["python3 -m venv ~/pypitool"])
    owner.types([back, f"{program} status acme archived"], where=built)

    was_new = [owner.tries([is_new]).code == 0]
    owner.types([upgrade, f"{program} status beta quarantined --reason malware"], where=built)
    was_new += [owner.tries([is_new]).code == 0]
    owner.types([back], where=built)
    owner.types(console(blocks(chapter(PAGE, "## The way back"))[0]))
    was_new += [owner.tries([is_new]).code == 0]

    said = owner.types([f"{program} show acme", f"{program} show beta"])
    assert was_new == [False, True, False]
    assert ("archived" in said, "quarantined" in said) == (True, True)

"""What the mirror brought is enough: real clients install from it, and nothing else can be reached."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypitool.catalogue.facts import local_actor
from pypitool.repository.releases import yank
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from tests.mirror.live.mirror import Mirror
from tests.mirror.live.offered import PINS, TARGETS, fill, wanted
from tests.support.clients import Client
from tests.support.recipes import RECIPES, ClientUnavailable, bin_directory, cache_directory
from tests.support.server import ServerProcess
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

# Whatever is not on loopback goes to a proxy that nobody runs.
NOWHERE = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
}
FOREIGN = {
    "noble": ("3.12", ["manylinux_2_39_x86_64", "manylinux_2_17_x86_64"], "x86_64-manylinux_2_39"),
    "arm": ("3.11", ["manylinux_2_28_aarch64"], "aarch64-manylinux_2_28"),
    "windows": ("3.12", ["win_amd64"], "x86_64-pc-windows-msvc"),
    "mac": ("3.12", ["macosx_14_0_arm64", "macosx_11_0_arm64"], "aarch64-apple-darwin"),
    "musl": ("3.12", ["musllinux_1_2_x86_64", "musllinux_1_1_x86_64"], "x86_64-unknown-linux-musl"),
}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """Synchronise from our own server in another process, which ends then."""
    home, origin = tmp_path_factory.mktemp("mirror"), tmp_path_factory.mktemp("origin")
    fill(origin / "packages")
    with Repository.open([origin / "packages"]) as repository:
        scan_if_alone(repository)
        yank(repository, "withdrawn", "1.0", "leaks", local_actor())
    with ServerProcess(origin / "packages", home=origin) as server:
        made = Mirror(home, f"{server.url}/simple/", TARGETS, PINS)
        run = made.run("sync", "--json")
    assert run.code == 0, run
    assert run.names("fetched") == wanted()
    return made


@pytest.fixture(scope="module")
def index(mirror: Mirror, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A second server, on the directory that was mirrored."""
    with ServerProcess(mirror.packages, home=tmp_path_factory.mktemp("index")) as server:
        yield server


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """pip and uv as they come with the project."""
    return Client.beside_us(tmp_path)


def test_the_targets_have_their_files_and_nothing_else(mirror: Mirror) -> None:
    assert mirror.files() == wanted()


def test_the_proof_holds_without_the_upstream(mirror: Mirror) -> None:
    checked, offline = mirror.run("check"), mirror.run("sync", "--offline")

    assert checked.code == 0
    assert checked.out.splitlines()[-1].startswith("check: 0 missing in ")
    assert offline.code == 0


def test_facts_of_the_upstream_are_told_on(mirror: Mirror, index: ServerProcess) -> None:
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    withdrawn = index.get("/simple/withdrawn/", headers=accept).json()["files"][0]
    modern = index.get("/simple/modern/", headers=accept).json()["files"]

    assert withdrawn["yanked"] == "leaks"
    assert withdrawn["upload-time"].endswith("Z")
    assert [file["requires-python"] for file in modern] == [">=3.8", ">=3.12"]
    assert all(file["core-metadata"]["sha256"] for file in modern)


def test_pip_installs_offline(client: Client, index: ServerProcess, tmp_path: Path) -> None:
    client.succeed(
        "python", "-m", "pip", "install", "--no-cache-dir", "--no-input", "-t", tmp_path / "site",
        "-i", f"{index.url}/simple/", "app[fast]", "withdrawn==1.0",
        environment=NOWHERE,
    )  # fmt: skip

    installed = {path.stem for path in (tmp_path / "site").glob("*.py")}
    assert installed == {"app", "stable", "speed", "posix_only", "modern", "withdrawn"}


def test_pip_builds_what_has_no_wheel_offline(
    index: ServerProcess, tmp_path: Path, machine_environment: dict[str, str]
) -> None:
    try:
        programs = bin_directory(RECIPES["pip"], cache_directory(machine_environment), machine_environment)
    except ClientUnavailable as error:
        pytest.skip(str(error))

    Client(programs, tmp_path).succeed(
        "pip", "install", "--no-cache-dir", "--no-input", "--no-build-isolation", "-t", tmp_path / "site",
        "-i", f"{index.url}/simple/", "old-style",
        environment=NOWHERE,
    )  # fmt: skip

    assert (tmp_path / "site" / "old_style.py").exists()


def test_uv_installs_offline(client: Client, index: ServerProcess, tmp_path: Path) -> None:
    client.succeed(
        "uv", "pip", "install", "--python", sys.executable, "--no-cache", "--target", tmp_path / "site",
        "--default-index", f"{index.url}/simple/", "app[fast]",
        environment=NOWHERE,
    )  # fmt: skip

    installed = {path.stem for path in (tmp_path / "site").glob("*.py")}
    assert installed == {"app", "stable", "speed", "posix_only", "modern"}


@pytest.mark.parametrize("name", FOREIGN)
def test_pip_finds_everything_for_another_machine(
    client: Client, index: ServerProcess, tmp_path: Path, name: str
) -> None:
    python, platforms, _ = FOREIGN[name]
    chosen = [word for platform in platforms for word in ("--platform", platform)]

    client.succeed(
        "python", "-m", "pip", "install", "--no-cache-dir", "--no-input", "--quiet", "--dry-run",
        "--ignore-installed", "--report", tmp_path / "report.json", "--only-binary=:all:",
        "--python-version", python, *chosen, "-i", f"{index.url}/simple/", "app[fast]",
        environment=NOWHERE,
    )  # fmt: skip

    report = json.loads((tmp_path / "report.json").read_text())["install"]
    found = {one["metadata"]["name"]: one["download_info"]["url"] for one in report}
    digits = python.replace(".", "")
    assert f"speed-2.0-cp{digits}-cp{digits}-{platforms[-1]}" in found["speed"]
    assert f"stable-1.0-cp38-abi3-{platforms[-1]}" in found["stable"]


@pytest.mark.parametrize("name", FOREIGN)
def test_uv_resolves_for_another_machine_with_its_markers(
    client: Client, index: ServerProcess, tmp_path: Path, name: str
) -> None:
    python, _, platform = FOREIGN[name]

    output = client.succeed(
        "uv", "pip", "install", "--dry-run", "--no-cache", "--only-binary", ":all:", "--target",
        tmp_path / "site", "--python", sys.executable, "--python-version", python, "--python-platform",
        platform, "--default-index", f"{index.url}/simple/", "app[fast]",
        environment=NOWHERE,
    )  # fmt: skip

    other = "win-only" if name == "windows" else "posix-only"
    assert {"app", "stable", "speed", "modern", other} == {
        line.removeprefix(" + ").partition("==")[0] for line in output.splitlines() if line.startswith(" + ")
    }
    assert f"modern=={'1.0' if python == '3.11' else '2.0'}" in output


def test_a_file_that_is_lost_is_a_hole_until_it_is_back(
    mirror: Mirror, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lost = mirror.packages / "win_only-1.0-py3-none-any.whl"
    body = lost.read_bytes()
    lost.unlink()

    without = mirror.run("check")
    lost.write_bytes(body)
    again = mirror.run("check")

    assert without.code == 1
    assert "missing: all windows: win-only" in without.out
    assert again.code == 0


def test_what_people_upload_fills_a_hole_as_well(tmp_path: Path) -> None:
    made = Mirror(tmp_path, "http://127.0.0.1:9/simple/", {"noble": TARGETS["noble"]}, "ours==1.0\n")
    build_wheel(made.packages, "ours", "1.0")

    assert made.run("check").code == 0

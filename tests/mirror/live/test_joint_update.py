"""Sets that go on installing: real pip installs what an update wrote, from the directory alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mirror.live.mirror import Mirror
from tests.mirror.live.offered import HOST_PYTHON, TARGETS
from tests.mirror.live.test_offline import NOWHERE
from tests.support.clients import Client
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live

WHERE = {"host": TARGETS["host"], "windows": (HOST_PYTHON, "win_amd64")}
BINARY = [
    f"cp{HOST_PYTHON.replace('.', '')}-cp{HOST_PYTHON.replace('.', '')}-{platform}"
    for platform in ("manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_17_aarch64", "win_amd64")
]
Releases = dict[str, tuple[str, ...]]  # `NAME VERSION`, and what it needs

BOTOCORE: Releases = {
    "botocore 1.34.134": ("urllib3<3,>=1.25.4",),
    "urllib3 1.26.18": (),
}
NEW_BOTOCORE: Releases = {
    "botocore 1.35.0": ("urllib3<2,>=1.25.4",),
    "urllib3 2.6.0": (),
}
PYDANTIC: Releases = {
    "pydantic 2.11.0": ("pydantic-core==2.33.0", "typing-extensions>=4.12"),
    "pydantic-core 2.33.0": ("typing-extensions>=4.6",),
    "typing-extensions 4.12.2": (),
}
NEW_PYDANTIC: Releases = {
    "pydantic 2.12.5": ("pydantic-core==2.41.5", "typing-extensions>=4.14", "typing-inspection>=0.4"),
    "pydantic-core 2.41.5": ("typing-extensions>=4.14",),
    "pydantic-core 2.42.0": ("typing-extensions>=4.15",),
    "typing-extensions 4.15.0": (),
    "typing-inspection 0.4.2": ("typing-extensions>=4.12",),
}
FLASK: Releases = {
    "flask 3.0.3": ("werkzeug>=3.0", "jinja2>=3.1", "click>=8.1", "colorama; sys_platform == 'win32'"),
    "werkzeug 3.0.0": ("markupsafe>=2.1",),
    "jinja2 3.1.4": ("markupsafe>=2.0",),
    "markupsafe 2.1.5": (),
    "click 8.1.7": ("colorama; sys_platform == 'win32'",),
    "colorama 0.4.6": (),
    **PYDANTIC,
}
NEW_FLASK: Releases = {
    # What the newest of each need is not what the others of them are.
    "flask 3.1.2": ("werkzeug<4,>=3.1", "jinja2>=3.1.2", "click>=8.1.3", "blinker>=1.9", "markupsafe>=2.1.1"),
    "werkzeug 3.1.3": ("markupsafe>=2.1.1",),
    "werkzeug 4.0.0": ("markupsafe>=3",),
    "jinja2 3.1.6": ("markupsafe<3,>=2.0",),
    "markupsafe 2.1.6": (),
    "markupsafe 3.0.3": (),
    "click 8.3.0": ("colorama; sys_platform == 'win32'",),
    "blinker 1.9.0": (),
    **NEW_PYDANTIC,
}


def build(directory: Path, releases: Releases) -> None:
    """Make the wheels of releases; those of compiled projects for several machines."""
    for release, requires in releases.items():
        name, version = release.split()
        for tags in BINARY if name in ("pydantic-core", "markupsafe") else ["py3-none-any"]:
            build_wheel(directory, name, version, requires=requires, tags=tags)


def listed(server: ServerProcess, name: str, version: str) -> None:
    """Wait until the server has seen a release."""
    wait_until(lambda: version in server.get(f"/simple/{name}/").text, what=f"{name} {version} is listed")


def pins(releases: Releases) -> str:
    return "".join(f"{release.replace(' ', '==')}\n" for release in releases)


def updated(home: Path, old: Releases, new: Releases) -> Mirror:
    """Synchronise a set, let the index have newer releases, and update the set."""
    origin = home / "origin" / "packages"
    build(origin, old)
    with ServerProcess(origin, home=home / "origin") as server:
        mirror = Mirror(home, f"{server.url}/simple/", WHERE, pins(old))
        assert mirror.run("sync").code == 0
        build(origin, new)
        for release in new:
            listed(server, *release.split())
        command = mirror.run_again("update", "--execute", "--write", "pins.txt")
    assert command.code == 0, command
    return mirror


@pytest.mark.parametrize(
    ("old", "new", "written"),
    [
        (BOTOCORE, NEW_BOTOCORE, ["botocore==1.35.0", "urllib3==1.26.18"]),
        (
            PYDANTIC,
            NEW_PYDANTIC,
            [
                "pydantic==2.12.5",
                "typing-inspection==0.4.2  # needed by pydantic",
                "pydantic-core==2.41.5",
                "typing-extensions==4.15.0",
            ],
        ),
        (
            FLASK,
            NEW_FLASK,
            [
                "flask==3.1.2",
                "blinker==1.9.0  # needed by flask",
                "werkzeug==3.1.3",
                "jinja2==3.1.6",
                "markupsafe==2.1.6",
                "click==8.3.0",
                "colorama==0.4.6",
                "pydantic==2.12.5",
                "typing-inspection==0.4.2  # needed by pydantic",
                "pydantic-core==2.41.5",
                "typing-extensions==4.15.0",
            ],
        ),
    ],
    ids=["botocore", "pydantic", "flask"],
)
def test_pip_installs_the_written_file_from_the_directory_alone(
    tmp_path: Path, old: Releases, new: Releases, written: list[str]
) -> None:
    mirror = updated(tmp_path, old, new)
    file = tmp_path / "pins.txt"

    assert file.read_text().splitlines() == written
    checked, pruned = mirror.run_again("check"), mirror.run_again("prune", "--execute")
    assert (checked.code, pruned.code) == (0, 0)

    client = Client.beside_us(tmp_path)
    client.succeed(
        "python", "-m", "pip", "install", "--no-cache-dir", "--no-input", "-t", tmp_path / "site",
        "--no-index", "--find-links", mirror.packages, "-r", file,
        environment=NOWHERE,
    )  # fmt: skip
    client.succeed(
        "uv", "pip", "compile", "--no-cache", "--no-index", "--find-links", mirror.packages, file,
        "--python-platform", "x86_64-pc-windows-msvc", "--python-version", HOST_PYTHON,
        environment=NOWHERE,
    )  # fmt: skip

"""What `pypitool lock --url` wrote installs from our server, when the index that it was made from is gone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.mirror.live.mirror import Mirror
from tests.mirror.live.offered import TARGETS
from tests.mirror.live.test_offline import NOWHERE
from tests.support.clients import Client
from tests.support.server import ServerProcess
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live


@pytest.mark.parametrize("command", ["sync", "install"])
def test_uv_installs_a_lock_from_our_server_alone(tmp_path: Path, command: str) -> None:
    home, origin = tmp_path / "mirror", tmp_path / "origin"
    for folder in (home, index := tmp_path / "index"):
        folder.mkdir()
    build_wheel(origin / "packages", "app", "1.0", requires=["needed>=1"])
    build_wheel(origin / "packages", "needed", "1.5")
    (home / "wanted.in").write_text("app\n")
    with ServerProcess(origin / "packages", home=origin) as upstream:
        mirror = Mirror(home, f"{upstream.url}/simple/", {"host": TARGETS["host"]}, "app==1.0\nneeded==1.5\n")
        assert mirror.run("sync").code == 0
        locked = mirror.run("lock", "-r", "wanted.in", "--url", "http://127.0.0.1:1/simple/")
    assert locked.code == 0, locked
    (mirror.packages / "deep" / "er").mkdir(parents=True)
    needed = mirror.packages / "needed-1.5-py3-none-any.whl"
    needed.rename(mirror.packages / "deep" / "er" / needed.name)

    with ServerProcess(mirror.packages, home=index) as server:
        lock = home / "pylock.toml"
        lock.write_text(lock.read_text().replace("http://127.0.0.1:1/packages/", f"{server.url}/packages/"))
        Client.beside_us(tmp_path).succeed(
            "uv", "pip", command, "--python", sys.executable, "--no-cache", "--target", tmp_path / "site",
            "--preview-features", "pylock",
            *(["-r"] if command == "install" else []), lock,
            environment={**NOWHERE, "UV_DEFAULT_INDEX": "http://127.0.0.1:9/"},
        )  # fmt: skip

    installed = {path.stem for path in (tmp_path / "site").glob("*.py")}
    assert installed == {"app", "needed"}

"""`pypitool upload` to a real server, and clients with the configuration that `client-config` wrote."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.accounts import write_htpasswd
from tests.support.clients import Client
from tests.support.receiver import Receiver
from tests.support.server import ServerProcess
from tests.support.wheels import Release, build_sdist, build_wheel, wheel_bytes, zip_bytes

pytestmark = pytest.mark.live
USER, PASSWORD = "deploy", "s3cret pässword"
ROBOT, PLAIN = "robot", "plain-s3cret"  # Python 3.10 reads nothing else in a netrc
LOGIN = {"PYPITOOL_USERNAME": USER, "PYPITOOL_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def public() -> Iterator[Receiver]:
    """An index that has everything under the same names, and is none of our business."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, public: Receiver) -> Iterator[ServerProcess]:
    """A server to which each test uploads projects of its own."""
    home = tmp_path_factory.mktemp("server")
    packages = home / "packages"
    packages.mkdir()
    passwords = write_htpasswd(home / "htpasswd", {USER: PASSWORD, ROBOT: PLAIN})
    options = ["-P", str(passwords), "--workers", "2", "--fallback-url", f"{public.root}simple/"]
    with ServerProcess(packages, home=home, options=options, fallback=True) as running:
        yield running


@pytest.fixture
def client(tmp_path: Path) -> Client:
    home = tmp_path / "home"
    home.mkdir()
    return Client.beside_us(home)


@pytest.fixture
def other(request: pytest.FixtureRequest) -> str:
    """The name of a project that no other test has."""
    test: str = request.node.name
    return test.replace("test_", "other-").replace("_", "-")


@pytest.fixture
def dist(tmp_path: Path, other: str) -> list[Path]:
    directory = tmp_path / "dist"
    return [
        build_wheel(directory, f"acme-{other}", "1.0"),
        build_sdist(directory, f"acme-{other}", "1.0"),
        build_wheel(directory, other, "1.0"),
    ]


def upload(client: Client, server: ServerProcess, *words: str | Path, **more: str) -> list[dict[str, Any]]:
    ran = client.run(
        "pypitool", "upload", "--url", f"{server.url}/", "--json", *words, environment={**LOGIN, **more}
    )
    return [json.loads(line) for line in ran.output.splitlines() if '"warning"' not in line]


def outcomes(lines: list[dict[str, Any]]) -> dict[str, str]:
    return {line["name"]: line["outcome"] for line in lines if line["type"] == "file"}


def test_files_are_uploaded_once_and_kept_from_then_on(
    server: ServerProcess, client: Client, dist: list[Path], public: Receiver
) -> None:
    names = [file.name for file in dist]
    for file in dist:
        public.state.held[file.name] = file.read_bytes()

    first = upload(client, server, "--skip-existing", *dist)
    again = upload(client, server, *dist)
    skipped = upload(client, server, "--skip-existing", *dist)

    assert outcomes(first) == dict.fromkeys(names, "uploaded")
    assert outcomes(again) == outcomes(skipped) == dict.fromkeys(names, "kept")
    assert [lines[-1]["exit_code"] for lines in (first, again, skipped)] == [0, 0, 0]
    # The server sends clients there for what it does not hold; an upload is no reason to tell anybody.
    assert public.state.pages_asked == []
    held = {
        path.name: path.read_bytes() for path in server.packages[0].glob(f"*{dist[2].name.split('-')[0]}-*")
    }
    assert held == {file.name: file.read_bytes() for file in dist}


def test_other_bytes_are_a_conflict_and_what_can_be_done_is_done(
    server: ServerProcess, client: Client, dist: list[Path], other: str
) -> None:
    upload(client, server, *dist)
    changed = build_wheel(dist[0].parent, other, "1.0", extra_files={"more.py": b""})
    new = build_wheel(dist[0].parent, other, "1.1")

    alone = upload(client, server, changed)
    with_others = upload(client, server, "--skip-existing", *dist, new)

    assert (outcomes(alone), alone[-1]["exit_code"]) == ({changed.name: "conflict"}, 6)
    assert outcomes(with_others) == {
        dist[0].name: "kept",
        dist[1].name: "kept",
        changed.name: "conflict",
        new.name: "uploaded",
    }
    assert with_others[-1]["exit_code"] == 3


def test_what_is_replaced_is_told(tmp_path: Path, client: Client, dist: list[Path], other: str) -> None:
    packages = tmp_path / "open"
    packages.mkdir()
    with ServerProcess(packages, home=tmp_path, options=["-a", ".", "-P", ".", "-o"]) as server:
        upload(client, server, dist[2])
        changed = build_wheel(dist[0].parent, other, "1.0", extra_files={"more.py": b""})

        lines = upload(client, server, changed)

    assert outcomes(lines) == {changed.name: "replaced"}
    assert lines[-1]["uploaded"] == 1


def test_wrong_credentials_and_none_are_exit_code_4(
    server: ServerProcess, client: Client, dist: list[Path]
) -> None:
    wrong = upload(client, server, dist[2], PYPITOOL_PASSWORD="wrong")
    none = upload(client, server, dist[2], PYPITOOL_USERNAME="", PYPITOOL_PASSWORD="")

    assert [lines[-1]["exit_code"] for lines in (wrong, none)] == [4, 4]
    assert wrong[0]["kind"] == none[0]["kind"] == "unauthorized"


def test_a_signature_is_served_beside_its_file(
    server: ServerProcess, client: Client, dist: list[Path]
) -> None:
    signature = Path(f"{dist[2]}.asc")
    signature.write_text("-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n")

    upload(client, server, dist[2])

    assert server.get(f"/packages/{dist[2].name}.asc").text == signature.read_text()


def test_netrc_gives_the_credentials(server: ServerProcess, client: Client, dist: list[Path]) -> None:
    netrc = client.home / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login {ROBOT} password {PLAIN}\n")
    netrc.chmod(0o600)

    lines = upload(client, server, dist[2], PYPITOOL_USERNAME="", PYPITOOL_PASSWORD="")

    assert outcomes(lines) == {dist[2].name: "uploaded"}


def test_a_large_file_is_never_in_memory(server: ServerProcess, client: Client, tmp_path: Path) -> None:
    size = 192 * 1024**2
    release = Release("large", "1.0")
    small = wheel_bytes(release)
    path = tmp_path / "large-1.0-py3-none-any.whl"
    path.write_bytes(zip_bytes({**members_of(small), "large/data.bin": os.urandom(size)}, stored=True))
    code = "import sys; from pypitool.__main__ import main; code = main(sys.argv[1:]); "
    code += "print(open('/proc/self/status').read()); sys.exit(code)"

    ended = subprocess.run(
        [sys.executable, "-c", code, "upload", "--url", f"{server.url}/", str(path)],
        env=client.environment(LOGIN), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    assert (server.packages[0] / path.name).stat().st_size > size
    most = re.search(r"VmHWM:\s*(\d+) kB", ended.stdout)
    assert most is not None
    assert int(most[1]) < 160 * 1024


def test_clients_work_with_what_client_config_writes(
    server: ServerProcess, client: Client, dist: list[Path], tmp_path: Path, other: str
) -> None:
    own = {
        "PIP_CONFIG_FILE": str(client.home / "pip.conf"),
        "UV_NO_CONFIG": "0",
        "XDG_CONFIG_HOME": str(client.home / "config"),
        **LOGIN,
    }
    for tool in ("pip", "uv", "pypirc"):
        client.succeed("pypitool", "client-config", tool, "--url", server.url, "--write", environment=own)
    twine = {**own, "TWINE_USERNAME": USER, "TWINE_PASSWORD": PASSWORD}
    publish = {**own, "UV_PUBLISH_USERNAME": USER, "UV_PUBLISH_PASSWORD": PASSWORD}

    client.succeed("twine", "upload", "--non-interactive", "-r", "private", dist[0], environment=twine)
    client.succeed("uv", "publish", "--index", "private", dist[2], environment=publish)
    client.succeed("pypitool", "upload", "-r", "private", dist[1], environment=own)
    client.succeed("uv", "pip", "install", "--target", tmp_path / "installed", other, environment=own)
    read_by_pip = client.succeed("pip", "config", "list", environment=own)

    assert f"global.index-url='{server.url}/simple/'" in read_by_pip
    assert (tmp_path / "installed" / f"{other.replace('-', '_')}.py").exists()
    held = server.get("/packages/").text
    assert all(f">{file.name}<" in held for file in dist)


def members_of(wheel: bytes) -> dict[str, bytes]:
    """Return the members of a wheel."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}

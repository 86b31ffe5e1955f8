"""Make a whole state with the program of an earlier version, to be kept in the tree and opened by later ones.

    python -m tests.upgrade.make_state PYTHON ARCHIVE

PYTHON is the interpreter of an environment in which that version is installed. Everything is said to it by
its commands, its addresses and its files: nothing of it is imported.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import requests

from tests.support.environment import scrubbed
from tests.support.server import free_port
from tests.support.upstream import FakeUpstream, Offer
from tests.support.waiting import LONGEST
from tests.support.wheels import Release, sdist_bytes, wheel_bytes, wheel_filename
from tests.upgrade.asked import documents

# A place that no machine of ours has: the state keeps it, and so does the archive.
HOME = Path("/srv/acme")
PASSWORD = "correct horse"
CONFIG = """\
[server]
packages = ["packages", "extra"]
disable-fallback = true

[auth]
passwords = "htpasswd"
owners = true

[groups]
makers = ["ann", "deploy"]

[[rule]]
who = ["anonymous", "authenticated"]
may = ["list", "download"]

[[rule]]
who = ["@makers"]
may = ["upload", "yank", "delete"]
projects = ["acme-*"]

[[rule]]
who = ["root"]
may = ["admin"]

[upstream.origin]
index = "{index}"

[targets]
here = {{ python = "3.11", platform = "manylinux_2_36_x86_64" }}

[set.all]
requirements = "pins.txt"
"""


def main() -> int:
    """Make the state, and pack it with what the version said about it."""
    python, archive = sys.argv[1:]
    shutil.rmtree(HOME, ignore_errors=True)
    for folder in ("packages", "extra"):
        (HOME / folder).mkdir(parents=True)
    with FakeUpstream() as upstream:
        upstream.index.offers.update(
            {"alpha": [_wheel("alpha", "1.0", "beta")], "beta": [_wheel("beta", "2.0")]}
        )
        (HOME / "config.toml").write_text(CONFIG.format(index=upstream.url))
        (HOME / "pins.txt").write_text("alpha==1.0\nbeta==2.0\n")
        for user in ("ann", "deploy", "root"):
            run = _command(python, "user", "add", user, "-P", "htpasswd", "--password-stdin")
            subprocess.run(run, input=f"{PASSWORD}\n", text=True, check=True, cwd=HOME, env=_environment())
        _say(python, "sync")
    offer = _wheel("copied-in", "3.0")
    (HOME / "extra" / offer.filename).write_bytes(offer.body)
    secrets = _live(python)
    _say(python, "yank", "acme-core", "1.0", "--reason", "breaks on Python 3.13")
    _say(python, "status", "acme-util", "quarantined", "--reason", "malware")
    _say(python, "delete", "acme-old", "--yes")
    _say(python, "token", "revoke", "old-ci")
    # What lies in the archive must not depend on the fake's port.
    (HOME / "config.toml").write_text(CONFIG.format(index="http://127.0.0.1:9/simple/"))
    expected = {"secrets": secrets, "documents": documents(_command(python), HOME, _environment())}
    (HOME / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(HOME, arcname=".")
    shutil.rmtree(HOME)
    return 0


def _live(python: str) -> dict[str, str]:
    """Upload and make tokens at a running server; return the secrets of the tokens."""
    port = free_port()
    command = _command(python, "serve", "-i", "127.0.0.1", "-p", str(port), "--config", "config.toml")
    server = subprocess.Popen(command, cwd=HOME, env=_environment())
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/health")
        releases = [("acme-core", "1.0", "ann"), ("acme-core", "1.1", "ann"), ("acme-util", "0.1", "deploy"),
                    ("acme-old", "0.1", "ann")]  # fmt: skip
        for name, version, user in releases:
            _upload(url, _wheel(name, version), name, version, user)
        release = Release("acme-core", "1.0")
        _upload(url, Offer(f"{release.stem}.tar.gz", sdist_bytes(release)), "acme-core", "1.0", "ann")
        service: dict[str, object] = {
            "name": "ci",
            "projects": ["acme-*"],
            "may": ["upload"],
            "expires": "never",
        }
        return {
            "ci": _token(url, "root", service),
            "old-ci": _token(url, "root", {**service, "name": "old-ci"}),
            "ann/laptop": _token(url, "ann", {**service, "name": "laptop"}),
        }
    finally:
        server.terminate()
        server.wait(LONGEST)


def _upload(url: str, offer: Offer, name: str, version: str, user: str) -> None:
    kind, python = ("bdist_wheel", "py3") if offer.filename.endswith(".whl") else ("sdist", "source")
    fields = {":action": "file_upload", "protocol_version": "1", "metadata_version": "2.1", "name": name,
              "version": version, "filetype": kind, "pyversion": python}  # fmt: skip
    answer = requests.post(
        f"{url}/legacy/", data=fields, files={"content": (offer.filename, offer.body)}, auth=(user, PASSWORD),
        timeout=LONGEST,
    )  # fmt: skip
    answer.raise_for_status()


def _token(url: str, user: str, wanted: dict[str, object]) -> str:
    answer = requests.post(f"{url}/api/v1/tokens", json=wanted, auth=(user, PASSWORD), timeout=LONGEST)
    answer.raise_for_status()
    return str(answer.json()["token"])


def _wheel(name: str, version: str, *requires: str) -> Offer:
    release = Release(name, version, requires)
    return Offer(
        wheel_filename(release), wheel_bytes(release), metadata=release.metadata(),
        upload_time="2024-02-05T10:20:30.000000Z",
    )  # fmt: skip


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            if requests.get(address, timeout=LONGEST).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise SystemExit(f"{address} never answered")


def _say(python: str, *words: str) -> None:
    subprocess.run(
        _command(python, *words, "--config", "config.toml"), check=True, cwd=HOME, env=_environment()
    )


def _command(python: str, *words: str) -> list[str]:
    return [python, "-m", "pypitool", *words]


def _environment() -> dict[str, str]:
    return scrubbed(os.environ, home=HOME)


if __name__ == "__main__":
    raise SystemExit(main())

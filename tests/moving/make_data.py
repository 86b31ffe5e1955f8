"""Make what `migrate` is tested against with the real programs, to be kept in the tree.

    python -m tests.moving.make_data FOLDER

installs devpi, bandersnatch and pypiserver, lets each of them make a small folder of its own, and packs it
into FOLDER as `devpi-export.tar.gz`, `bandersnatch.tar.gz` and `pypiserver.tar.gz`. The tests that are marked
`live` make the same anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.support.clients import Client
from tests.support.recipes import RECIPES, bin_directory, cache_directory
from tests.support.server import ServerProcess, free_port
from tests.support.waiting import wait_until
from tests.support.wheels import build_sdist, build_wheel

ANN, BOB = ("ann", "ann's password"), ("bob", "bob's password")
_LOCAL = "127.0.0.1"


def make_devpi_export(devpi: Client, place: Path) -> Path:
    """Let two users upload to one index of devpi, push into another, and export all of it."""
    files = _files(place / "made")
    with zipfile.ZipFile(place / "made" / "acme-lib-1.0.doc.zip", "w") as docs:
        docs.writestr("index.html", "<p>acme-lib</p>")
    devpi.succeed("devpi-init", "--serverdir", place / "server")
    port = free_port()
    url = f"http://{_LOCAL}:{port}"
    with _running(
        devpi, "devpi-server", "--serverdir", place / "server", "--host", _LOCAL, "--port", port, url=url
    ):
        devpi.succeed("devpi", "use", url)
        for name, password in (ANN, BOB):
            devpi.succeed("devpi", "user", "-c", name, f"password={password}")
        _log_in(devpi, ANN)
        devpi.succeed("devpi", "index", "-c", "dev", "bases=", "volatile=False", "acl_upload=ann,bob")
        _upload(devpi, files[0], docs.filename)
        _log_in(devpi, BOB)
        _upload(devpi, *files[1:])
        devpi.succeed("devpi", "index", "-c", "prod", "bases=ann/dev,root/pypi")
        devpi.succeed("devpi", "push", "acme-lib==1.0", "bob/prod")
    devpi.succeed("devpi-export", "--serverdir", place / "server", place / "export")
    return place / "export"


def _log_in(devpi: Client, user: tuple[str, str]) -> None:
    devpi.succeed("devpi", "login", user[0], "--password", user[1])


def _upload(devpi: Client, *files: object) -> None:
    devpi.succeed("devpi", "use", "ann/dev")
    devpi.succeed("devpi", "upload", *map(str, files))


def make_mirror(bandersnatch: Client, place: Path) -> Path:
    """Let bandersnatch mirror a server of ours, in which one release is yanked; return its configuration."""
    files = _files(place / "made")
    settings, folder = place / "bandersnatch.conf", place / "mirror"
    with ServerProcess(place / "made", home=place) as index:
        index.wait_until_listed("acme-lib", "acme-pure")
        _yank(files[0].parent, place)
        wait_until(lambda: "data-yanked" in index.get("/simple/acme-lib/").text, what="the yank is seen")
        settings.write_text(
            f"[mirror]\ndirectory = {folder}\nmaster = {index.url}\nallow-non-https = true\n"
            "api-method = simple\njson = true\ntimeout = 20\nworkers = 3\nhash-index = false\n"
            "stop-on-error = true\nsimple-format = ALL\n"
        )
        bandersnatch.succeed("bandersnatch", "-c", settings, "mirror")
    return settings


def _yank(packages: Path, home: Path) -> None:
    ours = Client.beside_us(home)
    ours.succeed("pypitool", "yank", "acme-lib", "1.0", "--reason", "broken", "--packages", packages)


def make_pypiserver_directory(pypiserver: Client, place: Path) -> Path:
    """Let pypiserver take uploads of twine, one of them with a signature."""
    files, packages, port = _files(place / "made"), place / "packages", free_port()
    packages.mkdir()
    url = f"http://{_LOCAL}:{port}"
    files[0].with_name(f"{files[0].name}.asc").write_text("-----BEGIN PGP SIGNATURE-----\n")
    options = ("run", "-p", port, "-i", _LOCAL, "-a", ".", "-P", ".", packages)
    with _running(pypiserver, "pypi-server", *options, url=url):
        ours = Client.beside_us(place)
        for file in files:
            ours.succeed("twine", "upload", "--repository-url", url, "-u", "x", "-p", "x", file)
    return packages


def _files(folder: Path) -> list[Path]:
    return [
        build_wheel(folder, "acme-lib", "1.0"),
        build_wheel(folder, "acme-lib", "1.1", requires=("acme-pure",)),
        build_sdist(folder, "acme-lib", "1.1"),
        build_wheel(folder, "acme-pure", "0.1"),
        build_sdist(folder, "acme-pure", "0.1"),
    ]


@contextmanager
def _running(client: Client, program: str, *words: object, url: str) -> Iterator[None]:
    command = [str(client.bin_directory / program), *map(str, words)]
    with (client.home / f"{program}.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=client.environment({}), stdout=log, stderr=log, cwd=client.home
        )
        try:
            wait_until(lambda: _answers(url), what=f"{program} answers")
            yield
        finally:
            process.terminate()
            process.wait(30)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def _pack(source: Path, archive: Path, *, leave: str = "") -> None:
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(source, source.name, filter=lambda member: None if leave and leave in member.name else member)


def main(folder: Path) -> None:
    """Make all three."""
    environ, cache = dict(os.environ), cache_directory(os.environ)
    with tempfile.TemporaryDirectory() as scratch:
        for name, make, archive in (
            ("devpi", make_devpi_export, "devpi-export"),
            ("bandersnatch", make_mirror, "bandersnatch"),
            ("pypiserver", make_pypiserver_directory, "pypiserver"),
        ):
            place = Path(scratch) / name
            place.mkdir()
            made = make(Client(bin_directory(RECIPES[name], cache, environ), place), place)
            source = made.parent / "mirror" if made.is_file() else made
            _pack(source, folder / f"{archive}.tar.gz", leave="/.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

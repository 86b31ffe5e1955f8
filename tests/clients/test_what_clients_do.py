"""What pip and uv make of an index page, statement by statement: where they are strict, we are exact."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.clients.conftest import TWO_WORKERS, Clients
from tests.support.administration import pypitool
from tests.support.clients import Client
from tests.support.server import ServerProcess
from tests.support.stripped import JSON, without_metadata
from tests.support.waiting import wait_until
from tests.support.wheels import build_sdist, build_wheel

pytestmark = pytest.mark.live


YANKABLE = ("never-yanked", "yanked-mute", "yanked-why", "quarantined")
NAMES = (*YANKABLE, "with-sdist", "large")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("packages")
    for name in YANKABLE:
        build_wheel(directory, name, "1.0")
        build_wheel(directory, name, "2.0")
    build_wheel(directory, "with-sdist", "1.0")
    build_sdist(directory, "with-sdist", "1.0")
    (directory / "with_sdist-0.9-py3.9.egg").write_bytes(
        (directory / "with_sdist-1.0-py3-none-any.whl").read_bytes()
    )
    build_wheel(directory, "large", "1.0", extra_files={"payload.bin": bytes(range(256)) * 4_000})
    return directory


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Iterator[ServerProcess]:
    options = ["-a", ".", "-P", ".", "-o", *TWO_WORKERS]
    with ServerProcess(packages, home=tmp_path_factory.mktemp("server"), options=options) as running:
        running.wait_until_listed(*NAMES)
        yield running


def test_yanked_is_never_null_because_uv_drops_the_whole_project(uv: Client, server: ServerProcess) -> None:
    page = server.get("/simple/never-yanked/", headers={"Accept": JSON}).json()

    resolved = resolve(uv, server, "never-yanked")

    assert [file["yanked"] for file in page["files"]] == [False, False]
    assert "never-yanked==2.0" in resolved


@pytest.mark.parametrize(("project", "reason"), [("yanked-mute", None), ("yanked-why", "it eats data")])
def test_a_yanked_release_is_left_by_both_with_and_without_a_reason(
    clients: Clients, uv: Client, server: ServerProcess, packages: Path, tmp_path: Path,
    project: str, reason: str | None,
) -> None:  # fmt: skip
    why = ["--reason", reason] if reason else []

    pypitool(tmp_path, "yank", project, "2.0", *why, "--packages", packages)

    page = server.get(f"/simple/{project}/", headers={"Accept": JSON}).json()
    assert [file["yanked"] for file in page["files"]] == [False, reason or True]
    assert f"{project}==1.0" in resolve(uv, server, project)
    assert f"{project.replace('-', '_')}-1.0-py3" in download(clients("pip"), server, tmp_path, project)


def test_a_pinned_yanked_release_is_still_installed_and_the_reason_shown(
    clients: Clients, uv: Client, server: ServerProcess, packages: Path, tmp_path: Path
) -> None:
    build_wheel(packages, "pinned", "1.0")
    server.wait_until_listed("pinned")
    pypitool(tmp_path, "yank", "pinned", "1.0", "--reason", "moth holes", "--packages", packages)

    from_uv = resolve(uv, server, "pinned==1.0")
    from_pip = download(clients("pip"), server, tmp_path, "pinned==1.0")

    assert "moth holes" in from_uv
    assert "moth holes" in from_pip


def test_every_metadata_that_is_advertised_is_there_and_has_its_hash(server: ServerProcess) -> None:
    # Both clients end with an error otherwise.
    names = [one["name"] for one in server.get("/simple/", headers={"Accept": JSON}).json()["projects"]]

    advertised = 0
    for name in names:
        for file in server.get(f"/simple/{name}/", headers={"Accept": JSON}).json()["files"]:
            if wanted := file.get("core-metadata"):
                body = server.get(f"/simple/{name}/{file['url']}.metadata").content
                assert sha256(body).hexdigest() == wanted["sha256"]
                advertised += 1

    assert advertised >= 10


def test_nothing_is_advertised_for_files_that_are_never_opened(server: ServerProcess) -> None:
    files = server.get("/simple/with-sdist/", headers={"Accept": JSON}).json()["files"]

    eggs = [file for file in files if file["filename"].endswith(".egg")]

    assert [file.get("core-metadata", False) for file in eggs] == [False]


def test_metadata_follows_a_wheel_that_is_replaced(
    clients: Clients, uv: Client, server: ServerProcess, packages: Path, tmp_path: Path
) -> None:
    # A page with the old hash and a file with the new metadata would be a hard error for both.
    build_wheel(packages, "replaced", "1.0")
    server.wait_until_listed("replaced")
    before = page_hash(server, "replaced")

    build_wheel(packages, "replaced", "1.0", requires=["never-yanked"])
    wait_until(lambda: page_hash(server, "replaced") not in (before, None), what="the page has changed")

    assert "never-yanked==2.0" in resolve(uv, server, "replaced")
    assert "never_yanked-2.0" in download(clients("pip"), server, tmp_path, "replaced")


def test_uv_reads_metadata_from_ranges_of_a_wheel_where_a_page_has_none(
    uv: Client, server: ServerProcess, packages: Path
) -> None:
    build_wheel(packages, "ranged", "1.0", extra_files={"payload.bin": random.Random(1).randbytes(300_000)})
    server.wait_until_listed("ranged")

    with without_metadata(f"{server.url}/simple/") as stripped:
        resolved = resolve(uv, server, "ranged", index=stripped)

    wheel = "ranged-1.0-py3-none-any.whl HTTP"
    seen = wait_until(lambda: asked(server.log, "GET", wheel), what="the access log is written")
    assert "ranged==1.0" in resolved
    assert asked(server.log, "HEAD", wheel)
    assert all(" 206 " in line for line in seen)


def test_pip_downloads_the_whole_wheel_where_a_page_has_no_metadata(
    clients: Clients, server: ServerProcess, tmp_path: Path
) -> None:
    with without_metadata(f"{server.url}/simple/") as stripped:
        output = download(clients("pip"), server, tmp_path, "large", index=stripped)

    assert "large-1.0-py3-none-any.whl" in output


@pytest.mark.parametrize(("date", "found"), [("2001-01-01T00:00:00Z", False), ("2999-01-01T00:00:00Z", True)])
def test_upload_times_let_clients_choose_by_date(
    clients: Clients, uv: Client, server: ServerProcess, tmp_path: Path, date: str, found: bool
) -> None:
    pip = clients("pip")
    download_it = ("download", "--no-deps", "-d", tmp_path, "-i", f"{server.url}/simple/", "never-yanked")

    from_pip = pip.run("pip", *download_it, "--uploaded-prior-to", date)
    from_uv = uv.run("uv", *compile_command(server), "--exclude-newer", date, "-", stdin="never-yanked")

    assert (from_pip.code == 0, from_uv.code == 0) == (found, found)
    # Without upload times pip would refuse the whole index, whatever the date.
    assert "does not provide upload-time" not in from_pip.output


def test_every_file_has_what_the_standards_and_the_clients_ask_for(server: ServerProcess) -> None:
    files = server.get("/simple/with-sdist/", headers={"Accept": JSON}).json()["files"]

    for file in files:
        assert re.fullmatch(r"[0-9a-f]{64}", file["hashes"]["sha256"])
        assert file["size"] > 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", file["upload-time"])
        assert file["yanked"] is False


def test_a_quarantined_project_is_not_offered(
    clients: Clients, uv: Client, server: ServerProcess, packages: Path, tmp_path: Path
) -> None:
    pypitool(tmp_path, "status", "quarantined", "quarantined", "--reason", "malware", "--packages", packages)

    from_uv = uv.run("uv", *compile_command(server), "-", stdin="quarantined")
    from_pip = clients("pip").run(
        "pip", "download", "-d", tmp_path, "-i", f"{server.url}/simple/", "quarantined"
    )

    assert server.get("/simple/quarantined/", headers={"Accept": JSON}).json()["files"] == []
    assert from_uv.code != 0
    assert from_pip.code != 0


def test_requires_python_is_heeded(uv: Client, server: ServerProcess, packages: Path) -> None:
    build_wheel(packages, "too-new", "1.0")
    build_wheel(packages, "too-new", "2.0", requires_python=">=4")
    wait_until(lambda: "2.0" in server.get("/simple/too-new/").text, what="both releases are listed")

    assert "too-new==1.0" in resolve(uv, server, "too-new")


def asked(log: str, method: str, filename: str) -> list[str]:
    """The lines of an access log about one file."""
    return [line for line in log.splitlines() if f'"{method} ' in line and filename in line]


def resolve(uv: Client, server: ServerProcess, requirement: str, *, index: str | None = None) -> str:
    """Let uv choose versions for a requirement."""
    return uv.succeed("uv", *compile_command(server, index), "-", stdin=requirement)


def compile_command(server: ServerProcess, index: str | None = None) -> list[str]:
    """The beginning of a command that resolves what stands on stdin."""
    python = ["--python", sys.executable, "--no-cache"]
    return ["pip", "compile", *python, "--default-index", index or f"{server.url}/simple/"]


def download(
    pip: Client, server: ServerProcess, tmp_path: Path, requirement: str, *, index: str | None = None
) -> str:
    """Let pip download a requirement and what it needs."""
    where = ["--no-cache-dir", "-d", str(tmp_path / "got"), "-i", index or f"{server.url}/simple/"]
    return pip.succeed("pip", "download", *where, requirement)


def page_hash(server: ServerProcess, project: str) -> object:
    """The hash of the metadata of a project's first file."""
    answer = server.get(f"/simple/{project}/", headers={"Accept": JSON})
    files = answer.json()["files"] if answer.ok else []
    return files[0].get("core-metadata") if files else None

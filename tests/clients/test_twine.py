"""twine uploads, with its options and with a .pypirc of several sections."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.conftest import PASSWORD, USER, Clients
from tests.support.server import ServerProcess
from tests.support.waiting import wait_until
from tests.support.wheels import build_sdist, build_wheel

pytestmark = pytest.mark.live
ACCOUNT = ("-u", USER, "-p", PASSWORD, "--non-interactive", "--disable-progress-bar")


@pytest.mark.parametrize("path", ["/", "/legacy/", "/legacy", "/simple/", "/pypi/", "/pypi"])
def test_every_usual_address_takes_uploads(
    clients: Clients, locked: ServerProcess, tmp_path: Path, path: str
) -> None:
    twine = clients("twine")
    name = f"twine-at-{path.strip('/') or 'root'}-{path.count('/')}"
    files = [build_wheel(tmp_path, name, "1.0"), build_sdist(tmp_path, name, "1.0")]

    twine.succeed("twine", "upload", "--repository-url", locked.url_of(path), *ACCOUNT, *files)

    page = locked.get(f"/simple/{name}/", auth=(USER, PASSWORD)).text
    assert all(f">{file.name}<" in page for file in files)


def test_a_pypirc_with_several_sections_is_used(
    clients: Clients, locked: ServerProcess, index: ServerProcess, tmp_path: Path
) -> None:
    twine = clients("twine")
    (twine.home / ".pypirc").write_text(
        "[distutils]\nindex-servers =\n    house\n    open\n\n"
        f"[house]\nrepository = {locked.url}/\nusername = {USER}\npassword = {PASSWORD}\n\n"
        f"[open]\nrepository = {index.url}/\nusername = anyone\npassword = anything\n"
    )
    wheel = build_wheel(tmp_path, "twine-sections", "1.0")

    twine.succeed("twine", "upload", "--non-interactive", "-r", "house", wheel)
    twine.succeed("twine", "upload", "--non-interactive", "-r", "open", wheel)

    assert locked.get("/simple/twine-sections/", auth=(USER, PASSWORD)).status_code == 200
    assert index.get("/simple/twine-sections/").status_code == 200


def test_empty_credentials_do_on_an_open_index(
    clients: Clients, index: ServerProcess, tmp_path: Path
) -> None:
    twine = clients("twine")
    wheel = build_wheel(tmp_path, "twine-empty", "1.0")

    twine.succeed("twine", "upload", "--repository-url", index.url, "-u", "", "-p", "", wheel)

    assert index.get("/simple/twine-empty/").status_code == 200


def test_the_same_bytes_again_succeed_and_other_bytes_are_refused(
    clients: Clients, locked: ServerProcess, tmp_path: Path
) -> None:
    twine = clients("twine")
    upload = ("upload", "--repository-url", f"{locked.url}/", *ACCOUNT)
    wheel = build_wheel(tmp_path, "twine-again", "1.0")
    twine.succeed("twine", *upload, wheel)

    again = twine.run("twine", *upload, wheel)
    build_wheel(tmp_path, "twine-again", "1.0", extra_files={"more.py": b""})
    refused = twine.fail("twine", *upload, wheel)

    assert again.code == 0
    # Without --verbose twine prints the reason of the status line only: it must say enough.
    assert "409" in refused


@pytest.mark.parametrize(("user", "password"), [(USER, "wrong"), ("nobody", PASSWORD)])
def test_wrong_credentials_are_refused(
    clients: Clients, locked: ServerProcess, tmp_path: Path, user: str, password: str
) -> None:
    twine = clients("twine")
    wheel = build_wheel(tmp_path, "twine-refused", "1.0")

    upload = ("upload", "--repository-url", f"{locked.url}/", "-u", user, "-p", password)
    refused = twine.fail("twine", *upload, wheel)

    assert "401" in refused
    assert locked.get("/simple/twine-refused/", auth=(USER, PASSWORD)).status_code == 404


def test_a_wheel_that_depends_on_two_hundred_projects_is_uploaded(
    clients: Clients, locked: ServerProcess, tmp_path: Path
) -> None:
    twine = clients("twine")
    wheel = build_wheel(tmp_path, "twine-many", "1.0", requires=[f"dependency-{n}>=1" for n in range(200)])

    twine.succeed("twine", "upload", "--repository-url", f"{locked.url}/", *ACCOUNT, wheel)

    assert locked.get("/simple/twine-many/", auth=(USER, PASSWORD)).status_code == 200


def test_a_deleted_name_is_kept_where_the_server_says_so(clients: Clients, tmp_path: Path) -> None:
    twine = clients("twine")
    packages = tmp_path / "packages"
    packages.mkdir()
    wheel = build_wheel(tmp_path / "dist", "twine-deleted", "1.0")
    options = ["-a", ".", "-P", ".", "--reserve-deleted"]
    with ServerProcess(packages, home=tmp_path, options=options) as server:
        upload = ("upload", "--repository-url", f"{server.url}/", "-u", "", "-p", "")
        twine.succeed("twine", *upload, wheel)
        removal = {":action": (None, "remove_pkg"), "name": (None, "twine-deleted"), "version": (None, "1.0")}
        assert server.request("POST", "/", files=removal).ok
        body = wheel.read_bytes()
        build_wheel(tmp_path / "dist", "twine-deleted", "1.0", extra_files={"more.py": b""})

        refused = twine.fail("twine", *upload, wheel)
        (packages / wheel.name).write_bytes(wheel.read_bytes())
        wait_until(lambda: f"{wheel.name} is not listed: its name was used" in server.log, what="it is told")
        listed = server.get("/simple/twine-deleted/").status_code
        (packages / wheel.name).unlink()
        wheel.write_bytes(body)
        twine.succeed("twine", *upload, wheel)

        assert "400 Bad Request" in refused
        assert listed == 404
        server.wait_until_listed("twine-deleted")

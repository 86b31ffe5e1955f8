"""The application under a WSGI server that is not ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.accounts import write_htpasswd
from tests.support.environment import scrubbed
from tests.support.processes import is_alive
from tests.support.recipes import RECIPES, ClientUnavailable, bin_directory, cache_directory
from tests.support.server import HOST, free_port
from tests.support.waiting import LONGEST, wait_until
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live
Command = Callable[[Path, int], list[str]]

# As gunicorn does it with --preload: load, fork, and let the kernel choose who takes a connection.
PREFORKING = """
import os, sys
from wsgiref.simple_server import make_server
from pypitool_server.wsgi import app

with make_server(sys.argv[1], int(sys.argv[2]), app) as server:
    os.fork()
    server.serve_forever()
"""


def preforking(tmp_path: Path, port: int) -> list[str]:
    """The command line of a foreign server of ours."""
    program = tmp_path / "preforking.py"
    program.write_text(PREFORKING)
    return [sys.executable, str(program), HOST, str(port)]


@contextmanager
def foreign(tmp_path: Path, command: Command = preforking, **environment: str) -> Iterator[str]:
    """Run two processes of a foreign server, and return the address of both."""
    port = free_port()
    log = (tmp_path / "log").open("wb")
    with log, subprocess.Popen(
        command(tmp_path, port), stdout=log, stderr=log, cwd=tmp_path,
        start_new_session=True, env=scrubbed(os.environ, home=tmp_path, **environment),
    ) as process:  # fmt: skip
        try:
            url = f"http://{HOST}:{port}"
            wait_until(lambda: answers(url), what="it answers")
            yield url
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def answers(url: str) -> bool:
    try:
        return get(f"{url}/health").ok
    except requests.ConnectionError:
        return False


def get(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=LONGEST, allow_redirects=False)


def test_any_server_serves_with_one_of_its_workers_as_keeper(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "demo", "1.0")

    with foreign(tmp_path, PYPITOOL_PACKAGES=str(packages)) as url:
        wait_until(lambda: get(f"{url}/simple/demo/").ok, what="what was there is listed")
        build_wheel(packages, "later", "1.0")
        wait_until(lambda: get(f"{url}/simple/later/").ok, what="what is copied in is listed")
        ready = get(f"{url}/readyz")
        heartbeat = json.loads((packages / ".pypitool" / "keeper.json").read_text())

    assert ready.status_code == 200, ready.text
    wait_until(lambda: not is_alive(heartbeat["pid"]), what="the keeper ends with its server")


def gunicorn(installed: Path) -> Command:
    """As docs/other-servers.md has it; with our Python, and gunicorn from where it is."""
    site = str(next(installed.parent.glob("lib/python*/site-packages")))
    code = f"import sys; sys.path.append({site!r}); from gunicorn.app.wsgiapp import run; run()"
    options = ["-k", "gthread", "--threads", "16", "-w", "2", "pypitool_server.wsgi:app"]
    return lambda place, port: [sys.executable, "-c", code, "-b", f"{HOST}:{port}", *options]


def uwsgi(installed: Path) -> Command:
    """As docs/other-servers.md has it."""
    options = ["--master", "--die-on-term", "--processes", "2", "--threads", "16", "--enable-threads"]
    options += ["--buffer-size", "65535", "--module", "pypitool_server.wsgi:app", "--home", sys.prefix]
    return lambda place, port: [str(installed / "uwsgi"), "--http-socket", f"{HOST}:{port}", *options]


@pytest.mark.parametrize("server", [gunicorn, uwsgi])
def test_a_server_that_people_have_serves_and_takes_uploads(
    tmp_path: Path, machine_environment: dict[str, str], server: Callable[[Path], Command]
) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "demo", "1.0")
    passwords = write_htpasswd(tmp_path / "htpasswd", {"ann": "secret"})
    large = build_wheel(tmp_path / "dist", "large", "1.0", extra_files={"noise": os.urandom(3_000_000)})
    try:
        installed = bin_directory(
            RECIPES[server.__name__], cache_directory(machine_environment), machine_environment
        )
    except ClientUnavailable as error:
        pytest.skip(str(error))

    settings = {"PYPITOOL_PACKAGES": str(packages), "PYPITOOL_PASSWORDS": str(passwords)}
    with foreign(tmp_path, server(installed), **settings) as url:
        wait_until(lambda: get(f"{url}/simple/demo/").ok, what="what was there is listed")
        refused, taken = upload(url, large, "wrong"), upload(url, large, "secret")
        pages = [get(f"{url}/simple/large/").status_code for _ in range(8)]
        file = get(f"{url}/packages/{large.name}")

    assert (refused, taken) == (401, 200)
    assert set(pages) == {200}
    assert file.content == large.read_bytes()


def upload(url: str, file: Path, password: str) -> int:
    with requests.Session() as session:
        session.trust_env = False
        fields = {":action": "file_upload", "name": "large", "version": "1.0"}
        content = {"content": (file.name, file.read_bytes())}
        sent = session.post(url, data=fields, files=content, auth=("ann", password), timeout=LONGEST)
        return sent.status_code


def test_uwsgi_finds_the_application_in_the_dictionary_of_the_module(tmp_path: Path) -> None:
    environment = scrubbed(os.environ, home=tmp_path, PYPITOOL_PACKAGES=str(tmp_path))
    code = "import sys; sys.modules['uwsgi'] = sys\n"
    code += "from pypitool_server import wsgi; print(callable(vars(wsgi)['app']))"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)

    assert (ended.stdout, ended.returncode) == ("True\n", 0), ended.stderr


def test_its_metrics_add_up_over_its_processes(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "demo", "1.0")

    with foreign(tmp_path, PYPITOOL_PACKAGES=str(packages)) as url:
        for _ in range(30):
            get(f"{url}/simple/")
        expected = 'pypitool_requests_total{method="GET",route="index",status="2xx"} 30.0'

        wait_until(lambda: expected in get(f"{url}/metrics").text, what="30 requests are counted")


def test_a_wrong_configuration_is_told_when_the_application_is_loaded(tmp_path: Path) -> None:
    environment = scrubbed(os.environ, home=tmp_path, PYPITOOL_PORT="many")

    ended = subprocess.run(
        [sys.executable, "-c", "from pypitool_server.wsgi import app"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )

    assert ended.returncode == 1
    assert "PYPITOOL_PORT" in ended.stderr.splitlines()[-1]


def test_importing_the_module_reads_nothing(tmp_path: Path) -> None:
    environment = scrubbed(os.environ, home=tmp_path, PYPITOOL_PORT="many")
    code = "import sys, pypitool_server.wsgi; print('flask' in sys.modules)"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)

    assert (ended.stdout, ended.returncode) == ("False\n", 0)


def test_every_process_follows_the_rules_and_one_of_them_tells(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    build_wheel(packages, "demo", "1.0")
    config = tmp_path / "config.toml"
    head = f"[server]\npackages = '{packages}'\n[[rule]]\nwho = ['anonymous']\nmay = ['list']\n"
    config.write_text(f"{head}projects = ['demo']")

    with foreign(tmp_path, PYPITOOL_CONFIG=str(config)) as url:
        wait_until(lambda: get(f"{url}/simple/demo/").ok, what="it is listed")
        config.write_text(f"{head}projects = ['nothing']")
        seen = wait_until(
            lambda: {get(f"{url}/simple/demo/").status_code for _ in range(12)} == {401}, what="it is hidden"
        )
        config.write_text("nonsense")
        wait_until(lambda: "the rules stay as they were" in log_of(tmp_path), what="the fault is told")
        get(f"{url}/health")

    assert seen
    assert log_of(tmp_path).count("the rules were read again") == 1
    assert log_of(tmp_path).count("the rules stay as they were") == 1
    assert "SIGHUP" not in log_of(tmp_path)


def log_of(tmp_path: Path) -> str:
    return (tmp_path / "log").read_text()

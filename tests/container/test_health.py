"""Where the health check asks: at the address of the server that runs, however it was told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pypitool.cli.served import settings_of_server
from pypitool.container.health import HealthPage, Unhealthy, health_page
from tests.support.server import free_port


def page_of(line: str, **environ: str) -> str | None:
    settings = settings_of_server(line.split(), environ)
    return None if settings is None else str(health_page(settings.server))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run", "http://127.0.0.1:8080/health"),
        ("run -p 9000 -P . -a . /data/packages", "http://127.0.0.1:9000/health"),
        ("-p 9000 -P . -a .", "http://127.0.0.1:9000/health"),
        ("-v serve --port 9000", "http://127.0.0.1:9000/health"),
        ("serve --host 10.0.0.7 --server-base-url /pypi", "http://10.0.0.7:8080/pypi/health"),
        ("serve -i :: --health-endpoint /alive", "http://[::1]:8080/alive"),
        ("serve --cert /c.pem --key /k.pem", "https://127.0.0.1:8080/health"),
        ("serve --unix-socket /run/a.sock", "unix:/run/a.sock:/health"),
        ("serve --server wsgiref --jobs packages", "http://127.0.0.1:8080/health"),
        ("sync --dry-run", None),
        ("daemon", None),
    ],
)
def test_the_page_is_that_of_the_command_line(line: str, expected: str | None) -> None:
    assert page_of(line) == expected


def test_the_environment_and_the_configuration_count_as_for_the_server(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[server]\nserver-base-url = "/pypi"\nport = 9001\n')

    assert page_of(f"run --config {config}") == "http://127.0.0.1:9001/pypi/health"
    assert page_of("run", PYPITOOL_PORT="9002", PYPITOOL_CONFIG=str(config)) == (
        "http://127.0.0.1:9002/pypi/health"
    )


def test_a_configuration_that_is_wrong_by_now_ends_no_health_check(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[server]\nport = 9001\nnonsense = "x"\n')

    assert page_of(f"run --config {config}") == "http://127.0.0.1:9001/health"


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_server_that_answers_is_healthy(port: int) -> None:
    HealthPage("127.0.0.1", port, "/health", is_tls=False).ask()


def test_another_answer_is_told(port: int) -> None:
    with pytest.raises(Unhealthy, match=r"/elsewhere: answered 404"):
        HealthPage("127.0.0.1", port, "/elsewhere", is_tls=False).ask()


def test_nobody_who_answers_is_told() -> None:
    with pytest.raises(Unhealthy, match="refused"):
        HealthPage("127.0.0.1", free_port(), "/health", is_tls=False).ask()

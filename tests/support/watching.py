"""A real Prometheus and a real Alertmanager that watch a server, and what they were told to tell."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from tests.support.missing_parts import program
from tests.support.server import HOST, free_port, is_listening
from tests.support.waiting import wait_until

ALERTMANAGER = """
route:
  receiver: us
  group_wait: 0s
  group_interval: 1s
  group_by: [alertname]
receivers:
  - name: us
    webhook_configs:
      - url: http://{host}:{port}/
"""
PROMETHEUS = """
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [{rules}]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ["{alertmanager}"]}}]
scrape_configs:
  - job_name: pypitool
    metrics_path: {path}
{more}    static_configs: [{{targets: ["{target}"]}}]
"""


@dataclass
class Watched:
    """What is asked of Prometheus, and the alerts that arrived at a webhook."""

    url: str
    arrived: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an expression has now."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=30)
        document = answer.json()
        assert document["status"] == "success", document
        series: list[dict[str, Any]] = document["data"]["result"]
        return series

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """Return the alerts of a rule that have arrived."""
        return [one for one in self.arrived if one["labels"]["alertname"] == name]


@contextmanager
def watching(folder: Path, rules: Path, target: str, path: str, *, more: str = "") -> Iterator[Watched]:
    """Have the server at `target` watched by these rules, each second; `more` are lines of the job."""
    with ExitStack() as stack:
        watched = Watched(f"http://{HOST}:{free_port()}")
        hook = stack.enter_context(_webhook(watched.arrived))
        (folder / "alertmanager.yml").write_text(ALERTMANAGER.format(host=HOST, port=hook))
        manager = f"{HOST}:{free_port()}"
        words = [f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/alerts"]
        words += [f"--web.listen-address={manager}", "--cluster.listen-address="]
        stack.enter_context(_running("prometheus-alertmanager", words, f"http://{manager}", folder))
        told = PROMETHEUS.format(rules=rules, alertmanager=manager, target=target, path=path, more=more)
        (folder / "prometheus.yml").write_text(told)
        words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/series"]
        words += [f"--web.listen-address={watched.url.removeprefix('http://')}"]
        stack.enter_context(_running("prometheus", words, watched.url, folder))
        yield watched


@contextmanager
def _running(name: str, words: Sequence[str], url: str, folder: Path) -> Iterator[None]:
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program(name), *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder
        )
    try:
        wait_until(lambda: is_listening(url) or process.poll() is not None, what=f"{name} listens")
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def _webhook(arrived: list[dict[str, Any]]) -> Iterator[int]:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.extend(json.loads(body)["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""An index page as an older server would give it: our files, without metadata and upload times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urljoin

import requests

from tests.support.waiting import LONGEST

JSON = "application/vnd.pypi.simple.v1+json"
KEPT = ("filename", "url", "hashes", "requires-python", "yanked", "size")


@contextmanager
def without_metadata(index_url: str) -> Iterator[str]:
    """Serve the pages of an index with nothing but `KEPT`; its files stay where they are."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(_page(index_url, self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", JSON)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/"
        finally:
            server.shutdown()
            thread.join()


def _page(index_url: str, path: str) -> dict[str, object]:
    address = urljoin(index_url, path)
    with requests.get(address, headers={"Accept": JSON}, timeout=LONGEST) as answer:
        page = answer.json()
    files = [{key: file[key] for key in KEPT if key in file} for file in page["files"]]
    for file in files:
        file["url"] = urljoin(address, file["url"])
    return {"meta": {"api-version": "1.0"}, "name": page["name"], "files": files}

"""One connection serves many requests, whatever became of the ones before."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.forms import upload_form
from tests.support.server import HOST, ServerProcess
from tests.support.waiting import LONGEST
from tests.support.wheels import build_wheel

pytestmark = pytest.mark.live
FILE = "/packages/acme-1.0-py3-none-any.whl"
LARGE = "/packages/large-1.0-py3-none-any.whl"
UPLOAD = upload_form("new-1.0.tar.gz", b"bytes" * 1000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("server")
    build_wheel(home / "packages", "acme", "1.0")
    build_wheel(home / "packages", "large", "1.0", extra_files={"zeros": bytes(range(256)) * 4000})
    with ServerProcess(home / "packages", home=home, options=["--workers", "2"]) as running:
        running.wait_until_listed("acme", "large")
        yield running


def test_a_connection_is_kept_after_every_kind_of_answer(server: ServerProcess) -> None:
    etag = server.get("/simple/acme/", headers={"Accept-Encoding": "identity"}).headers["ETag"]
    exchanges: list[tuple[str, str, dict[str, str], bytes, int]] = [
        ("GET", "/simple/acme/", {}, b"", 200),
        ("GET", "/simple/acme/", {"If-None-Match": etag}, b"", 304),
        ("HEAD", "/simple/acme/", {}, b"", 200),
        ("GET", "/simple/Acme", {}, b"", 301),
        ("GET", "/simple/nowhere/", {}, b"", 404),
        ("GET", "/simple/acme/", {"Accept": "image/png"}, b"", 406),
        ("HEAD", FILE, {}, b"", 200),
        ("GET", FILE, {"Range": "bytes=0-9"}, b"", 206),
        ("GET", FILE, {"Range": "bytes=99999-"}, b"", 416),
        ("HEAD", LARGE, {}, b"", 200),
        ("GET", LARGE, {"Range": "bytes=5-"}, b"", 206),
        ("GET", LARGE, {}, b"", 200),
        ("POST", "/legacy/", {"Content-Type": UPLOAD.content_type}, UPLOAD.data, 401),
        ("GET", FILE, {}, b"", 200),
    ]

    with closing(http.client.HTTPConnection(HOST, server.port, timeout=LONGEST)) as connection:
        connection.connect()
        first, statuses = connection.sock, []
        for method, path, headers, body, _ in exchanges:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            assert connection.sock is first, f"closed after {method} {path}"

    assert statuses == [expected for *_, expected in exchanges]

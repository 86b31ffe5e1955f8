"""Under any engine: every answer keeps to the letter of WSGI (PEP 3333)."""

from __future__ import annotations

import os
from collections.abc import Callable
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from pypitool.repository.repository import Repository
from pypitool_server.http.wsgi_types import Environ, Headers
from tests.server.site import Site, make_site
from tests.support.wheels import build_wheel

LARGE = "/packages/large-1.0-py3-none-any.whl"
PATHS = [
    "/", "/simple/", "/simple", "/simple/acme-core/", "/simple/nowhere/", "/packages/", "/search",
    "/nowhere/x", "/packages/acme_core-1.0-py3-none-any.whl", LARGE, "/pypi/acme-core/json", "/simple/-/",
]  # fmt: skip


class Engine:
    """Asks as an engine does, and refuses what is not lawful."""

    def __init__(self, site: Site, *, wraps_files: bool) -> None:
        self._checked = validator(site.app.wsgi_app)
        self._wraps_files = wraps_files
        self.headers: Headers = []

    def ask(self, method: str, path: str, headers: dict[str, str]) -> bytes:
        environ: Environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, **headers}
        setup_testing_defaults(environ)
        if self._wraps_files:
            environ["wsgi.file_wrapper"] = FileWrapper
        answer = self._checked({"QUERY_STRING": "", **environ}, self._start)
        body = b"".join(answer)
        answer.close()  # type: ignore[attr-defined]
        return body

    def _start(self, status: str, headers: Headers, _error: object = None) -> Callable[[bytes], object]:
        self.headers = headers
        return bytes


@pytest.mark.parametrize("wraps_files", [True, False], ids=["file wrapper", "no file wrapper"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("headers", [{}, {"HTTP_IF_NONE_MATCH": "*"}, {"HTTP_RANGE": "bytes=5-"}], ids=str)
def test_answers_are_lawful(
    repository: Repository, method: str, headers: dict[str, str], wraps_files: bool
) -> None:
    build_wheel(repository.roots[0], "large", "1.0", extra_files={"noise": os.urandom(100_000)})
    engine = Engine(make_site(repository), wraps_files=wraps_files)

    for path in PATHS * 2:  # the second time most are replayed
        body = engine.ask(method, path, headers)

        length = dict(engine.headers).get("Content-Length")
        if method == "GET" and length is not None:
            assert len(body) == int(length), path

"""An HTTP server in a thread of the tests themselves, on a free port of the loopback interface."""

from __future__ import annotations

import threading
from http.server import HTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

S = TypeVar("S", bound=HTTPServer)


class ServerThread(Generic[S]):
    """Let a server answer while entered."""

    def __init__(self, server: S) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

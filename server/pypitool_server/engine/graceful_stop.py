"""The graceful stop of a worker: nobody new comes in, who is here is told to go, then the engine shuts down.

granian takes connections until it is told to stop, and drops at once those whose request it has not read. The
client whose request is on its way then sees a broken connection: a breath between the two spares it that.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypitool_server.http.wsgi_types import Application, Environ, Headers, StartResponse

BREATH_SECONDS = 0.2


class GracefulStop:
    """The end of one worker, which listens on `descriptor`."""

    def __init__(self, descriptor: int) -> None:
        self.begun = False
        self._listener = _PausableListener(descriptor) if sys.platform == "linux" else None

    def begin(self, shut_down: Callable[[], None]) -> None:
        """Let nobody in from now on, and shut the engine down after a breath; a second call does nothing."""
        if self.begun:
            return
        self.begun = True
        if self._listener is not None:
            self._listener.pause()
        timer = threading.Timer(BREATH_SECONDS, self._end, (shut_down,))
        timer.daemon = True
        timer.start()

    def closing_connections(self, application: Application) -> Application:
        """Return the application; while the worker leaves, its answers end their connections."""

        def closing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            if not self.begun:
                return application(environ, start_response)

            def last(status: str, headers: Headers, exc_info: Any = None) -> Any:
                return start_response(status, [*headers, ("Connection", "close")], exc_info)

            return application(environ, last)

        return closing

    def _end(self, shut_down: Callable[[], None]) -> None:
        if self._listener is not None:
            self._listener.resume()
        shut_down()


class _PausableListener:
    """A listening descriptor behind which, for a while, nobody waits.

    The engine keeps its number and sees an empty queue; the connections that come wait for another worker.
    Closing it, or ending the socket, would make the engine's accept() fail, and try again without a pause.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._real = os.dup(descriptor)
        self._empty = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._empty.bind("")  # unix(7), autobind: a name that the kernel chooses
        self._empty.listen(1)
        self._empty.setblocking(False)

    def pause(self) -> None:
        """Put the empty queue in the place of the real one."""
        os.dup2(self._empty.fileno(), self._descriptor)

    def resume(self) -> None:
        """Put the real one back: the engine has registered that, and must be able to forget it."""
        os.dup2(self._real, self._descriptor)
        os.close(self._real)
        self._empty.close()

"""The access log: one line for each request, formatted and written behind the requests, in batches."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring
from typing import NamedTuple
from urllib.parse import quote

from pypitool.core.masking import masked, masked_tokens
from pypitool_server.logs.logs import local_time, printable
from pypitool_server.logs.sinks import Sink

# RFC 3986, 3.3: what may stand in a path as it is.
PATH_SAFE = "/:@!$&'()*+,;=~-._"
_ODD = re.compile(r"[^/:@!$&'()*+,;=~\-._A-Za-z0-9]")


class Download(NamedTuple):
    """Which file an answer has."""

    file: str
    project: str
    version: str
    sha256: str


class Request(NamedTuple):
    """What is remembered of a request until its line is written: a tuple, because it is made at each."""

    address: str
    user: str | None
    method: str
    path: str  # decoded as WSGI has it: bytes as Latin-1
    query: str
    protocol: str
    agent: str
    status: int
    replayed: bool
    size: int
    seconds: float
    ended: float
    download: Download | None = None  # where downloads are logged


# The fields that thousands of requests of a batch have in common: they are formatted once.
CONSTANT = Request._fields.index("size")


class Pieces(NamedTuple):
    """A line without what differs from request to request: the time, the size and the seconds."""

    before_time: str
    before_size: str
    before_seconds: str
    end: str


class AccessLog:
    """Writes a line for each request into the sinks of a log."""

    def __init__(self, sinks: Sequence[Sink], style: str) -> None:
        self._sinks = sinks
        self._pieces, self._time = (_json, local_time) if style == "json" else (_text, _common_time)

    def write(self, requests: Iterable[Request]) -> None:
        """Write the lines of a batch of requests."""
        known: dict[tuple[object, ...], Pieces] = {}
        lines = []
        second, shown = -1, ""
        for request in requests:
            if int(request.ended) != second:
                second = int(request.ended)
                shown = self._time(second)
            constant = request[:CONSTANT]
            pieces = known.get(constant)
            if pieces is None:
                pieces = known[constant] = Pieces(*map(masked_tokens, self._pieces(request)))
            before, middle, after, end = pieces
            lines.append(f"{before}{shown}{middle}{request.size}{after}{request.seconds:.6f}{end}")
        text = "".join(lines).encode(errors="backslashreplace")
        for sink in self._sinks:
            sink.write(text)


def _text(request: Request) -> Pieces:
    """Write a request as the combined log format does, then seconds and `replayed`."""
    return Pieces(
        printable(f"{request.address or '-'} - {_word(request.user)} ["),
        printable(f'] "{request.method} {_target(request)} {request.protocol}" {request.status} '),
        printable(f' "-" "{_agent(request)}" '),
        " replayed\n" if request.replayed else "\n",
    )


def _json(request: Request) -> Pieces:
    """Write a request as one JSON object."""
    text = encode_basestring
    user = "null" if request.user is None else text(request.user)
    return Pieces(
        '{"type": "access", "time": "',
        f'", "address": {text(request.address)}, "user": {user}, "method": {text(request.method)}, '
        f'"target": {text(_target(request))}, "protocol": {text(request.protocol)}, '
        f'"status": {request.status}, "agent": {text(_agent(request))}, "bytes": ',
        ', "seconds": ',
        f', "replayed": {"true" if request.replayed else "false"}}}\n',
    )


def _target(request: Request) -> str:
    path = request.path
    if _ODD.search(path):
        path = quote(path, safe=PATH_SAFE, encoding="latin-1", errors="replace")
    if "@" in path or "=" in path:
        path = masked(path)
    if not request.query:
        return path
    return f"{path}?{masked(request.query)}".replace('"', "%22")


def _agent(request: Request) -> str:
    # pip describes its whole machine after its name, in hundreds of bytes.
    return request.agent.partition(" ")[0].replace('"', "'") or "-"


def _word(user: str | None) -> str:
    if not user:
        return "-"
    return user.replace('"', "'").replace(" ", "_")


def _common_time(seconds: float) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(seconds))

"""The log of the server: text or JSON, on a stream and in a file, without secrets."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

from pypitool.config.server_table import ServerSettings
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.masking import masked
from pypitool_server.logs.sinks import FileSink, Sink, StreamSink

STREAMS = {"stdout": 1, "stderr": 2}
# Libraries tell their own story only when somebody looks for it.
CHATTY = ("watchdog", "urllib3", "asyncio", "_granian")


class Log:
    """The sinks of one process, and the handler that formats records for them."""

    def __init__(self, server: ServerSettings) -> None:
        self.format = server.log_format
        self.level = logging.getLevelName(server.log_level.upper())
        self.sinks = tuple(_sinks(server))

    @property
    def wants_access(self) -> bool:
        """Whether lines about requests are below nobody's notice."""
        return bool(self.sinks) and self.level <= logging.INFO

    def install(self) -> None:
        """Make this the log of the whole process."""
        root = logging.getLogger()
        for old in root.handlers[:]:
            root.removeHandler(old)
        root.addHandler(_SinkHandler(self.sinks, _Json() if self.format == "json" else _Text()))
        root.setLevel(self.level)
        for name in CHATTY:
            logging.getLogger(name).setLevel(max(self.level, logging.WARNING))

    def reopen(self) -> None:
        """Follow a log file that was rotated away."""
        for sink in self.sinks:
            sink.reopen()


class LogFileUnusable(PypitoolError):
    """The log file cannot be written."""

    kind = Kind.CONFIG
    sentence = "cannot write the log file `{path}`: {reason}"
    path: Path
    reason: str


def local_time(seconds: float) -> str:
    """Write a time with its distance from UTC, to the second."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))
    return f"{text[:-2]}:{text[-2:]}"


def _sinks(server: ServerSettings) -> list[Sink]:
    sinks: list[Sink] = []
    if server.log_stream in STREAMS:
        # What print() holds back must not come after what we write past it.
        getattr(sys, server.log_stream).flush()
        sinks.append(StreamSink(STREAMS[server.log_stream]))
    if server.log_file is not None:
        try:
            sinks.append(FileSink(server.log_file))
        except OSError as error:
            raise LogFileUnusable(server.log_file, (error.strerror or str(error)).lower()) from error
    return sinks


class _SinkHandler(logging.Handler):
    def __init__(self, sinks: tuple[Sink, ...], formatter: logging.Formatter) -> None:
        super().__init__()
        self._sinks = sinks
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record).encode(errors="backslashreplace") + b"\n"
        for sink in self._sinks:
            sink.write(line)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        head = f"{local_time(record.created)} {record.levelname.lower()} {record.name}: "
        lines = [head + masked(record.getMessage()), *_traceback(self, record)]
        # A client must not be able to write a line of its own, or to move the cursor of who reads it.
        return "\n    ".join(map(printable, lines))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, object] = {
            "type": "log",
            "time": local_time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": masked(record.getMessage()),
        }
        if traceback := _traceback(self, record):
            document["traceback"] = traceback
        return json.dumps(document, ensure_ascii=False)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    if not record.exc_info:
        return []
    return [masked(line) for line in formatter.formatException(record.exc_info).splitlines()]


def printable(text: str) -> str:
    """Escape line ends, control characters and what else has no glyph."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)

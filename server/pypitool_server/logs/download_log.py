"""The download log: a line for each file that somebody got, written behind the requests."""

from __future__ import annotations

import errno
import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from pypitool.core.download_days import days_to_drop, file_of
from pypitool.core.masking import masked_tokens
from pypitool.core.text import timestamp
from pypitool.host import hand_over, lock, open_or_make
from pypitool.manage.downloads import DownloadRecord
from pypitool_server.logs.access_log import Download, Request

# 206 is a part of a file: installers that look into a wheel get it so, and so does who resumes.
LOGGED = frozenset({200, 206})
TIDY_EVERY = 60.0
FILE_MODE = 0o640  # who got what is not for everybody
DIRECTORY_MODE = 0o750
_KINDS = ("token:", "publisher:")

_log = logging.getLogger(__name__)


class DownloadLog:
    """Appends to the file of the day, one write for all that a worker noted, and lets old days go."""

    def __init__(
        self, state: Path, *, keep: float, most: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._record = DownloadRecord(state)
        self._keep = keep
        self._most = most
        self._clock = clock
        self._tidied: float | None = None
        self._is_losing = False

    def write(self, requests: Sequence[Request]) -> None:
        """Write what was downloaded, or lose it: a log must never stop the server."""
        days = _days(requests)
        try:
            for day, lines in days.items():
                self._append(self._record.directory / file_of(day), "".join(lines).encode())
            self._tidy()
        except OSError as error:
            if not self._is_losing:
                _log.error("downloads are not logged: %s", error)
            self._is_losing = True
        else:
            if self._is_losing and days:
                _log.warning("downloads are logged again; those of meanwhile are lost")
                self._is_losing = False

    def _append(self, path: Path, data: bytes) -> None:
        # Opened each time: another worker may have let this very day go.
        descriptor = self._opened(path)
        try:
            # Other workers write here too; alone we can take back what a full disk has cut off.
            lock(descriptor)
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                data = b"\n" + data  # after a line that a crash cut off
            if os.write(descriptor, data) != len(data):
                os.ftruncate(descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        finally:
            os.close(descriptor)

    def _opened(self, path: Path) -> int:
        if not path.parent.is_dir():
            path.parent.mkdir(DIRECTORY_MODE, exist_ok=True)
            hand_over(path.parent)
        return open_or_make(path, FILE_MODE, os.O_APPEND)

    def _tidy(self) -> None:
        now = self._clock()
        if self._tidied is not None and 0 <= now - self._tidied < TIDY_EVERY:
            return
        self._tidied = now
        at = datetime.fromtimestamp(now, timezone.utc)
        for day in days_to_drop(self._record.sizes(), at, keep=self._keep, most=self._most):
            with suppress(FileNotFoundError):  # another worker was faster
                (self._record.directory / file_of(day)).unlink()
                _log.info("the download log of %s is gone: it was too old, or the log too large", day)


def _days(requests: Sequence[Request]) -> dict[str, list[str]]:
    """Return the lines of each day; what lines of a batch have in common is formatted once."""
    days: dict[str, list[str]] = {}
    constants: dict[tuple[object, ...], str] = {}
    second, begin = -1, ""
    lines: list[str] = []
    for request in requests:
        download = request.download
        if download is None or request.method != "GET" or request.status not in LOGGED:
            continue
        ended = request.ended
        if int(ended) != second:
            second = int(ended)
            at = timestamp(second)
            begin = f'{{"at":"{at[:20]}'
            lines = days.setdefault(at[:10], [])
        # By identity: replays share the value, and the batch holds on to it.
        key = id(download), request.user, request.address, request.agent, request.status
        constant = constants.get(key)
        if constant is None:
            constant = constants[key] = _constant(request, download)
        lines.append(f"{begin}{int((ended - second) * 1e6):06}{constant}{request.size}}}\n")
    return days


def _constant(request: Request, download: Download) -> str:
    """Write what stands between the microseconds and the bytes."""
    document = {
        **download._asdict(),
        "who": _who(request.user),
        "from": request.address,
        # pip describes its whole machine after its name, in hundreds of bytes.
        "agent": masked_tokens(request.agent.partition(" ")[0]),
        "status": request.status,
    }
    return f'Z",{json.dumps(document, separators=(",", ":"))[1:-1]},"bytes":'


def _who(name: str | None) -> str:
    if not name:
        return "anonymous"
    return name if name.startswith(_KINDS) else f"user:{name}"

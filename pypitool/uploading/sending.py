"""One file to one index, and what the index says to it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from urllib.parse import urljoin

from pypitool.core.errors import Kind
from pypitool.core.upload.answer import OUTCOME, Answer, Meaning
from pypitool.core.upload.plan import Outcome
from pypitool.uploading.multipart import FormBody
from pypitool.uploading.package import Package
from pypitool.uploading.watching import UploadWatcher
from pypitool.upstream.errors import Stopped, UpstreamUnavailable, redacted
from pypitool.upstream.session import Response, UpstreamSession, read_bounded

_LONGEST_ANSWER = 64 * 1024
_ACCEPT = "text/plain, application/json;q=0.9, */*;q=0.1"


class Refused(Exception):
    """The index did not take the file, or never said that it did."""

    def __init__(self, kind: Kind, message: str, *, exists: bool = False, final: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.exists = exists  # it says that there is one already
        self.final = final  # no other file will fare better


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends files, from any thread."""

    session: UpstreamSession
    url: str
    watcher: UploadWatcher
    stop: threading.Event

    def send(self, package: Package) -> Outcome:
        """Return what became of the file (uploaded, kept, replaced), or raise `Refused`."""
        body = FormBody(
            package.fields,
            package.file,
            package.signature,
            begun=lambda: self.watcher.started(package),
            sent=lambda count: self._sent(package, count),
        )
        headers = {"Content-Type": body.content_type, "Accept": _ACCEPT}
        try:
            with self.session.post(self.url, body, headers) as response:
                answer, target = _answer(response), response.headers.get("Location", "")
        except UpstreamUnavailable as error:
            raise Refused(Kind.UNAVAILABLE, str(error)) from error
        if answer.meaning is Meaning.TAKEN:
            return answer.outcome
        if answer.meaning is Meaning.ELSEWHERE:
            there = redacted(urljoin(self.url, target)) if target else "nowhere"
            raise Refused(
                Kind.INVALID, f"it redirects uploads to {there}: give that address, if you trust it"
            )
        raise Refused(
            answer.kind,
            answer.sentence,
            exists=answer.meaning is Meaning.EXISTS,
            final=answer.status == 401,
        )

    def _sent(self, package: Package, count: int) -> None:
        self.watcher.sent(package, count)
        if self.stop.is_set():
            raise Stopped()  # the index throws away what is not whole


def _answer(response: Response) -> Answer:
    try:
        body = read_bounded(response, _LONGEST_ANSWER)
    except UpstreamUnavailable:
        body = b""  # the status has said it already
    return Answer(
        status=response.status_code,
        reason=response.reason or "",
        content_type=response.headers.get("Content-Type", ""),
        body=body.decode("utf-8", "replace"),
        outcome_said=response.headers.get(OUTCOME),
    )

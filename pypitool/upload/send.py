"""Files sent to one index, several at once: each fails or succeeds for itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from urllib.parse import urljoin

from pypitool.core.errors import Kind
from pypitool.core.index.http import OUTCOME
from pypitool.core.progress import TransferProgress
from pypitool.core.upload.answer import Answer, Meaning
from pypitool.core.upload.plan import Outcome, UploadEvent, rounds
from pypitool.upload.form import FileChanged, FormBody, Package
from pypitool.upload.lookup import IndexLookup, LookupFailed
from pypitool.upstream.answer_bodies import read_bounded
from pypitool.upstream.session import Response, UpstreamSession
from pypitool.upstream.upstream_errors import GivenUp, Stopped, UpstreamUnavailable, redacted

_LONGEST_ANSWER = 64 * 1024
_NOT_SENT = "not sent: the credentials were refused"
_ACCEPT = "text/plain, application/json;q=0.9, */*;q=0.1"


class Refused(Exception):
    """The index did not take the file, or never said that it did."""

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        exists: bool = False,
        final: bool = False,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.kind = kind
        self.exists = exists  # it says that there is one already
        self.final = final  # no other file will fare better


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends files, from any thread."""

    session: UpstreamSession
    url: str
    progress: TransferProgress
    stop: threading.Event

    def send(self, package: Package) -> Outcome:
        """Return what became of the file (uploaded, kept, replaced), or raise `Refused`."""
        body = FormBody(
            package.fields,
            package.file,
            package.signature,
            progress=self.progress,
            stop=self.stop,
        )
        headers = {"Content-Type": body.content_type, "Accept": _ACCEPT}
        try:
            with self.session.asked_for(package.name), self.session.post(self.url, body, headers) as response:
                answer, target = _answer(response), response.headers.get("Location", "")
        except GivenUp as error:
            raise Refused(Kind.UNAVAILABLE, f"not sent: {error.reason}") from error
        except UpstreamUnavailable as error:
            raise Refused(Kind.UNAVAILABLE, str(error), hint=error.hint) from error
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
            hint=answer.hint,
        )


@dataclass(frozen=True, slots=True)
class Uploader:
    """Sends files to one index and tells what became of each."""

    sender: Sender
    lookup: IndexLookup
    jobs: int
    progress: TransferProgress
    stop: threading.Event
    refused: threading.Event = field(default_factory=threading.Event)  # the credentials, for every file

    def send(self, packages: Sequence[Package], report: Callable[[UploadEvent], None]) -> None:
        """Send everything, the first file of each project alone. Returns early when stopped."""
        self.progress.announced(sum(package.file.size for package in packages))
        waiting = {first.name: others for first, others in rounds(packages)}
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="upload") as pool:
            running = {pool.submit(self._sent, first): first for first, _ in rounds(packages)}
            try:
                while running:
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        package = running.pop(future)
                        if (event := future.result()) is not None:
                            report(event)
                        others = waiting.pop(package.name, ())
                        running |= {pool.submit(self._sent, other): other for other in others}
            except BaseException:
                self.stop.set()
                raise

    def _sent(self, package: Package) -> UploadEvent | None:
        """Send one file; None: it was stopped."""
        if self.stop.is_set():
            return None
        if self.refused.is_set():
            return package.event("failed", Kind.UNAUTHORIZED, _NOT_SENT)
        try:
            return package.event(self.sender.send(package))
        except Stopped:
            return None
        except FileChanged as error:
            return package.event("failed", error.kind, str(error))
        except Refused as refusal:
            return self._refused(package, refusal)
        finally:
            self.progress.ended(package.name)

    def _refused(self, package: Package, refusal: Refused) -> UploadEvent | None:
        if refusal.final:
            self.refused.set()
        if not refusal.exists:
            return package.event("failed", refusal.kind, str(refusal), refusal.hint)
        try:
            event = self.lookup.find(package).event(package)
        except Stopped:
            return None
        except (LookupFailed, FileChanged) as error:
            return package.event("conflict", Kind.CONFLICT, f"{refusal}; {error}")
        # Refused as being there, and not on its page: deleted for good, or there under another spelling.
        return event or package.event("conflict", Kind.CONFLICT, f"{refusal}; its page does not list it")


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
        server=response.headers.get("Server", ""),
    )

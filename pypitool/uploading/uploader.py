"""Sending files, several at once; each fails or succeeds for itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from pypitool.core.errors import Kind
from pypitool.core.upload.plan import UploadEvent, rounds
from pypitool.uploading.asking import Asker, CannotAsk, Found
from pypitool.uploading.multipart import FileChanged
from pypitool.uploading.package import Package
from pypitool.uploading.sending import Refused, Sender
from pypitool.uploading.watching import UploadWatcher
from pypitool.upstream.errors import Stopped

_NOT_SENT = "not sent: the credentials were refused"

Report = Callable[[UploadEvent], None]


@dataclass(frozen=True, slots=True)
class Uploader:
    """Sends files to one index and tells what became of each."""

    sender: Sender
    asker: Asker
    jobs: int
    watcher: UploadWatcher
    stop: threading.Event
    refused: threading.Event = field(default_factory=threading.Event)  # the credentials, for every file

    def send(self, packages: Sequence[Package], report: Report) -> None:
        """Send everything, the first file of each project alone. Returns early when stopped."""
        self.watcher.announced(packages)
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
            self.watcher.ended(package)

    def _refused(self, package: Package, refusal: Refused) -> UploadEvent | None:
        if refusal.final:
            self.refused.set()
        if not refusal.exists:
            return package.event("failed", refusal.kind, str(refusal))
        try:
            return _judged(package, refusal, self.asker.find(package))
        except Stopped:
            return None
        except (CannotAsk, FileChanged) as error:
            return package.event("conflict", Kind.CONFLICT, f"{refusal}; {error}")


def _judged(package: Package, refusal: Refused, found: Found) -> UploadEvent:
    event = found.event(package)
    # Refused as being there, and not on its page: deleted for good, or there under another spelling.
    return event or package.event("conflict", Kind.CONFLICT, f"{refusal}; its page does not list it")

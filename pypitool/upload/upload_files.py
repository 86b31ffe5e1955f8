"""One upload as a whole: ask, plan, send, count."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pypitool.core.progress import TransferProgress
from pypitool.core.upload.addresses import is_same_server, user_in, without_user
from pypitool.core.upload.credential_choice import Credentials
from pypitool.core.upload.plan import Action, UploadEvent, UploadPlanned, UploadSummary, UploadTally
from pypitool.upload.lookup import Asker, decide
from pypitool.upload.named_files import Package
from pypitool.upload.send import Sender, Uploader
from pypitool.upload.target import Target
from pypitool.upstream.errors import Stopped
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream

# An index may take its time to look at what it was given before it says anything.
_SILENCE_AFTER_UPLOAD = 300.0
_SILENCE = 60.0

Event = UploadEvent | UploadPlanned


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with files."""

    target: Target
    credentials: Credentials | None = None
    skip_existing: bool = False
    dry_run: bool = False
    jobs: int = 4


def upload(
    order: Order,
    packages: Sequence[Package],
    report: Callable[[Event], None],
    *,
    progress: TransferProgress,
    stop: threading.Event,
) -> UploadSummary:
    """Carry out an order; each file fails or succeeds for itself."""
    began, tally, told = time.monotonic(), UploadTally(), 0

    def tell(event: Event) -> None:
        nonlocal tally, told
        tally, told = tally.after(event), told + 1
        report(event)

    with _sessions(order, stop) as (uploads, index):
        try:
            asker = Asker(index)
            events = decide(asker, packages, order.jobs) if order.skip_existing else [None] * len(packages)
            decided = list(zip(packages, events, strict=True))
            if order.dry_run:
                _tell_plan(decided, tell)
            else:
                _tell_done(decided, tell)
                sender = Sender(uploads, order.target.address, progress, stop)
                uploader = Uploader(sender, asker, order.jobs, progress, stop)
                uploader.send([package for package, event in decided if event is None], tell)
        except Stopped:
            pass  # the summary says so
    interrupted = stop.is_set() and told < len(packages)
    return UploadSummary(tally, time.monotonic() - began, interrupted=interrupted)


def _tell_plan(decided: Sequence[tuple[Package, UploadEvent | None]], tell: Callable[[Event], None]) -> None:
    actions: dict[str, Action] = {"kept": "keep", "conflict": "conflict"}
    for package, event in decided:
        if event is None:
            tell(UploadPlanned("send", package.name))
        elif event.outcome in actions:
            tell(UploadPlanned(actions[event.outcome], package.name))
        else:
            tell(event)


def _tell_done(decided: Sequence[tuple[Package, UploadEvent | None]], tell: Callable[[Event], None]) -> None:
    for _, event in decided:
        if event is not None:
            tell(event)


@contextmanager
def _sessions(order: Order, stop: threading.Event) -> Iterator[tuple[UpstreamSession, UpstreamSession]]:
    """Open what speaks to the uploads, and what speaks to the index: credentials go to one server only."""
    address, index = order.target.address, order.target.index
    to_uploads = _upstream(order, address, order.credentials, _SILENCE_AFTER_UPLOAD)
    to_index = _upstream(order, without_user(index), _of_index(order, index), _SILENCE)
    uploads, asked = UpstreamSession(to_uploads, stop), UpstreamSession(to_index, stop)
    try:
        yield uploads, asked
    finally:
        uploads.close()
        asked.close()


def _of_index(order: Order, index: str) -> Credentials | None:
    user, password = user_in(index)
    if user is not None and password is not None:
        return Credentials(user, password)
    return order.credentials if is_same_server(index, order.target.address) else None


def _upstream(order: Order, address: str, credentials: Credentials | None, silence: float) -> Upstream:
    return Upstream(
        name=order.target.name or "upload",
        index=address,
        workers=order.jobs,
        timeout=silence,
        credentials=credentials,
        ca=order.target.ca,
        proxy=order.target.proxy,
        client_cert=order.target.client_cert,
    )

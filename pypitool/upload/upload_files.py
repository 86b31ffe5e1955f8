"""One upload as a whole: what is there already is looked up, the rest is sent, and all is counted."""

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
from pypitool.upload.destination import Destination
from pypitool.upload.form import Package
from pypitool.upload.lookup import IndexLookup, outcomes_without_sending
from pypitool.upload.send import Sender, Uploader
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import Stopped

# An index may take its time to look at what it was given before it says anything.
_SILENCE_AFTER_UPLOAD = 300.0
_SILENCE = 60.0

Event = UploadEvent | UploadPlanned


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with files."""

    destination: Destination
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

    with _sessions(order, stop, progress) as (uploads, index):
        try:
            lookup = IndexLookup(index)
            outcomes: list[UploadEvent | None] = [None] * len(packages)
            if order.skip_existing:
                outcomes = outcomes_without_sending(lookup, packages, order.jobs)
            if order.dry_run:
                _tell_plan(packages, outcomes, tell)
            else:
                for event in filter(None, outcomes):
                    tell(event)
                sender = Sender(uploads, order.destination.address, progress, stop)
                uploader = Uploader(sender, lookup, order.jobs, progress, stop)
                to_send = [
                    package for package, event in zip(packages, outcomes, strict=True) if event is None
                ]
                uploader.send(to_send, tell)
        except Stopped:
            pass  # the summary says so
    interrupted = stop.is_set() and told < len(packages)
    return UploadSummary(tally, time.monotonic() - began, interrupted=interrupted)


def _tell_plan(
    packages: Sequence[Package], outcomes: Sequence[UploadEvent | None], tell: Callable[[Event], None]
) -> None:
    actions: dict[str, Action] = {"kept": "keep", "conflict": "conflict"}
    for package, event in zip(packages, outcomes, strict=True):
        if event is None:
            tell(UploadPlanned("send", package.name))
        elif event.outcome in actions:
            tell(UploadPlanned(actions[event.outcome], package.name))
        else:
            tell(event)


@contextmanager
def _sessions(
    order: Order, stop: threading.Event, progress: TransferProgress
) -> Iterator[tuple[UpstreamSession, UpstreamSession]]:
    """Open what speaks to the uploads, and what speaks to the index: credentials go to one server only."""
    address, index = order.destination.address, order.destination.index
    to_uploads = _upstream(order, address, order.credentials, _SILENCE_AFTER_UPLOAD)
    to_index = _upstream(order, without_user(index), _index_credentials(order, index), _SILENCE)
    # Files go to one place, and it has been tried for the first one as often as for any.
    uploads = UpstreamSession(to_uploads, stop, progress.delayed, most_unreached=1)
    asked = UpstreamSession(to_index, stop, progress.delayed, most_unreached=1)
    try:
        yield uploads, asked
    finally:
        uploads.close()
        asked.close()


def _index_credentials(order: Order, index: str) -> Credentials | None:
    user, password = user_in(index)
    if user is not None and password is not None:
        return Credentials(user, password)
    return order.credentials if is_same_server(index, order.destination.address) else None


def _upstream(order: Order, address: str, credentials: Credentials | None, silence: float) -> Upstream:
    return Upstream(
        name=order.destination.name or "upload",
        index=address,
        workers=order.jobs,
        timeout=silence,
        credentials=credentials,
        ca=order.destination.ca,
        proxy=order.destination.proxy,
        client_cert=order.destination.client_cert,
    )

"""Other indexes: do they answer, what is their time, and do they have names of ours?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue
from time import monotonic, time
from typing import TYPE_CHECKING, TypeVar

from packaging.utils import NormalizedName

from pypitool.core.diagnosis.finding import Finding
from pypitool.core.diagnosis.outside import Heard, name_taken, of_unprotected, of_upstream, unprotected
from pypitool.core.errors import PypitoolError
from pypitool.doctor.patient import Patient
from pypitool.upstream.errors import redacted

if TYPE_CHECKING:
    from pypitool.upstream.page_model import Upstream

LONGEST = 5.0  # seconds that a request may take
_AT_ONCE = 8
_REFUSALS = (401, 403, 407)
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"

T = TypeVar("T")
S = TypeVar("S")


def look(patient: Patient) -> Iterator[Finding]:
    """Ask every configured upstream, and nobody who is not configured, unless names are to be asked for."""
    from pypitool.mirror.configured import upstreams

    settings = patient.settings
    try:
        configured = upstreams(settings, patient.environ) if settings.upstreams else ()
    except PypitoolError:
        return  # a password that is not there: the configuration is judged elsewhere
    for heard in _at_once(_hear, configured, _silent):
        yield from of_upstream(heard)
    others = bool(settings.upstreams) or not settings.server.disable_fallback
    names = [file.project for copied in patient.copied for file in copied.uploaded]
    open_names = unprotected(names, settings.policy.private, others=others)
    yield from of_unprotected(open_names)
    if patient.asks_upstream and open_names:
        questions = [(one, name) for one in configured or (_fallback(patient),) for name in open_names]
        yield from (finding for finding in _at_once(_is_taken, questions, _unknown) if finding is not None)


def _fallback(patient: Patient) -> Upstream:
    """Return where clients are sent for what is not here."""
    from pypitool.mirror.configured import upstream_at
    from pypitool.upstream.public_index import default_index

    return upstream_at("fallback", patient.settings.server.fallback_url or default_index())


def _at_once(ask: Callable[[S], T], questions: Sequence[S], late: Callable[[S], T]) -> Iterator[T]:
    """Ask several questions at once; those that are not answered in time get the answer `late`."""
    for first in range(0, len(questions), _AT_ONCE):
        asked = [(question, _asked(ask, question)) for question in questions[first : first + _AT_ONCE]]
        deadline = monotonic() + LONGEST
        for question, answers in asked:
            try:
                yield answers.get(timeout=max(0.0, deadline - monotonic()))
            except Empty:
                yield late(question)


def _asked(ask: Callable[[S], T], question: S) -> SimpleQueue[T]:
    # A daemon: nobody waits at the end for one that hangs in a name server, or drips a byte now and then.
    answers: SimpleQueue[T] = SimpleQueue()
    threading.Thread(target=lambda: answers.put(ask(question)), name="doctor", daemon=True).start()
    return answers


def _silent(upstream: Upstream) -> Heard:
    return Heard(upstream.name, redacted(upstream.index), f"it does not answer within {LONGEST:.0f} s")


def _unknown(_question: tuple[Upstream, NormalizedName]) -> Finding | None:
    return None  # that it does not answer is said of the upstream


def _hear(upstream: Upstream) -> Heard:
    from pypitool.upstream.session import UpstreamSession

    index = redacted(upstream.index)
    session = UpstreamSession(_quick(upstream))
    try:
        # The list of a large index has 40 MB: its head says everything.
        with session.get(upstream.index, {"Accept": _ACCEPT}) as answer:
            code = answer.status_code
            if code in _REFUSALS or code >= 500:
                return Heard(upstream.name, index, f"it answers {code}")
            kind = answer.headers.get("Content-Type", "") if code == 200 else ""
            return Heard(upstream.name, index, None, kind, _skew(answer.headers.get("Date")))
    except (PypitoolError, OSError) as error:
        return Heard(upstream.name, index, str(error))
    finally:
        session.close()


def _is_taken(question: tuple[Upstream, NormalizedName]) -> Finding | None:
    from pypitool.upstream.session import UpstreamSession

    upstream, name = question
    session = UpstreamSession(_quick(upstream))
    try:
        with session.get(f"{upstream.index}{name}/", {"Accept": _ACCEPT}) as answer:
            return name_taken(name, redacted(upstream.index)) if answer.status_code == 200 else None
    except (PypitoolError, OSError):
        return None  # that it cannot be reached is said of the upstream
    finally:
        session.close()


def _quick(upstream: Upstream) -> Upstream:
    return replace(upstream, retries=0, timeout=LONGEST)


def _skew(date: str | None) -> float | None:
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp() - time()
    except (ValueError, TypeError):
        return None

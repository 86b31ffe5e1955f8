"""Other indexes: whether they answer, what time they have, and which of our names they know."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from time import monotonic, time
from typing import TYPE_CHECKING, TypeVar

from packaging.utils import NormalizedName

from pypitool.core.errors import PypitoolError
from pypitool.core.model import OriginKind
from pypitool.core.name_owner import is_unprotected, owner_of
from pypitool.doctor.context import Context
from pypitool.doctor.finding import Finding, error, info, warning
from pypitool.upstream.upstream_errors import redacted

if TYPE_CHECKING:
    from pypitool.upstream.upstream import Upstream

CLOCK_OFF_BY = 60.0  # seconds
LONGEST = 5.0  # seconds that a request may take
_AT_ONCE = 8
_REFUSALS = (401, 403, 407)
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """What an index answered when it was asked for nothing in particular."""

    name: str
    index: str  # without credentials
    failure: str | None = None
    content_type: str = ""  # of its list of projects, which not every index has
    skew: float | None = None  # seconds that its clock is ahead of ours; None: it does not say


def look_at_upstreams(context: Context) -> Iterator[Finding]:
    """Ask every configured upstream, and nobody who is not configured, unless names are to be asked for."""
    from pypitool.mirror.configured import upstreams

    settings = context.settings
    try:
        configured = upstreams(settings, context.environ) if settings.upstreams else ()
    except PypitoolError:
        return  # a password that is not there: the configuration is judged elsewhere
    for answer in _at_once(_answer_of, configured, _silent):
        yield from upstream_findings(answer)
    others = bool(settings.upstreams) or not settings.server.disable_fallback
    names = [file.project for copied in context.copied for file in copied.uploaded]
    open_names = unprotected_names(names, settings.policy.private, others=others)
    yield from unprotected_findings(open_names)
    if context.asks_upstream and open_names:
        questions = [(one, name) for one in configured or (_fallback(context),) for name in open_names]
        yield from (finding for finding in _at_once(_is_taken, questions, _unknown) if finding is not None)


def _fallback(context: Context) -> Upstream:
    """Return where clients are sent for what is not here."""
    from pypitool.mirror.configured import upstream_at
    from pypitool.upstream.upstream import default_index

    return upstream_at("fallback", context.settings.server.fallback_url or default_index())


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


def _silent(upstream: Upstream) -> UpstreamAnswer:
    return UpstreamAnswer(
        upstream.name, redacted(upstream.index), f"it does not answer within {LONGEST:.0f} s"
    )


def _unknown(_question: tuple[Upstream, NormalizedName]) -> Finding | None:
    return None  # that it does not answer is said of the upstream


def _answer_of(upstream: Upstream) -> UpstreamAnswer:
    from pypitool.upstream.session import UpstreamSession

    index = redacted(upstream.index)
    session = UpstreamSession(_quick(upstream))
    try:
        # The list of a large index has 40 MB: its head says everything.
        with session.get(upstream.index, {"Accept": _ACCEPT}) as answer:
            code = answer.status_code
            if code in _REFUSALS or code >= 500:
                return UpstreamAnswer(upstream.name, index, f"it answers {code}")
            kind = answer.headers.get("Content-Type", "") if code == 200 else ""
            return UpstreamAnswer(upstream.name, index, None, kind, _skew(answer.headers.get("Date")))
    except (PypitoolError, OSError) as error:
        return UpstreamAnswer(upstream.name, index, str(error))
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
    from pypitool.core.retry_wait import parse_http_date

    moment = parse_http_date(date or "")
    return None if moment is None else moment.timestamp() - time()


def upstream_findings(answer: UpstreamAnswer) -> Iterator[Finding]:
    """Judge an upstream by its answer."""
    if answer.failure is not None:
        yield warning(
            "upstream-unreachable", answer.name, answer.failure, "the mirror gets nothing from it",
            f"look whether {answer.index} can be reached from here: name, proxy, certificate, password",
        )  # fmt: skip
        return
    if answer.content_type:
        speaks = "JSON (PEP 691)" if "json" in answer.content_type else "HTML (PEP 503)"
        yield info("upstream-speaks", answer.name, f"{answer.index} speaks {speaks}", "it can be mirrored")
    if answer.skew is not None and abs(answer.skew) > CLOCK_OFF_BY:
        way = "behind" if answer.skew > 0 else "ahead"
        yield warning(
            "clock-off", answer.name, f"the clock here is {abs(answer.skew):.0f} s {way}",
            "tokens, certificates, cooldowns and the audit depend on it", "let NTP set the clock",
        )  # fmt: skip


def unprotected_names(
    uploaded: Iterable[NormalizedName], private: Collection[str], *, others: bool
) -> list[NormalizedName]:
    """Return our own projects whose names could be taken elsewhere; `others`: somebody looks there."""
    return [
        name
        for name in sorted(set(uploaded))
        if is_unprotected(owner_of(name, [OriginKind.UPLOADED], private, is_kept=True), others=others)
    ]


def unprotected_findings(names: Iterable[NormalizedName]) -> Iterator[Finding]:
    """Judge names that are uploaded here and looked for elsewhere too."""
    for name in names:
        yield warning(
            "name-unprotected", name, "it is uploaded here, and no glob of `private` holds it",
            "only the state tells that the name is yours: without it a stranger's may be taken for it",
            f'add `"{name}"` or a glob to `private` under `[policy]`',
        )  # fmt: skip


def name_taken(name: NormalizedName, index: str) -> Finding:
    """Say that somebody has a name of ours."""
    return error(
        "name-taken", name, f"{index} has a project of this name",
        "installers may take theirs for yours (dependency confusion)",
        f'find out whose it is, and add `"{name}"` to `private` under `[policy]`',
    )  # fmt: skip

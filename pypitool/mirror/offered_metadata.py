"""What files depend on that are not here: read at their upstream, one small request for each release."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from packaging.requirements import Requirement

from pypitool.core.guard import Guard
from pypitool.core.limits import METADATA
from pypitool.core.mirror.selection import Candidate
from pypitool.core.progress import TransferProgress
from pypitool.mirror.available import requirements_in
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream_errors import NotAnIndexPage, Stopped, UpstreamUnavailable

Requirements = tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file that is not here, and the upstream that offers it."""

    candidate: Candidate
    upstream: str


def read_dependencies(
    files: Iterable[OfferedFile],
    sessions: Sequence[UpstreamSession],
    stop: threading.Event,
    progress: TransferProgress | None = None,
) -> Mapping[str, Requirements | None]:
    """Return what each file depends on, by its name; None where its upstream does not tell."""
    by_name = {session.upstream.name: session for session in sessions}
    # The wheels of a release have the same metadata nearly always: it is asked for once.
    alike: dict[str, list[OfferedFile]] = defaultdict(list)
    for file in files:
        alike[file.candidate.metadata_sha256 or file.candidate.filename].append(file)
    groups = list(alike.values())

    threads = max(1, min(len(groups), sum(session.upstream.workers for session in sessions)))
    with (progress or TransferProgress()).during("reading metadata", len(groups)) as phase:

        def read(group: Sequence[OfferedFile]) -> Requirements | None:
            if stop.is_set():
                return None
            first = group[0]
            answer = Guard.run(lambda: _read(by_name[first.upstream], first.candidate), lambda error: None)
            phase.step()
            return answer

        with ThreadPoolExecutor(threads, thread_name_prefix="metadata") as pool:
            answers = list(pool.map(read, groups))
    if stop.is_set():
        raise Stopped()
    return {
        file.candidate.filename: answer
        for group, answer in zip(groups, answers, strict=True)
        for file in group
    }


def _read(session: UpstreamSession, candidate: Candidate) -> Requirements | None:
    if candidate.metadata_sha256 is None:
        return None
    # PEP 658: "served at the file URL with .metadata appended", where there is no query or fragment.
    url = candidate.url.partition("#")[0] + ".metadata"
    answer = session.read(url, {"Accept": "*/*"}, METADATA.most)
    if answer.status_code != 200:
        raise UpstreamUnavailable(url, f"it answers {answer.status_code}")
    if hashlib.sha256(answer.body).hexdigest() != candidate.metadata_sha256:
        raise NotAnIndexPage(url, "its sha256 is not the one that the page announces")
    return requirements_in(answer.body, candidate.kind)

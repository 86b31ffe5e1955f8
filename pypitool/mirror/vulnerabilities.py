"""What indexes say of the vulnerabilities of releases: one request for each release, side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from packaging.utils import NormalizedName
from packaging.version import Version

from pypitool.core.mirror.run_events import KnownVulnerabilities, WarningEvent, vulnerabilities_of
from pypitool.core.progress import TransferProgress
from pypitool.mirror.sync import Report
from pypitool.upstream.fetch_page import release_document
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream_errors import UpstreamError

Release = tuple[NormalizedName, Version, str]  # and the upstream that knows it


def ask_about_vulnerabilities(
    sessions: Sequence[UpstreamSession],
    releases: Sequence[Release],
    report: Report,
    progress: TransferProgress | None = None,
) -> Mapping[NormalizedName, KnownVulnerabilities]:
    """Ask about each release; what cannot be found out is unknown, and never a failure."""
    by_name = {session.upstream.name: session for session in sessions}
    threads = max(1, sum(session.upstream.workers for session in sessions))
    with (progress or TransferProgress()).during("asking about vulnerabilities", len(releases)) as phase:

        def ask(one: Release) -> KnownVulnerabilities:
            answer = _ask(by_name[one[2]], one[0], one[1])
            phase.step()
            return answer

        with ThreadPoolExecutor(threads, thread_name_prefix="audit") as pool:
            answers = list(pool.map(ask, releases))
    audits = {release[0]: answer for release, answer in zip(releases, answers, strict=True)}
    for warning in _unknown(releases, audits):
        report(warning)
    return audits


def _unknown(
    releases: Sequence[Release], audits: Mapping[NormalizedName, KnownVulnerabilities]
) -> Iterator[WarningEvent]:
    by_upstream: dict[str, list[Release]] = defaultdict(list)
    for release in releases:
        by_upstream[release[2]].append(release)
    for upstream, asked in by_upstream.items():
        unknown = [release for release in asked if audits[release[0]].vulnerabilities is None]
        if len(unknown) == len(asked) > 1:
            # An index without the legacy JSON: once is enough.
            yield WarningEvent(f"{upstream} says nothing about vulnerabilities")
            continue
        for project, version, _ in unknown:
            yield WarningEvent(
                f"{upstream} does not say whether {project} {version} is vulnerable", project=project
            )


def _ask(session: UpstreamSession, project: NormalizedName, version: Version) -> KnownVulnerabilities:
    try:
        return KnownVulnerabilities(vulnerabilities_of(release_document(session, project, str(version))))
    except UpstreamError:
        return KnownVulnerabilities(None)

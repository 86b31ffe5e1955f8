"""What tests ask uv, and where the releases come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from packaging.requirements import Requirement

from pypitool.core.mirror.requirement_lines import LinePosition, RequirementLine
from pypitool.mirror.private_names import PrivateNames
from pypitool.mirror.relay_pages import ReleaseSources
from pypitool.repository.repository import Repository
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream


def wanted(*texts: str) -> tuple[RequirementLine, ...]:
    """Return requirements as lines of a file."""
    return tuple(RequirementLine(Requirement(text), frozenset(), LinePosition("r.in", 1)) for text in texts)


@contextmanager
def sources(
    repository: Repository, *upstreams: Upstream, private: tuple[str, ...] = ()
) -> Iterator[ReleaseSources]:
    """Open sessions with upstreams, beside what a repository holds."""
    with ExitStack() as stack:
        sessions = [UpstreamSession(upstream) for upstream in upstreams]
        for session in sessions:
            stack.callback(session.close)
        yield ReleaseSources(sessions, PrivateNames(repository.catalogue, private))

"""Which upstream a project comes from: the first that has it owns it, and nothing is merged.

Merging versions of several indexes is dependency confusion: whoever registers a private name on the
public index with a higher version would be installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.utils import NormalizedName

from pypitool.core.names import matches
from pypitool.upstream.errors import NoSuchProject
from pypitool.upstream.page_model import KnownPage, Page, Unchanged, Upstream
from pypitool.upstream.pages import fetch_page
from pypitool.upstream.session import UpstreamSession


def asked_for(project: NormalizedName, upstreams: Sequence[Upstream]) -> tuple[Upstream, ...]:
    """Return the upstreams that may be asked for a project, in order."""
    named = tuple(each for each in upstreams if each.projects and matches(project, each.projects))
    return named or tuple(each for each in upstreams if not each.projects)


def find_page(
    project: NormalizedName,
    sessions: Sequence[UpstreamSession],
    known: Mapping[str, KnownPage],
) -> Page | Unchanged:
    """Return the page of the first upstream that has the project; `known` is by upstream's name.

    Only a 404 lets the next one be asked: an upstream that is down may well be the owner.
    """
    chosen = asked_for(project, [session.upstream for session in sessions])
    by_name = {session.upstream.name: session for session in sessions}
    missing: NoSuchProject | None = None
    for upstream in chosen:
        try:
            return fetch_page(by_name[upstream.name], project, known.get(upstream.name))
        except NoSuchProject as error:
            missing = error
    raise missing or NoSuchProject("", f"no upstream is configured for {project}")

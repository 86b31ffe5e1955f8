"""Which upstream a project comes from: the first that has it owns it, and nothing is merged.

Merging versions of several indexes is dependency confusion: whoever registers a private name on the
public index with a higher version would be installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.utils import NormalizedName

from pypitool.core.name_owner import indexes_for
from pypitool.upstream.errors import NoSuchProject
from pypitool.upstream.page_model import KnownPage, Page, Unchanged
from pypitool.upstream.pages import fetch_page
from pypitool.upstream.session import UpstreamSession


def find_page(
    project: NormalizedName,
    sessions: Sequence[UpstreamSession],
    known: Mapping[str, KnownPage],
) -> Page | Unchanged:
    """Return the page of the first upstream that has the project; `known` is by upstream's name.

    Only a 404 lets the next one be asked: an upstream that is down may well be the owner.
    """
    chosen = indexes_for(project, [session.upstream for session in sessions])
    by_name = {session.upstream.name: session for session in sessions}
    missing: NoSuchProject | None = None
    for upstream in chosen:
        try:
            return fetch_page(by_name[upstream.name], project, known.get(upstream.name))
        except NoSuchProject as error:
            missing = error
    raise missing or NoSuchProject("", f"no upstream is configured for {project}")

"""What an index says of one release in its legacy JSON, where it has such a thing."""

from __future__ import annotations

import json
from urllib.parse import quote, urljoin

from packaging.utils import NormalizedName

from pypitool.upstream.session import UpstreamSession, read_bounded

_LARGEST = 64 * 1024**2


def release_document(session: UpstreamSession, project: NormalizedName, version: str) -> object:
    """Return the document of a release; None when the index has none, or answers something else."""
    # The API lies beside the simple index: `/pypi/NAME/VERSION/json` and `/simple/`.
    url = urljoin(session.upstream.index, f"../pypi/{quote(project)}/{quote(version)}/json")
    with session.get(url, {"Accept": "application/json"}) as response:
        if response.status_code != 200:
            return None
        body = read_bounded(response, _LARGEST)
    try:
        return json.loads(body)
    except ValueError:
        return None

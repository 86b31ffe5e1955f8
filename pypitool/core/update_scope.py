"""Which projects `update` may ask an upstream about, and whether what answers is the project that we hold.

A name is sent to strangers, and whoever registers it there with a higher version must not be believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from packaging.utils import NormalizedName

from pypitool.core.model import HeldFile, OriginKind
from pypitool.core.policy import is_private
from pypitool.core.selection import Candidate


class Standing(str, Enum):
    """How a project stands towards upstreams."""

    MIRRORED = "mirrored"
    COPIED = "copied"  # nobody wrote down where its files came from
    PRIVATE = "private"
    UPLOADED = "uploaded"

    @property
    def is_ours(self) -> bool:
        """Whether no upstream may hear of it."""
        return self in (Standing.PRIVATE, Standing.UPLOADED)


def standing_of(project: NormalizedName, files: Iterable[HeldFile], private: Iterable[str]) -> Standing:
    """Tell how a project stands; one file that somebody uploaded makes the whole of it ours."""
    if is_private(project, private):
        return Standing.PRIVATE
    kinds = {file.origin.kind for file in files}
    if OriginKind.UPLOADED in kinds:
        return Standing.UPLOADED
    return Standing.MIRRORED if OriginKind.MIRRORED in kinds else Standing.COPIED


def is_same_project(files: Sequence[HeldFile], offers: Iterable[Candidate], upstream: str) -> bool:
    """Tell whether what an upstream offers is the project that we hold, and no stranger of its name.

    It is where a file of ours came from that very upstream, or where it lists one of ours with its bytes.
    """
    if any(file.origin.kind is OriginKind.MIRRORED and file.origin.detail == upstream for file in files):
        return True
    ours = {file.contents.digests.sha256 for file in files}
    return any(offer.sha256 in ours for offer in offers)

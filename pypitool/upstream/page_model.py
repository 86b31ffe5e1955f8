"""Where packages come from, and what one page of it said, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.utils import NormalizedName

from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import ProjectStatus
from pypitool.core.upload.credential_choice import Credentials as Credentials
from pypitool.upstream.listing import Listing


@dataclass(frozen=True, slots=True)
class Upstream:
    """One simple index that we fetch from."""

    name: str
    index: str  # with a slash at its end, without credentials
    projects: tuple[str, ...] = ()  # globs: it alone is asked for these
    workers: int = 8
    retries: int = 5
    timeout: float = 60.0  # without a byte
    retry_after_max: float = 120.0
    credentials: Credentials | None = None
    ca: Path | None = None
    proxy: str | None = None
    allow_unhashed: bool = False
    verified: bool = True  # its certificate, see --trusted-host
    client_cert: Path | None = None  # our own, with its key


@dataclass(frozen=True, slots=True)
class KnownPage:
    """What tells that a page is still the one that was read."""

    etag: str | None
    body_sha256: str


@dataclass(frozen=True, slots=True)
class Page:
    """What an upstream offers of one project."""

    upstream: str
    listing: Listing
    known: KnownPage
    status: ProjectStatus = ProjectStatus.ACTIVE
    status_reason: str | None = None
    clock_skew: float = 0.0  # seconds that the upstream's clock is ahead of ours

    @property
    def project(self) -> NormalizedName:
        """Whose page it is."""
        return self.listing.project

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Every file of the project, those of legacy kinds left out."""
        return self.listing.candidates()


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The page is the one that `KnownPage` described; nothing was parsed."""

    upstream: str
    project: NormalizedName
    known: KnownPage
    clock_skew: float = 0.0

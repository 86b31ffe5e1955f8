"""A file that may be sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from packaging.utils import NormalizedName

from pypitool.core.errors import Kind
from pypitool.core.filenames import Distribution
from pypitool.core.model import Digests
from pypitool.core.upload.plan import Outcome, UploadEvent
from pypitool.uploading.multipart import FileOnDisk


@dataclass(frozen=True, slots=True)
class Package:
    """A file without a fault, with the form that goes along."""

    file: FileOnDisk
    distribution: Distribution
    digests: Digests
    fields: tuple[tuple[str, str], ...]
    signature: bytes | None = None

    @property
    def name(self) -> str:
        """Its file name."""
        return self.distribution.filename

    @property
    def project(self) -> NormalizedName:
        """The project that it belongs to."""
        return self.distribution.project

    def digest(self, algorithm: str) -> str:
        """Return a digest of it; one that is seldom asked for is made now."""
        if algorithm == "sha256":
            return self.digests.sha256
        digest = hashlib.new(algorithm)
        for piece in self.file.pieces():
            digest.update(piece)
        return digest.hexdigest()

    def event(self, outcome: Outcome, kind: Kind | None = None, message: str | None = None) -> UploadEvent:
        """Say what became of it."""
        return UploadEvent(
            name=self.name,
            project=self.project,
            version=self.distribution.version,
            outcome=outcome,
            sha256=self.digests.sha256,
            bytes=self.file.size,
            kind=kind,
            message=message,
        )

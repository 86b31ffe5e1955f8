"""Who watches files leave: a terminal's live view, or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from pypitool.uploading.package import Package


class UploadWatcher:
    """Sees bytes leave; the terminal's live view is one, and doing nothing is the default."""

    def aside(self) -> AbstractContextManager[None]:
        """Give way while something is printed."""
        return nullcontext()

    def announced(self, packages: Sequence[Package]) -> None:
        """These files are to be sent."""

    def started(self, package: Package) -> None:
        """A file begins, perhaps once more."""

    def sent(self, package: Package, count: int) -> None:
        """Some bytes of it have left."""

    def ended(self, package: Package) -> None:
        """It is dealt with."""

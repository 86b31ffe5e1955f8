"""Private names: the projects that no upstream may hear of, configured as such or uploaded here."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.utils import NormalizedName

from pypitool.catalogue.catalogue import Reader
from pypitool.core.name_owner import is_private, owner_of


@dataclass(frozen=True, slots=True)
class PrivateNames:
    """Tells which projects no upstream may hear of."""

    reader: Reader
    private: tuple[str, ...] = ()

    def are_there(self) -> bool:
        """Tell whether there may be any at all."""
        return bool(self.private) or bool(self.reader.kept_names())

    def is_ours(self, project: NormalizedName) -> bool:
        """Tell whether a project is ours: private by its name, by an upload, or by an owner."""
        if is_private(project, self.private):
            return True  # without a look at what is here
        held = self.reader.project(project)
        kinds = (file.origin.kind for file in (held.files if held is not None else ()))
        return owner_of(project, kinds, (), is_kept=self.reader.keeps(project)).is_us

"""Explanations by rules that are at hand."""

from __future__ import annotations

from dataclasses import dataclass

from pypitool.access.explain import Circumstances, circumstances, explain, question
from pypitool.access.rules import Rules
from pypitool.catalogue.catalogue import Reader
from pypitool.core.rights.rulebook import Right
from pypitool.managing import Document


@dataclass(frozen=True, slots=True)
class RightsHere:
    """Explain decisions as the server with these rules takes them."""

    rules: Rules
    catalogue: Reader | None  # None: no server has run here, a configuration is tried out
    overwrites: bool

    def may(self, who: str, action: str, project: str, address: str) -> Document:
        """Explain one decision."""
        asked = question(who, Right(action), project, address, self.catalogue)
        around = Circumstances(is_new=True, overwrites=self.overwrites)
        if self.catalogue is not None:
            around = circumstances(asked, self.catalogue, overwrites=self.overwrites)
        return explain(self.rules, asked, around).document()

"""Many globs as one set of names, so that a thousand rules are asked about a name in a microsecond."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.names import glob_pattern
from pypitool.core.rulebook import ProjectGlobs

_WILD = re.compile(r"[*?]")
_PREFIX = re.compile(r"[^*?]*\*")


class NameSet:
    """The names that at least one of several globs means."""

    __slots__ = ("_exact", "_lengths", "_others", "_prefixes", "_with_exceptions", "everything")

    def __init__(self, several: Iterable[ProjectGlobs]) -> None:
        plain: set[str] = set()
        self._with_exceptions: list[tuple[NameSet, NameSet]] = []
        for globs in several:
            if globs.left_out:
                own = NameSet([ProjectGlobs(globs.taken)]), NameSet([ProjectGlobs(globs.left_out)])
                self._with_exceptions.append(own)
            else:
                plain.update(canonicalize_name(glob) for glob in globs.taken)
        self.everything = "*" in plain  # those names included that nobody has thought of
        self._exact = frozenset(glob for glob in plain if not _WILD.search(glob))
        # Most globs are `acme-*`: a look into a set, where an expression would be tried one by one.
        self._prefixes = frozenset(glob[:-1] for glob in plain if _PREFIX.fullmatch(glob))
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})
        rest = sorted(plain - self._exact - {f"{prefix}*" for prefix in self._prefixes})
        self._others = re.compile("|".join(translate(glob_pattern(glob)) for glob in rest)) if rest else None

    @property
    def is_empty(self) -> bool:
        """Whether no name at all is meant."""
        return not (self._exact or self._prefixes or self._others or self._with_exceptions)

    def hold(self, name: NormalizedName) -> bool:
        """Tell whether a name is meant."""
        if self.everything or name in self._exact:
            return True
        if any(name[:length] in self._prefixes for length in self._lengths):
            return True
        if self._others is not None and self._others.match(name):
            return True
        return any(taken.hold(name) and not out.hold(name) for taken, out in self._with_exceptions)

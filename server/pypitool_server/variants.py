"""Which form of an answer a request gets, remembered by its raw headers."""

from __future__ import annotations

from pypitool.core.index.http import accepts_gzip, negotiate

# Clients send a handful of different headers; whoever sends more only makes us think again.
MOST_REMEMBERED = 1024


class Variants:
    """Turns `Accept` and `Accept-Encoding` into a short name for what they select."""

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, str | None], str] = {}

    def __call__(self, accept: str | None, coding: str | None) -> str:
        """Return a name that is equal for headers that select the same answer."""
        known = self._known.get((accept, coding))
        return known if known is not None else self._learn(accept, coding)

    def _learn(self, accept: str | None, coding: str | None) -> str:
        media = negotiate(accept)
        name = f"{media.name if media else 'none'} {'gzip' if accepts_gzip(coding) else ''}"
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[accept, coding] = name
        return name

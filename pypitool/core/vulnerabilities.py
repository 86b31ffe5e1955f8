"""What an index's legacy JSON says of the vulnerabilities of one release; strangers write it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One known vulnerability of a release."""

    id: str
    aliases: tuple[str, ...] = ()
    fixed_in: tuple[str, ...] = ()
    summary: str | None = None
    link: str | None = None

    def __str__(self) -> str:
        names = ", ".join((self.id, *self.aliases))
        return f"{names} (fixed in {', '.join(self.fixed_in)})" if self.fixed_in else names

    def as_json(self) -> dict[str, object]:
        """Return its fields."""
        return asdict(self)


def vulnerabilities_of(document: object) -> tuple[Vulnerability, ...] | None:
    """Read them from the document of a release; None: it does not say."""
    entries = document.get("vulnerabilities") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        return None
    return tuple(_read(entries))


def _read(entries: list[Any]) -> Iterator[Vulnerability]:
    for entry in entries:
        # OSV: "a non-null `withdrawn` means that the entry is considered never to have been".
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), str) and not entry.get("withdrawn"):
            yield Vulnerability(
                entry["id"],
                _texts(entry.get("aliases")),
                _texts(entry.get("fixed_in")),
                _text(entry.get("summary")),
                _text(entry.get("link")),
            )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

"""Two logs of facts of the same directories become one: which lines the one that goes on is to get.

It keeps its lines and gets those that only the other has, in order of time. A replay takes the last word for
the one that counts, so what was decided here later than there is said again, with its own time, behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pypitool.core.fact import What
from pypitool.core.fact_line import from_line, sum_of
from pypitool.core.guard import Guard
from pypitool.core.text import printable

# A digest of the rules that counted: every server writes its own, and nobody decided anything by it.
_OF_NOBODY = frozenset({What.RULES.value})


@dataclass(frozen=True, slots=True)
class FactLine:
    """A line of a log, as it stands there and as it reads."""

    body: bytes
    document: dict[str, Any]

    @property
    def key(self) -> str:
        """What it says, for comparing; how it is secured against damage is none of that."""
        return json.dumps(self.document, sort_keys=True)

    @property
    def at(self) -> str:
        """When it was written."""
        return str(self.document.get("at", ""))

    @property
    def words(self) -> str:
        """What it is about, in a few words."""
        said = self.document
        about = said.get("file") or said.get("project") or said.get("name") or said.get("user")
        return printable(" ".join(map(str, filter(None, (said["what"], about)))))

    @property
    def subject(self) -> tuple[str, str] | None:
        """What it has the last word about, until another line of the same subject comes."""
        what, project = str(self.document.get("what")), self.document.get("project")
        if what in (What.TOKEN_CREATE.value, What.TOKEN_REVOKE.value):
            return "token", str(self.document.get("hash"))
        if project is None:
            return None
        file = self.document.get("file")
        return ("file", str(file)) if file is not None else (what, str(project))


def read_line(body: bytes) -> FactLine | None:
    """Read a line of a log; None: it is no fact."""
    document = Guard.run(partial(from_line, body), lambda _: None)
    if document is None:
        return None
    is_fact = isinstance(document.get("what"), str) and "who" in document
    return FactLine(body.rstrip(b"\r\n") + b"\n", document) if is_fact else None


def only_in(other: Iterable[FactLine], own: Iterable[FactLine]) -> list[FactLine]:
    """Return what only the other log has, in order of time."""
    known = {line.key for line in own}
    missing = [line for line in other if line.key not in known and line.document["what"] not in _OF_NOBODY]
    return sorted(missing, key=_place)


def to_append(own: Sequence[FactLine], missing: Sequence[FactLine]) -> list[FactLine]:
    """Return the lines that let a log say what it and the missing ones say, whoever said it last."""
    first: dict[tuple[str, str], str] = {}
    for line in missing:
        if line.subject is not None:
            first.setdefault(line.subject, line.at)
    undone = {line.document.get("of") for line in own if line.document["what"] == What.UNDONE.value}
    undone.discard(None)
    again = [
        line
        for line in own
        if line.subject in first
        and (line.at > first[line.subject] or _is_revocation(line))
        and sum_of(line.body) not in undone
    ]
    return sorted([*missing, *again], key=_place)


def _place(line: FactLine) -> tuple[bool, str]:
    # A token that was revoked stays so, even if a clock says that it was made later.
    return _is_revocation(line), line.at


def _is_revocation(line: FactLine) -> bool:
    return bool(line.document["what"] == What.TOKEN_REVOKE.value)

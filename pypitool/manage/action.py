"""An action of management: its address in the API, who may, what it is told, and what it replies.

`actions` has the table of them. The API and the client of a server elsewhere are made of it; on the machine
itself the method of a row is called as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from keyword import iskeyword
from typing import Any

from pypitool.core.rights.right import Right

API = "api/v1/"
API_VERSION = 1  # raised when something that older clients rely on is no longer so


@dataclass(frozen=True, slots=True)
class Reply:
    """What an action came to."""

    document: Any  # what `--json` prints and the API answers with; lists may come one by one
    outcome: str | None = None  # of a change: created, replaced, changed or unchanged


class Who(Enum):
    """Who may, where that is not whoever has a right on the project `<name>`."""

    ADMIN = "admins of everything"
    ANYBODY = "anybody: each sees what is theirs"
    PERSON = "people with a password, and admins of everything"


@dataclass(frozen=True, slots=True)
class Field:
    """Something that an action is told: in the query of a GET, else in the JSON object of the body."""

    name: str
    kind: Any = str  # bool, int, list of texts, `ip_address`, or the Enum of the words that there are
    is_needed: bool = True

    @property
    def parameter(self) -> str:
        """Return how the method calls it: Python keeps `from` for itself."""
        return f"{self.name}_" if iskeyword(self.name) else self.name


def optional(name: str, kind: Any = str) -> Field:
    """Return a field that may be absent; the method has a default for it."""
    return Field(name, kind, is_needed=False)


@dataclass(frozen=True, slots=True)
class Action:
    """One action: a row of the table."""

    method: str
    address: str  # below `/api/v1/`; what stands in `<>` are parameters of the method too
    who: Right | Who
    run: Callable[..., Reply]
    fields: tuple[Field, ...] = ()
    status: int = 200
    # The right in place of `who`, where it depends on what is asked for; it is told what `run` is told.
    asks: Callable[..., Right] | None = None

"""The ways to be refused, each with its status and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pypitool.access.rules import NewProjects
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.rights.right import Right
from pypitool.core.text import printable

REALM = "pypi"
CHALLENGE = {"WWW-Authenticate": f'Basic realm="{REALM}"'}


class CredentialsNeeded(PypitoolError):
    """Nobody may do this without saying who they are."""

    kind = Kind.UNAUTHORIZED
    headers: ClassVar[Mapping[str, str]] = CHALLENGE

    def __init__(self, right: Right, *, possible: bool) -> None:
        super().__init__(right, possible)
        self.right = right
        self.possible = possible

    def __str__(self) -> str:
        if self.possible:
            return f"the right `{self.right.value}` takes a user name and a password, or a token"
        return f"the right `{self.right.value}` takes a token: the server has no password file"


class RightMissing(PypitoolError):
    """Somebody who is known asked for more than they may."""

    kind = Kind.FORBIDDEN

    def __init__(self, name: str, right: Right) -> None:
        super().__init__(name, right)
        self.name = name
        self.right = right

    def __str__(self) -> str:
        return f"{self.name!r} does not have the right `{self.right.value}` here"


class ProjectIsNew(PypitoolError):
    """A project that is not here yet, and that somebody else would have to begin."""

    kind = Kind.FORBIDDEN

    def __init__(self, newcomers: NewProjects) -> None:
        super().__init__(newcomers)
        self.newcomers = newcomers

    def __str__(self) -> str:
        return f"{self.newcomers} may upload a new project"


class ProjectNotHeld(PypitoolError):
    """A project of which we hold no file, or that is hidden from who asks: nobody can tell which."""

    kind = Kind.NOT_FOUND

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"no project `{printable(self.name)}` here"

"""As whom one speaks to a server: the first user and the first password that belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

TOKEN_USER = "__token__"  # noqa: S105  the user's name that goes with every token
_TOKENS = ("pypitool_", "pypi-")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password; never shown."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.user!r}, …)"


@dataclass(frozen=True, slots=True)
class Offered:
    """What one place has: a user, a password, both or neither. An empty user is nobody, said on purpose."""

    place: str
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Offered({self.place!r}, {self.user!r}, {'…' if self.password else None!r})"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the places so far have given, and which ones."""

    user: str | None = None
    password: str | None = None
    user_from: str = ""
    password_from: str = ""

    def __repr__(self) -> str:
        return f"Chosen({self.user!r}, {'…' if self.password else None!r})"

    @property
    def is_complete(self) -> bool:
        """Whether no other place has to be looked at."""
        return self.user == "" or (self.user is not None and self.password is not None)

    @property
    def credentials(self) -> Credentials | None:
        """The credentials, if they are complete: a user alone is not sent, a password alone is a token."""
        if self.user == "" or self.password is None:
            return None
        return Credentials(TOKEN_USER if self.user is None else self.user, self.password)

    def with_(self, offered: Offered) -> Chosen:
        """Take what is missing; a password that belongs to another user is not taken."""
        chosen = self
        if chosen.user is None and offered.user is not None:
            chosen = replace(chosen, user=offered.user, user_from=offered.place)
        belongs = offered.user is None or offered.user == chosen.user
        if chosen.password is None and offered.password is not None and belongs:
            chosen = replace(chosen, password=offered.password, password_from=offered.place)
        if chosen.user is None and chosen.password is not None and looks_like_token(chosen.password):
            chosen = replace(chosen, user=TOKEN_USER, user_from=chosen.password_from)
        return chosen


# A source is called with what is known by then: a keyring wants the user's name.
CredentialSource = Callable[[Chosen], Offered]


def choose(sources: Iterable[CredentialSource]) -> Chosen:
    """Look into the sources in their order until a user and a password are known."""
    chosen = Chosen()
    for source in sources:
        chosen = chosen.with_(source(chosen))
        if chosen.is_complete:
            break
    return chosen


def looks_like_token(password: str) -> bool:
    """Tell whether a password is a token by its shape: it needs no user of its own."""
    return password.startswith(_TOKENS)

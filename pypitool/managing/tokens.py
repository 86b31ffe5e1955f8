"""The tokens of a repository that is at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pypitool.core.fact import Actor
from pypitool.core.rights.tokens import Token
from pypitool.managing import Document
from pypitool.repository.repository import Repository
from pypitool.repository.tokens import UnknownToken, Wanted, create, find, listed, revoke


def _every(_token: Token) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class TokensHere:
    """Make, list and revoke tokens, in somebody's name."""

    repository: Repository
    actor: Actor
    owner: str | None = None  # whose personal ones are made
    is_own: Callable[[Token], bool] = _every  # which there are for who asks

    def listed(self) -> list[Document]:
        """Return those that are alive, and those that ended lately."""
        return [one.document for one in listed(self.repository) if self.is_own(one.token)]

    def create(self, name: str, projects: Sequence[str], may: Sequence[str], expires: str) -> Document:
        """Make a token; nobody can be shown it again."""
        wanted = Wanted(name, tuple(projects), tuple(may), expires, self.owner)
        return create(self.repository, wanted, self.actor).document

    def revoke(self, word: str) -> tuple[Document, bool]:
        """End a token by its name or id; return also whether it had not ended before."""
        token = find(self.repository, word, owner=self.owner)
        if not self.is_own(token):
            raise UnknownToken(word)
        ended = revoke(self.repository, token, self.actor)
        return ended.document, ended.changed

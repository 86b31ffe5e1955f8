"""Who logs in: the users of the password file, tokens for machines, and why one of them may do something."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pypitool.access.accounts import Accounts
from pypitool.access.explain import (
    AccessQuestion,
    Circumstances,
    circumstances,
    explain,
    question,
    recognised,
)
from pypitool.access.htpasswd import accounts, remove_user, set_password
from pypitool.access.rules import Rules
from pypitool.catalogue.catalogue import Reader
from pypitool.core.fact import Actor, Fact
from pypitool.core.rights.effective import RightsBasis
from pypitool.core.rights.right import Right
from pypitool.core.rights.tokens import Token
from pypitool.core.text import timestamp
from pypitool.manage.action import Reply
from pypitool.repository.repository import Repository
from pypitool.repository.tokens import (
    RevokedToken,
    TokenRequest,
    UnknownToken,
    count_personal,
    create,
    end_personal,
    find,
    listed,
    revoke,
)

LIFE = "90d"  # of a token, where nobody says how long


@dataclass(frozen=True, slots=True)
class Users:
    """Look at a password file and change it; each change is recorded, never the password."""

    file: Path
    actor: Actor
    repository: Repository | None = None  # None: no server has a state for it

    def listed(self) -> Reply:
        """Return their names."""
        return Reply({"users": [account.user for account in accounts(self.file)]})

    def set_password(self, name: str, password: str) -> Reply:
        """Add a user or change a password, which ends no token of theirs."""
        ended: list[RevokedToken] = []

        def record(is_new: bool) -> None:
            # Whoever had the name before was somebody else.
            ended.extend(self._end_tokens(name, "its owner was gone") if is_new else ())
            self._record("user-add", name)

        is_new = set_password(self.file, name, password, record=record)
        live = 0 if self.repository is None else count_personal(self.repository, name)
        return Reply(_of_user(name, live, len(ended)), "created" if is_new else "replaced")

    def remove(self, name: str) -> Reply:
        """Take a user out of the file, and end the tokens of theirs."""
        ended: list[RevokedToken] = []

        def record() -> None:
            self._record("user-remove", name)
            ended.extend(self._end_tokens(name, "its owner was removed"))

        remove_user(self.file, name, record=record)
        owned = () if self.repository is None else sorted(self.repository.catalogue.owned(f"user:{name}"))
        return Reply({**_of_user(name, 0, len(ended)), **({"owns": owned} if owned else {})})

    def check(self, name: str, password: str) -> Reply:
        """Tell whether a password is right."""
        accounts(self.file)  # says what is wrong with the file, where the server would only refuse
        return Reply({"user": name, "valid": Accounts(self.file).verify(name, password)})

    def weak_passwords(self) -> Iterator[str]:
        """Return what has to be said of passwords that are kept badly."""
        for account in accounts(self.file):
            if account.scheme is None:
                yield f"the password of {account.user} is refused: plain text, or of an unknown kind"
            elif account.is_weak:
                yield f"the password of {account.user} is kept in a weak form: {account.scheme}"

    def _record(self, what: str, user: str) -> None:
        if self.repository is not None:
            self.repository.facts.append(Fact(what, self.actor, details={"user": user}))

    def _end_tokens(self, user: str, reason: str) -> tuple[RevokedToken, ...]:
        if self.repository is None:
            return ()
        return end_personal(self.repository, self.actor, lambda token: token.user == user, reason)


def _of_user(name: str, live: int, revoked: int) -> dict[str, Any]:
    """Return what is said of a user who was changed: how many tokens live on, and how many have ended."""
    numbers = {"tokens": live, "revoked": revoked}
    return {"user": name, **{key: number for key, number in numbers.items() if number}}


def _is_for_all(_token: Token) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Tokens:
    """Make, list and revoke passwords for machines, in somebody's name."""

    repository: Repository
    actor: Actor
    owner: str | None = None  # whose personal ones are made
    is_own: Callable[[Token], bool] = _is_for_all  # which there are for who asks

    def listed(self) -> Reply:
        """Return those that are alive, and those that ended lately."""
        return Reply([one.document for one in listed(self.repository) if self.is_own(one.token)])

    def create(
        self, name: str, may: Sequence[str], projects: Sequence[str] = (), expires: str = LIFE
    ) -> Reply:
        """Make a token; nobody can be shown it again."""
        wanted = TokenRequest(name, tuple(projects) or ("*",), tuple(may), expires or LIFE, self.owner)
        return Reply(create(self.repository, wanted, self.actor).document)

    def revoke(self, word: str) -> Reply:
        """End a token by its name or id."""
        token = find(self.repository, word, owner=self.owner)
        if not self.is_own(token):
            raise UnknownToken(word)
        ended = revoke(self.repository, token, self.actor)
        return Reply(ended.document, "changed" if ended.changed else "unchanged")

    def revoke_all(self, name: str) -> Reply:
        """End every personal token of a user."""
        ended = end_personal(
            self.repository, self.actor, lambda token: token.user == name and self.is_own(token)
        )
        return Reply([one.document for one in ended], "changed" if ended else "unchanged")


def _knows_all(_asked: AccessQuestion) -> bool:
    return True


def _is_somebody(_user: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Rights:
    """Explain decisions as the server with these rules takes them."""

    rules: Rules
    catalogue: Reader | None  # None: no server has run here, a configuration is tried out
    overwrites: bool
    knows_all: Callable[[AccessQuestion], bool] = _knows_all  # whether who asks may know what is held
    is_user: Callable[[str], bool] = _is_somebody  # whether there is such a user now

    def may(self, who: str, action: str, project: str, from_: str = "") -> Reply:
        """Explain one decision."""
        asked = question(who, Right(action), project, from_)
        asked = replace(asked, by_admin=self.knows_all(asked))
        tokens = () if self.catalogue is None else self.catalogue.tokens()
        now = timestamp(time.time())
        asked = recognised(asked, self.rules, tokens, now=now, is_user=self.is_user)
        around = Circumstances(is_new=True, overwrites=self.overwrites)
        if self.catalogue is not None:
            around = circumstances(asked, self.catalogue, overwrites=self.overwrites)
        if not asked.by_admin:
            around = self._not_telling(asked, around)
        return Reply(explain(self.rules, asked, around).document())

    def _not_telling(self, asked: AccessQuestion, around: Circumstances) -> Circumstances:
        """Leave out whether a project is there, where its asker could not find that out otherwise."""
        lists, uploads = (replace(asked, action=right) for right in (Right.LIST, Right.UPLOAD))
        untold = replace(around, is_new=False)
        may_know = explain(self.rules, lists, untold).may or explain(self.rules, uploads, untold).may
        return around if may_know or self.rules.may_begin(RightsBasis.of(asked.caller)) else untold

"""The short form of rights, `-a` and `-P`, as the rules that it stands for."""

from __future__ import annotations

from collections.abc import Collection

from pypitool.core.rights import Right
from pypitool.core.rulebook import ANONYMOUS, AUTHENTICATED, Rule

_READ = (Right.LIST, Right.DOWNLOAD)
_UPDATE = frozenset({Right.UPLOAD, Right.YANK, Right.DELETE, Right.OVERWRITE})
_OPEN = frozenset({Right.LIST, Right.DOWNLOAD, Right.UPLOAD, Right.OVERWRITE, Right.DELETE})


def short_form(authenticate: Collection[str], *, recognises: bool, open_: bool) -> tuple[Rule, ...]:
    """Return the rules that `-a` means; `open_` is `-a . -P .`, `recognises`: somebody can prove a name.

    What changes something is never open by omission: `-a download` protects uploads as well.
    """
    if open_:
        return (Rule((ANONYMOUS,), _OPEN),)
    protected = frozenset(right for right in _READ if right.value in authenticate)
    rules = {ANONYMOUS: frozenset(_READ) - protected}
    if recognises:
        rules[AUTHENTICATED] = protected | _UPDATE
    return tuple(Rule((who,), may) for who, may in rules.items() if may)

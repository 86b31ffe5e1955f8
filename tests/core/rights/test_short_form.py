"""The short form of rights: `-a` and `-P`."""

from __future__ import annotations

import pytest

from pypitool.core.rights.effective import EffectiveRights
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import Caller, Rulebook, short_form

READ = {Right.LIST, Right.DOWNLOAD}
UPDATE = {Right.UPLOAD, Right.YANK, Right.DELETE, Right.OVERWRITE}
NOBODY, DEPLOY = Caller(), Caller("user:deploy", has_password=True)


def rights(caller: Caller, *authenticate: str, recognises: bool = True, open_: bool = False) -> set[Right]:
    book = Rulebook(short_form(authenticate, recognises=recognises, open_=open_))
    effective = EffectiveRights(book.rules[number] for number in book.speaking(caller, ""))
    return {right for right in Right if effective.may(right, None)}


@pytest.mark.parametrize(
    ("authenticate", "anonymous", "user"),
    [
        (("update",), READ, READ | UPDATE),
        (("update", "download"), {Right.LIST}, READ | UPDATE),
        (("update", "list"), {Right.DOWNLOAD}, READ | UPDATE),
        (("download", "list", "update"), set(), READ | UPDATE),
        (("download",), {Right.LIST}, READ | UPDATE),
    ],
)
def test_with_a_password_file_named_actions_take_a_password(
    authenticate: tuple[str, ...], anonymous: set[Right], user: set[Right]
) -> None:
    assert rights(NOBODY, *authenticate) == anonymous
    assert rights(DEPLOY, *authenticate) == user


def test_without_a_password_file_nobody_may_change_anything() -> None:
    assert rights(DEPLOY, "update", recognises=False) == READ


def test_without_a_password_file_nobody_may_do_what_is_protected() -> None:
    assert rights(DEPLOY, "update", "list", recognises=False) == {Right.DOWNLOAD}


def test_dots_open_what_pypiserver_has() -> None:
    assert rights(NOBODY, recognises=False, open_=True) == READ | {
        Right.UPLOAD, Right.OVERWRITE, Right.DELETE,
    }  # fmt: skip


@pytest.mark.parametrize("open_", [True, False])
def test_nobody_is_admin(open_: bool) -> None:
    assert Right.ADMIN not in rights(DEPLOY, open_=open_)

"""The short form of rights: `-a` and `-P`."""

from __future__ import annotations

import pytest

from pypitool.core.rights import Right, short_form

READ = {Right.LIST, Right.DOWNLOAD}
UPDATE = {Right.UPLOAD, Right.YANK, Right.DELETE, Right.OVERWRITE}


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
    rules = short_form(authenticate, has_passwords=True, open_=False)

    assert {right for right in Right if rules.allows(None, right)} == anonymous
    assert {right for right in Right if rules.allows("user:deploy", right)} == user


def test_without_a_password_file_nobody_may_change_anything() -> None:
    rules = short_form(("update",), has_passwords=False, open_=False)

    assert {right for right in Right if rules.allows("user:deploy", right)} == READ


def test_without_a_password_file_nobody_may_do_what_is_protected() -> None:
    rules = short_form(("update", "list"), has_passwords=False, open_=False)

    assert not rules.allows("user:deploy", Right.LIST)
    assert rules.allows(None, Right.DOWNLOAD)


def test_dots_open_what_pypiserver_has() -> None:
    rules = short_form((), has_passwords=False, open_=True)

    allowed = {right for right in Right if rules.allows(None, right)}

    assert allowed == {Right.LIST, Right.DOWNLOAD, Right.UPLOAD, Right.OVERWRITE, Right.DELETE}


def test_nobody_is_admin() -> None:
    for open_ in (True, False):
        assert not short_form((), has_passwords=True, open_=open_).allows("user:root", Right.ADMIN)

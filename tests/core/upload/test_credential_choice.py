"""As whom one speaks: the first user and the first password that belong together."""

from __future__ import annotations

import pytest

from pypitool.core.upload.credential_choice import Chosen, Credentials, Offered, choose


def chosen(*offers: Offered) -> Credentials | None:
    return choose([lambda chosen, one=one: one for one in offers]).credentials  # type: ignore[misc]


def test_user_and_password_may_come_from_different_places() -> None:
    found = chosen(
        Offered("flag", user="ann"), Offered("stdin", password="one"), Offered("netrc", "bob", "x")
    )

    assert found == Credentials("ann", "one")


def test_a_password_of_another_user_is_not_used() -> None:
    found = chosen(
        Offered("flag", user="ann"), Offered("section", "bob", "x"), Offered("netrc", "ann", "one")
    )

    assert found == Credentials("ann", "one")


def test_a_token_needs_no_user() -> None:
    assert chosen(Offered("stdin", password="pypitool_x"), Offered("netrc", "bob", "y")) == Credentials(
        "__token__", "pypitool_x"
    )
    assert chosen(Offered("stdin", password="of another index")) == Credentials(
        "__token__", "of another index"
    )


def test_a_token_is_not_used_as_the_password_of_a_user_who_was_named() -> None:
    found = chosen(Offered("flag", user="ann"), Offered("variable", "__token__", "pypitool_x"))

    assert found is None


def test_an_empty_user_is_nobody_and_nothing_more_is_asked() -> None:
    asked = []

    def keyring(so_far: Chosen) -> Offered:
        asked.append(so_far)
        return Offered("keyring", "ann", "one")

    assert choose([lambda so_far: Offered("flag", user=""), keyring]).credentials is None
    assert asked == []


def test_a_place_is_told_what_is_known() -> None:
    def keyring(so_far: Chosen) -> Offered:
        return Offered("keyring", so_far.user, f"password of {so_far.user}")

    found = choose([lambda so_far: Offered("flag", user="ann"), keyring])

    assert found.credentials == Credentials("ann", "password of ann")
    assert (found.user_from, found.password_from) == ("flag", "keyring")


@pytest.mark.parametrize(
    "value", [Credentials("ann", "secret"), Offered("flag", "ann", "secret"), Chosen("ann", "secret")]
)
def test_a_password_is_never_shown(value: object) -> None:
    assert "ann" in repr(value)
    assert "secret" not in repr(value)

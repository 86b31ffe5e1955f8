"""Addresses of uploads, and of the index beside them."""

from __future__ import annotations

import pytest

from pypitool.core.upload.addresses import (
    index_of,
    is_same,
    is_same_server,
    public_uploads,
    server_of,
    user_in,
    without_user,
)

PUBLIC = "https://public.example/simple/"


@pytest.mark.parametrize(
    ("uploads", "index"),
    [
        ("https://h/", "https://h/simple/"),
        ("https://h", "https://h/simple/"),
        ("https://h/legacy/", "https://h/simple/"),
        ("https://h/legacy", "https://h/simple/"),
        ("https://h/simple/", "https://h/simple/"),
        ("https://h/pypi", "https://h/simple/"),
        ("https://h/priv/legacy/", "https://h/priv/simple/"),
        ("https://h/index/pypi/", "https://h/index/simple/"),
        ("https://h/legacyish/", "https://h/legacyish/simple/"),
        ("https://ann:one@h:8080/", "https://h:8080/simple/"),
        ("https://upload.public.example/legacy/", PUBLIC),
        ("https://public.example/legacy/", PUBLIC),
        ("https://test.public.example/legacy/", "https://test.public.example/simple/"),
    ],
)
def test_the_index_lies_beside_the_uploads(uploads: str, index: str) -> None:
    assert index_of(uploads, PUBLIC) == index


def test_the_public_addresses_follow_from_that_of_the_index() -> None:
    assert public_uploads("pypi", PUBLIC) == "https://upload.public.example/legacy/"
    assert public_uploads("testpypi", PUBLIC) == "https://test.public.example/legacy/"


def test_credentials_in_an_address_are_taken_apart() -> None:
    url = "https://ann%40acme:p%3Aw%20d@h:8080/legacy/?x=1"

    assert user_in(url) == ("ann@acme", "p:w d")
    assert without_user(url) == "https://h:8080/legacy/?x=1"
    assert user_in("https://ann@h/") == ("ann", None)
    assert user_in("https://ann:@h/") == ("ann", "")
    assert user_in("https://h/") == (None, None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://h/legacy", "https://ann:one@h:443/legacy/", True),
        ("http://h:80/", "http://h", True),
        ("https://h/a/", "https://h/b/", False),
        ("http://h/", "https://h/", False),
    ],
)
def test_a_last_slash_a_usual_port_and_credentials_make_no_other_address(
    one: str, other: str, same: bool
) -> None:
    assert is_same(one, other) is same


def test_one_server_is_scheme_host_and_port() -> None:
    assert is_same_server("https://h/legacy/", "https://h:443/simple/")
    assert not is_same_server("https://h/", "https://h:8443/")
    assert not is_same_server("https://h/", "https://upload.h/")
    assert not is_same_server("https://h/", "http://h/")


def test_a_server_is_named_by_any_of_its_addresses() -> None:
    assert server_of("https://ann:one@h/priv/simple/") == "https://h/priv/"
    assert server_of("http://h:8080") == "http://h:8080/"
    # A whole server may be mounted under this name.
    assert server_of("http://h/pypi/") == "http://h/pypi/"

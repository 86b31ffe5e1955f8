"""Headers of proxies: their spellings, and the addresses of hops."""

from __future__ import annotations

import pytest

from pypitool.core.proxy_headers import (
    dropping_lines,
    hop_address,
    hops_of_forwarded,
    is_ambiguous,
    is_unfilled,
    spellings,
)


def test_every_spelling_is_one_name_to_wsgi() -> None:
    known = spellings("X-Remote-User")

    assert known == ("X-Remote-User", "X-Remote_User", "X_Remote-User", "X_Remote_User")
    assert spellings("Remoteuser") == ("Remoteuser",)
    assert (is_ambiguous("Remoteuser"), is_ambiguous("X_U"), is_ambiguous("X-U")) == (False, True, True)


@pytest.mark.parametrize("name", ["{http.auth.user.id}", "%{REMOTE_USER}e", "${user}", "(null)", "-"])
def test_what_a_proxy_did_not_fill_in_is_nobodys_name(name: str) -> None:
    assert is_unfilled(name)


@pytest.mark.parametrize("name", ["ann", "ann-lee", "ACME\\ann", "ann@acme.example", "cn=ann", "null"])
def test_names_of_people_are_filled_in(name: str) -> None:
    assert not is_unfilled(name)


def test_a_name_of_many_words_has_a_bounded_list_of_spellings() -> None:
    assert len(spellings("-".join("abcdefghijklmnopqrstuvwxyz"))) <= 9


def test_every_proxy_has_its_line() -> None:
    lines = dict(dropping_lines("X-Remote-User"))

    assert lines["HAProxy"] == "http-request del-header (?i)^X[-_]Remote[-_]User$ -m reg"
    assert lines["Caddy"] == "request_header -X_*; request_header -X-Remote_*"
    assert lines["Apache"].count("RequestHeader unset ") == 3
    assert lines["Traefik"].count('""') == 3


@pytest.mark.parametrize(
    "hop",
    ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "1.2.3.4:80 x", "[::1", "[1.2.3.4]", "[]:80", "::1]",
     ":", "1.2.3.4:", "fe80::1%eth0", "[fe80::1%x]:80", "1" * 100, "\u0661.2.3.4"],
)  # fmt: skip
def test_what_is_no_address_is_none(hop: str) -> None:
    assert hop_address(hop) is None


def test_an_element_that_is_not_whole_says_nothing() -> None:
    assert list(hops_of_forwarded('x", for=5.6.7.8')) == ["5.6.7.8", ""]
    assert list(hops_of_forwarded('for="1.2.3.4')) == [""]

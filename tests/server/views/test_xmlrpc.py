"""XML-RPC: `pip search` of old gets an answer, everything else a proper fault."""

from __future__ import annotations

import xmlrpc.client
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypitool.repository.repository import Repository
from tests.server.site import Site, basic, make_site
from tests.support.forms import upload_form

ADDRESSES = ["/RPC2", "/RPC2/", "/", "/simple/", "/simple", "/pypi"]


def post(site: Site, body: bytes | str, path: str = "/RPC2", content_type: str = "text/xml") -> Any:
    answer = site.client.post(path, data=body, content_type=content_type)
    assert answer.status_code == 200
    assert answer.mimetype == "text/xml"
    try:
        return xmlrpc.client.loads(answer.data)[0][0]
    except xmlrpc.client.Fault as fault:
        return fault


def search(*words: str) -> str:
    """Write a call as pip 20.3 does."""
    return xmlrpc.client.dumps(({"name": list(words), "summary": list(words)}, "or"), "search")


@pytest.mark.parametrize("path", ADDRESSES)
def test_pip_search_is_answered_where_pip_posts_it(shared_site: Site, path: str) -> None:
    found = post(shared_site, search("acme"), path)

    assert found == [
        {"name": "acme-core", "version": "1.0", "summary": "made for a test"},
        {"name": "acme-web", "version": "1.0+local.1", "summary": "made for a test"},
    ]


def test_the_mount_point_counts(repository: Repository) -> None:
    site = make_site(repository, server_base_url="/priv")

    assert len(post(site, search("acme"), "/priv/")) == 2


def test_a_search_in_any_spelling_finds_the_same(shared_site: Site) -> None:
    assert post(shared_site, search("ACME.Core")) == post(shared_site, search("acme_core"))


def test_a_search_has_at_most_twenty_terms(shared_site: Site) -> None:
    most = post(shared_site, search(*(f"acme{number}" for number in range(19)), "acme"))
    more = post(shared_site, search(*(f"acme{number}" for number in range(21))))

    assert len(most) == 2
    assert (more.faultCode, more.faultString) == (-32602, "a search has at most 20 terms, this one has 21")


def test_nothing_found_is_an_empty_list(shared_site: Site) -> None:
    assert post(shared_site, search("nothing")) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (xmlrpc.client.dumps((), "list_packages"), -32601),
        (xmlrpc.client.dumps(("acme",), "search"), -32602),
        ("", -32700),
        ("<methodCall>", -32700),
        ("<methodCall></methodCall>", -32700),
        ("not xml", -32700),
        ('<!DOCTYPE x [<!ENTITY e "x">]><methodCall><methodName>&e;</methodName></methodCall>', -32700),
        (search("x").replace("<string>", "<int>", 1).replace("</string>", "</int>", 1), -32700),
        ("<methodCall><methodName>search</methodName><params><param><value></struct>", -32700),
    ],
)
def test_anything_else_is_a_fault(shared_site: Site, body: str, code: int) -> None:
    answer = post(shared_site, body)

    assert isinstance(answer, xmlrpc.client.Fault)
    assert answer.faultCode == code


def test_a_call_beyond_any_measure_is_refused(shared_site: Site) -> None:
    answer = shared_site.client.post("/RPC2", data=b" " * 100_000, content_type="text/xml")

    assert answer.status_code == 413


def test_it_needs_the_right_to_list(repository: Repository) -> None:
    site = make_site(repository, authenticate=("list", "update"))

    without = site.client.post("/RPC2", data=search("acme"), content_type="text/xml")
    known = site.client.post(
        "/RPC2", data=search("acme"), content_type="text/xml", headers={"Authorization": basic()}
    )

    assert without.status_code == 401
    assert b"acme-core" in known.data


PIECES = [
    "<methodCall>", "</methodCall>", "<methodName>search</methodName>", "<params>", "</params>", "<param>",
    "</param>", "<value>", "</value>", "<struct>", "</struct>", "<member>", "</member>", "<name>name</name>",
    "<array>", "</array>", "<data>", "</data>", "<int>", "</int>", "9", "<boolean>2</boolean>", "<nil/>",
    "<base64>!</base64>", "<dateTime.iso8601>x</dateTime.iso8601>", "<double>nan</double>", "<fault>",
    "</fault>", "&#0;", "&lt;", "\x00", "<string>acme</string>",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=20))
def test_any_document_gets_an_answer_or_a_fault(shared_site: Site, pieces: list[str]) -> None:
    post(shared_site, "".join(pieces))


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer_or_a_fault(shared_site: Site, body: bytes) -> None:
    post(shared_site, body)


def test_what_is_no_xml_is_refused_and_never_looks_like_a_success(shared_site: Site) -> None:
    # twine takes any 200 for a file that was stored.
    upload = upload_form("new-1.0.tar.gz", b"bytes")

    answer = shared_site.client.post("/RPC2", data=upload.data, content_type=upload.content_type)

    assert answer.status_code == 415
    assert "text/xml" in answer.text

"""Content negotiation: PEP 691 to the letter, and every client that we know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypitool.core.index.http import MediaType, acceptable_types, accepts_gzip, negotiate

J, H, T = MediaType.JSON_V1, MediaType.HTML_V1, MediaType.TEXT_HTML
JSON, HTML = J.value, H.value
LATEST_JSON = "application/vnd.pypi.simple.latest+json"
LATEST_HTML = "application/vnd.pypi.simple.latest+html"
PIP = f"{JSON}, {HTML}; q=0.1, text/html; q=0.01"
UV = f"{JSON}, {HTML};q=0.2, text/html;q=0.01"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

TABLE = {
    "no header": (None, T),
    "empty": ("", T),
    "spaces": ("  ", T),
    "commas": (",,", T),
    "wildcard": ("*/*", T),
    "wildcard with quality": ("*/*;q=0.5", T),
    "wildcard of Java": ("*; q=.2", T),
    "pip": (PIP, J),
    "uv": (UV, J),
    "browser": (BROWSER, T),
    "json": (JSON, J),
    "html v1": (HTML, H),
    "html": ("text/html", T),
    "latest json": (LATEST_JSON, J),
    "latest html": (LATEST_HTML, H),
    "upper case": (JSON.upper(), J),
    "json and html tie": (f"text/html, {HTML}, {JSON}", J),
    "html and text tie": (f"text/html, {HTML}", H),
    "quality decides": (f"{JSON};q=0.5, {HTML};q=0.6, text/html;q=0.7", T),
    "order means nothing": (f"text/html;q=0.1, {JSON};q=0.2", J),
    "three decimals": (f"{JSON};q=0.001, text/html;q=0.002", T),
    "quality of 1.000": (f"{JSON};q=1.000, text/html;q=0.999", J),
    "spaces everywhere": (f" {JSON} ; q = 0.3 , text/html ; q=0.2 ", J),
    "other parameters": ("text/html;level=1;q=0.4", T),
    "excluded by zero": (f"{JSON};q=0, text/html", T),
    "only an exclusion": (f"{JSON};q=0", None),
    "everything excluded": ("*/*;q=0", None),
    "excluded from the wildcard": ("text/html;q=0, */*", H),
    "json excluded from the wildcard": (f"{JSON};q=0, */*", T),
    "most specific range sets it": ("text/html;q=0.1, text/*;q=0.9", T),
    "specific low, wildcard high": (f"{JSON};q=0.1, */*;q=0.9", T),
    "named beats wildcard on a tie": ("text/html, */*", T),
    "named json beats wildcard on a tie": (f"*/*, {JSON}", J),
    "application wildcard": ("application/*", J),
    "text wildcard": ("text/*", T),
    "text wildcard below json": (f"text/*;q=0.5, {JSON}", J),
    "twice": (f"{JSON};q=0.1, {JSON};q=0.9, text/html;q=0.5", J),
    "something else besides": ("image/png, */*;q=0.1", T),
    "version 2": ("application/vnd.pypi.simple.v2+json", None),
    "image": ("image/png", None),
    "plain json": ("application/json", None),
    "garbage": ("garbage", None),
    "garbage with separators": (";;;,/;q=,q=1", None),
    "quality above one": ("text/html;q=2", None),
    "quality of nonsense": (f"{JSON};q=high, text/html;q=0.1", T),
    "quality with four decimals": (f"{JSON};q=0.1234, text/html;q=0.1", T),
    "negative quality": ("text/html;q=-1", None),
    "quality that is not a number": ("text/html;q=nan", None),
    "beyond ASCII": ("téxt/html, text/html;q=٠", None),
}


@pytest.mark.parametrize(("accept", "expected"), TABLE.values(), ids=TABLE)
def test_the_accept_header_chooses(accept: str | None, expected: MediaType | None) -> None:
    assert negotiate(accept) is expected


@pytest.mark.parametrize(
    ("parameter", "accept", "expected"),
    [
        (JSON, "text/html", J),
        (HTML, None, H),
        ("text/html", JSON, T),
        (LATEST_JSON, None, J),
        (JSON.replace("+", " "), "text/html", J),
        ("application/json", JSON, J),
        ("application/json", None, T),
        ("", JSON, J),
        ("*/*", JSON, J),
        (JSON, "image/png", J),
        ("json", "image/png", None),
    ],
)
def test_the_format_parameter_goes_first(
    parameter: str, accept: str | None, expected: MediaType | None
) -> None:
    assert negotiate(accept, parameter) is expected


def test_the_reply_names_the_version_that_it_is() -> None:
    types = [media_type.content_type for media_type in MediaType]

    assert types == [JSON, f"{HTML}; charset=utf-8", "text/html; charset=utf-8"]
    assert [media_type.is_json for media_type in MediaType] == [True, False, False]


def test_a_refusal_lists_the_types() -> None:
    assert acceptable_types() == f"{JSON}\n{HTML}\ntext/html\n"


@given(st.text(alphabet="abtex/html*;,q=.019 +vndpyisml", max_size=80))
def test_any_header_has_an_answer(accept: str) -> None:
    assert negotiate(accept) in (J, H, T, None)


@given(st.permutations([f"{JSON};q=0.2", f"{HTML};q=0.3", "text/html;q=0.1", "*/*;q=0.05"]))
def test_the_order_of_ranges_never_matters(ranges: list[str]) -> None:
    assert negotiate(",".join(ranges)) is H


def test_a_megabyte_of_ranges_is_read_in_time() -> None:
    assert negotiate("a/b;q=0.1," * 100_000 + JSON) is J


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ("identity", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("gzip;q=garbage", False),
        ("gzipped", False),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(header: str | None, expected: bool) -> None:
    assert accepts_gzip(header) is expected

"""Core metadata: today's, yesterday's and broken."""

from __future__ import annotations

from contextlib import suppress
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.metadata import parse_email

from pypitool.core.metadata import BadMetadata, clean_requires_python, parse_dependencies, parse_metadata

MODERN = b"""\
Metadata-Version: 2.4
Name: Acme.Core
Version: 1.0
Summary: what it does
Keywords: a,b
Author-email: A <a@acme.example>
License-Expression: MIT
License-File: LICENSE
License-File: NOTICE
Project-URL: Home, https://acme.example/
Project-URL: Docs, https://docs.acme.example/
Classifier: A :: B
Classifier: C
Requires-Python: >=3.9
Requires-Dist: six>=1.0
Requires-Dist: tomli; python_version < "3.11"
Provides-Extra: test
Dynamic: version
Import-Name: acme
Description-Content-Type: text/markdown

# Acme

Text: not a field
"""

ANCIENT = b"""\
Metadata-Version: 1.1
Name: foo
Version: 0.1
Summary: UNKNOWN
Home-page: UNKNOWN
License: Line one
        Line two

Platform: UNKNOWN
"""


def test_the_fields_of_today_are_read() -> None:
    found = parse_metadata(MODERN)

    assert (found.name, found.project, found.version) == ("Acme.Core", "acme-core", "1.0")
    assert found.metadata_version == "2.4"
    assert found.summary == "what it does"
    assert found.license_files == ("LICENSE", "NOTICE")
    assert found.license_expression == "MIT"
    assert found.project_urls == ("Home, https://acme.example/", "Docs, https://docs.acme.example/")
    assert found.classifiers == ("A :: B", "C")
    assert found.requires_python == ">=3.9"
    assert found.requires_dist == ("six>=1.0", 'tomli; python_version < "3.11"')
    assert found.provides_extra == ("test",)
    assert found.dynamic == ("version",)
    assert found.import_names == ("acme",)
    assert found.description == "# Acme\n\nText: not a field\n"


def test_the_parser_of_packaging_reads_the_same() -> None:
    raw, _ = parse_email(MODERN)

    found = parse_metadata(MODERN)

    assert found.requires_dist == tuple(raw["requires_dist"])
    assert found.classifiers == tuple(raw["classifiers"])
    assert found.description == raw["description"]
    assert found.author_email == raw["author_email"]


def test_unknown_is_nothing() -> None:
    found = parse_metadata(ANCIENT)

    assert found.summary is None
    assert found.home_page is None
    assert found.platforms == ()


def test_long_fields_of_distutils_lose_their_indentation() -> None:
    license_text = b"License: one\n        two\n          three\n"
    description = b"Description: a\n       |b\n        \n\tc\n"

    found = parse_metadata(b"Name: foo\nVersion: 1\n" + license_text + description)

    assert found.license == "one\ntwo\n  three"
    assert found.description == "a\nb\n\nc"


def test_folded_fields_are_one_line() -> None:
    found = parse_metadata(b"Name: foo\nVersion: 1\nKeywords: a\n  b\nRequires-Dist: six\n (>=1)\n")

    assert found.keywords == "a b"
    assert found.requires_dist == ("six (>=1)",)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_will_do(end: bytes) -> None:
    found = parse_metadata(end.join([b"Name: foo", b"Version: 1", b"Summary: x", b"", b"body"]))

    assert (found.version, found.summary, found.description) == ("1", "x", "body")


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("José".encode(), "José"),
        ("José".encode("latin-1"), "José"),
        (b"a\xff\xfeb", "aÿþb"),
        ("a\u2028b".encode(), "a\u2028b"),
        (b"a\x0bb", "a\x0bb"),
        (b"a\x00b", "a\x00b"),
    ],
)
def test_any_encoding_is_read_as_well_as_can_be(author: bytes, expected: str) -> None:
    found = parse_metadata(b"Name: foo\nVersion: 1\nAuthor: " + author + b"\n")

    assert found.author == expected


def test_a_byte_order_mark_is_no_part_of_the_first_field() -> None:
    assert parse_metadata(b"\xef\xbb\xbfName: foo\nVersion: 1\n").name == "foo"


def test_names_of_fields_have_no_case_and_unknown_ones_are_passed_over() -> None:
    found = parse_metadata(b"NAME: foo\nversion: 1\nX-Future-Field: yes\nsUMMARY: x\n")

    assert (found.name, found.summary) == ("foo", "x")


def test_a_single_field_given_twice_counts_once() -> None:
    assert parse_metadata(b"Name: foo\nVersion: 1\nSummary: a\nSummary: b\n").summary == "a"


def test_what_follows_a_line_that_is_no_field_is_no_field() -> None:
    body = b"Name: foo\nVersion: 1\nthis is no field\nRequires-Dist: hidden\n"

    assert parse_metadata(body).requires_dist == ()
    assert BytesParser().parsebytes(body).get_all("Requires-Dist") is None


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.99"])
def test_every_version_up_to_2_x_is_read(version: str) -> None:
    body = f"Metadata-Version: {version}\nName: foo\nVersion: 1\n".encode()

    assert parse_metadata(body).metadata_version == version


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "names no project"),
        (b"\n\nName: foo\nVersion: 1\n", "names no project"),
        (b"Version: 1\n", "names no project"),
        (b"Name: \nVersion: 1\n", "names no project"),
        (b"Name: ../x\nVersion: 1\n", "no valid project"),
        (b"Name: foo\n", "names no version"),
        (b"Name: foo\n\nVersion: 1\n", "names no version"),
        (b"Metadata-Version: 3.0\nName: foo\nVersion: 1\n", "newer than 2.x"),
        ("Name: foo\nVersion: 1\n".encode("utf-16"), "names no project"),
    ],
)
def test_metadata_that_says_too_little_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BadMetadata, match=reason):
        parse_metadata(body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">=3.9", ">=3.9"),
        (" >=3.6, !=3.7.* ", ">=3.6, !=3.7.*"),
        (">=3.6,", ">=3.6"),
        (">=2.7.*", None),
        ("UNKNOWN", None),
        ("3.9", None),
        ("", None),
        (None, None),
        ("<script>", None),
    ],
)
def test_a_requires_python_that_clients_choke_on_is_dropped(text: str | None, expected: str | None) -> None:
    assert clean_requires_python(text) == expected


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for prefix in (b"", b"Name: foo\nVersion: 1\n", b"Name: foo\nVersion: 1\nRequires-Python: "):
        with suppress(BadMetadata):
            assert parse_metadata(prefix + body).name


@given(st.text(alphabet="aA:- \t\r\n|<>=.", max_size=60))
def test_fields_are_the_ones_that_the_email_parser_of_pip_sees(text: str) -> None:
    body = b"Name: foo\nVersion: 1\n" + text.encode() + b"\nRequires-Dist: last\n"

    seen = BytesParser().parsebytes(body).get_all("Requires-Dist") is not None

    assert bool(parse_metadata(body).requires_dist) == seen


def test_dependencies_are_what_the_whole_metadata_says() -> None:
    body = (
        b"Metadata-Version: 2.2\r\nName: a\r\nVersion: 1\r\nDynamic: Requires-Dist\r\n"
        b"Requires-Dist: b>=1;\r\n  python_version < '3.9'\r\nRequires-Dist: UNKNOWN\r\nrequires-dist: c\r\n"
        b"\r\nRequires-Dist: not-a-field\r\n"
    )

    said, whole = parse_dependencies(body), parse_metadata(body)

    assert said.requires_dist == whole.requires_dist == ("b>=1; python_version < '3.9'", "c")
    assert (said.metadata_version, said.dynamic) == (whole.metadata_version, whole.dynamic)


@pytest.mark.parametrize("text", [">=3.{}", "<{}", "==3.{}.*", ">=3.8,!=3.{}", "==={}", "~=3.{}"])
def test_a_python_that_int_refuses_is_none(text: str) -> None:
    assert clean_requires_python(text.format("9" * 5000)) is None
    assert clean_requires_python(text.format("9" * 300)) is None


def test_a_python_of_thousands_of_clauses_is_none() -> None:
    assert clean_requires_python(">=3.8" + ",!=3.9.1" * 1000) is None

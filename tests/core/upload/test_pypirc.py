"""`.pypirc`, as twine and others write and read it."""

from __future__ import annotations

import pytest

from pypitool.core.upload.pypirc import BadPypirc, Section, parse_pypirc

WHOLE = """\
[distutils]
index-servers =
    house
    pypi

; people comment
[house]
repository = https://pypi.acme.example/legacy/
username = deploy
password = 100%% s3cret; not a comment
ca_cert = ~/acme.pem

[pypi]
username = __token__
password = pypi-abc
"""


def by_name(text: str) -> dict[str, Section]:
    return {section.name: section for section in parse_pypirc(text)}


def test_sections_are_read() -> None:
    sections = by_name(WHOLE)

    assert sections["house"] == Section(
        "house",
        "https://pypi.acme.example/legacy/",
        "deploy",
        "100%% s3cret; not a comment",
        ca_cert="~/acme.pem",
    )
    assert sections["pypi"] == Section("pypi", None, "__token__", "pypi-abc")


def test_the_public_indexes_are_known_without_being_written_down() -> None:
    assert list(by_name("")) == ["pypi", "testpypi"]


def test_a_section_with_an_address_counts_without_being_listed() -> None:
    assert "house" in by_name("[house]\nrepository = http://h/\n")


def test_a_section_without_an_address_is_no_index() -> None:
    assert list(by_name("[distutils]\nindex-servers = gone\n[gone]\nusername = ann\n")) == [
        "pypi",
        "testpypi",
    ]


def test_server_login_counts_where_a_section_says_nothing() -> None:
    text = "[server-login]\nusername = ann\npassword = one\n[house]\nrepository = http://h/\nusername = bob\n"

    house = by_name(text)["house"]

    assert (house.username, house.password) == ("bob", "one")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("username = secret\n[a]\n", "line 1 stands before any [section]"),
        ("[a]\nsecret\n", "line 2 is no `key = value`"),
        ("[a]\nb = secret\nb = secret\n", "line 3 says again what was said before"),
    ],
)
def test_a_fault_is_told_by_its_line_and_never_repeats_it(text: str, reason: str) -> None:
    with pytest.raises(BadPypirc) as refused:
        parse_pypirc(text, "~/.pypirc")

    assert str(refused.value) == f"~/.pypirc cannot be read: {reason}"
    assert "secret" not in str(refused.value)


def test_a_password_is_never_shown() -> None:
    assert "s3cret" not in repr(parse_pypirc(WHOLE))

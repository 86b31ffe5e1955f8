"""Names: one project has many spellings and one name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import NormalizedName

from pypitool.core.names import InvalidName, is_valid_name, matches, normalize
from pypitool.core.text import printable

VALID = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True)


@pytest.mark.parametrize("spelling", ["FooBar", "foobar", "FOOBAR"])
def test_letter_case_does_not_matter(spelling: str) -> None:
    assert normalize(spelling) == "foobar"


@pytest.mark.parametrize("spelling", ["Foo.Bar", "foo_bar", "Foo-Bar", "foo--_.bar"])
def test_runs_of_separators_are_one_dash(spelling: str) -> None:
    assert normalize(spelling) == "foo-bar"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "-a",
        "a-",
        "a_",
        ".a",
        "a b",
        "a\n",
        "a\x00",
        "naïve",
        "\u212aelvin",
        "../a",
        "a/b",
        "a" + "\r\n",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    assert not is_valid_name(text)
    with pytest.raises(InvalidName, match="not a valid project name"):
        normalize(text)


@given(VALID)
def test_normalising_agrees_with_the_words_of_pep_503(name: str) -> None:
    expected = re.sub(r"[-_.]+", "-", name).lower()

    assert normalize(name) == expected
    assert normalize(normalize(name)) == expected


@given(st.text())
def test_any_text_is_a_name_or_refused_with_a_printable_sentence(text: str) -> None:
    if not is_valid_name(text):
        assert str(InvalidName(text)).isprintable()


@pytest.mark.parametrize(
    ("name", "globs", "expected"),
    [
        ("acme-core", ["acme-*"], True),
        ("acme-core", ["Acme_*"], True),
        ("acme-core", ["acme.core"], True),
        ("acme", ["acme-*"], False),
        ("acme", ["acme*"], True),
        ("other", ["acme-*", "oth?r"], True),
        ("ab", ["[a]b"], False),
        ("acme", [], False),
        ("acme", [" acme "], True),
    ],
)
def test_globs_know_star_and_question_mark_and_are_normalised(
    name: str, globs: list[str], expected: bool
) -> None:
    assert matches(NormalizedName(name), globs) is expected


def test_a_long_text_is_cut_in_messages() -> None:
    assert len(printable("x" * 100_000)) < 200

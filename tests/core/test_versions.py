"""Versions: PEP 440 decides the order, and what it refuses stands below."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypitool.core.versions import canonical, is_final, latest, parsed, printed, sort_key, sort_keys

IN_ORDER = [
    "0-custom",
    "1.0-custom",
    "1.0-custom-2",
    "1.0-custom-10",
    "1.0.dev1",
    "1.0a1",
    "1.0rc1",
    "1.0",
    "1.0+local.1",
    "1.0.post1",
    "1.2",
    "1.10",
    "1!0.1",
]


@given(st.permutations(IN_ORDER))
def test_versions_sort_as_pep_440_says_and_older_texts_below(versions: list[str]) -> None:
    assert sorted(versions, key=sort_key) == IN_ORDER


def test_each_distinct_version_has_one_key() -> None:
    keys = sort_keys(["1.0", "1.0", "2.0"])

    assert set(keys) == {"1.0", "2.0"}
    assert keys["1.0"] < keys["2.0"]


@pytest.mark.parametrize(
    ("versions", "yanked", "expected"),
    [
        (["1.0", "1.10", "1.2"], set(), "1.10"),
        (["1.0", "2.0rc1"], set(), "1.0"),
        (["1.0", "2.0"], {"2.0"}, "1.0"),
        (["2.0rc1", "1.0"], {"1.0"}, "2.0rc1"),
        (["1.0", "2.0"], {"1.0", "2.0"}, "2.0"),
        (["1.0rc1", "9-custom"], set(), "1.0rc1"),
        (["9-custom"], set(), "9-custom"),
        (["1.0", "1.0.dev1"], set(), "1.0"),
        ([], set(), None),
    ],
)
def test_the_latest_is_not_yanked_then_final_then_highest(
    versions: list[str], yanked: set[str], expected: str | None
) -> None:
    assert latest(versions, yanked) == expected


@pytest.mark.parametrize("text", ["1.0", "1.0.0", "v1", "1", "01.0"])
def test_equal_versions_have_one_canonical_text(text: str) -> None:
    assert canonical(text) == "1"


def test_what_pep_440_refuses_keeps_its_text() -> None:
    assert parsed("1.0-custom") is None
    assert printed("1.0-Custom") == "1.0-Custom"
    assert canonical("1.0-Custom") == "1.0-custom"
    assert not is_final("1.0-custom")


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_two_texts_have_an_order(one: str, other: str) -> None:
    assert (sort_key(one) <= sort_key(other)) or (sort_key(other) <= sort_key(one))


@pytest.mark.parametrize("text", ["{}", "1.{}", "{}!1", "1.0+{}", "1.0rc{}", "1.0.dev{}"])
def test_a_version_of_thousands_of_digits_is_none_and_has_its_place(text: str) -> None:
    version = text.format("9" * 5000)

    assert parsed(version) is None
    assert printed(version) == canonical(version) == version
    assert sort_key(version) < sort_key("0")
    assert latest([version, "1.0a1"]) == "1.0a1"

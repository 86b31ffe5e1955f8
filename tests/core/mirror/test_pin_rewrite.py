from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.pin_rewrite import AddedPin, NewPin, rewrite_pins

PINS = {canonicalize_name("Foo.Bar"): NewPin(Version("1.0"), "1.1", ["bb", "aa"])}


def rewritten(text: str) -> str:
    return rewrite_pins(text, PINS).text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("foo-bar==1.0\n", "foo-bar==1.1\n"),
        ("Foo_Bar == 1.0.0  # keep\n", "Foo_Bar == 1.1  # keep\n"),
        (
            'foo.bar[x, y]==1.0 ; python_version < "3.9"\r\n',
            'foo.bar[x, y]==1.1 ; python_version < "3.9"\r\n',
        ),
        ("foo-bar===1.0", "foo-bar===1.1"),
        ("foo-bar==1.0 --hash=sha256:00\n", "foo-bar==1.1 --hash=sha256:aa --hash=sha256:bb\n"),
        (
            "foo-bar==1.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n    # via x\n",
            "foo-bar==1.1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via x\n",
        ),
        (
            "foo-bar==1.0 \\\n    --hash=sha256:00\nb==1.0\n",
            "foo-bar==1.1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nb==1.0\n",
        ),
        (
            "foo-bar==1.0 --hash='sha256:00' --hash=\"SHA256:11\"\n",
            "foo-bar==1.1 --hash=sha256:aa --hash=sha256:bb\n",
        ),
    ],
    ids=["plain", "spelling", "marker", "arbitrary", "hash", "hashes", "one-hash", "quoted"],
)
def test_only_the_version_and_its_hashes_change(before: str, after: str) -> None:
    assert rewritten(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "foo-bar>=1.0\n",
        "foo-bar==1.*\n",
        "foo-bar==0.9\n",
        "foo-bar-baz==1.0\n",
        "# foo-bar==1.0\n",
        "-r foo-bar==1.0\n",
        "",
    ],
)
def test_every_other_line_stays(text: str) -> None:
    assert rewritten(text) == text


@pytest.mark.parametrize("end", ["\r", "\x0c", "\x85", "\u2028"])
def test_what_is_added_takes_no_line_away_whatever_ends_lines(end: str) -> None:
    """A line that was put at the end of a comment was a pin less, and the rest was proven without it."""
    added = [AddedPin(canonicalize_name("z"), "9", frozenset(PINS))]

    text = rewrite_pins(f"foo-bar==1.0{end}b==1.0\n", PINS, added).text

    assert text.splitlines() == ["foo-bar==1.1", "z==9  # needed by foo-bar", "b==1.0"]


def test_a_backslash_at_the_end_of_the_file_joins_nothing_with_what_is_added() -> None:
    added = [AddedPin(canonicalize_name("z"), "9", frozenset(PINS))]

    assert rewrite_pins("foo-bar==1.0 \\", PINS, added).text.splitlines() == [
        "foo-bar==1.1 ",
        "z==9  # needed by foo-bar",
    ]


def test_a_hash_in_a_comment_stays() -> None:
    assert rewritten("foo-bar==1.0 # --hash=sha256:00\n") == "foo-bar==1.1 # --hash=sha256:00\n"


def test_the_changed_projects_are_named() -> None:
    assert rewrite_pins("foo.bar==1.0\nother==1.0\n", PINS).projects == {"foo-bar"}


def added(
    name: str, *needed_by: str, marker: str | None = None, sha256: tuple[str, ...] = ("22", "11")
) -> AddedPin:
    return AddedPin(
        canonicalize_name(name), "2.0", frozenset(map(canonicalize_name, needed_by)), marker, sha256
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("foo-bar==1.0\nlast==1\n", "foo-bar==1.1\nnew==2.0  # needed by foo-bar\nlast==1\n"),
        ("foo-bar==1.0", "foo-bar==1.1\nnew==2.0  # needed by foo-bar"),
        ("foo-bar==1.0\r\n", "foo-bar==1.1\r\nnew==2.0  # needed by foo-bar\r\n"),
        (
            "foo-bar==1.0\n    # via x\n    # and y\n# the rest\nlast==1\n",
            "foo-bar==1.1\n    # via x\n    # and y\nnew==2.0  # needed by foo-bar\n# the rest\nlast==1\n",
        ),
        (
            "foo-bar==1.0 \\\n    --hash=sha256:00\n    # via x\n",
            "foo-bar==1.1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via x\n"
            "new==2.0 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22  # needed by foo-bar\n",
        ),
        (
            "other==1 --hash=sha256:00\nfoo-bar==1.0\n",
            "other==1 --hash=sha256:00\nfoo-bar==1.1\n"
            "new==2.0 --hash=sha256:11 --hash=sha256:22  # needed by foo-bar\n",
        ),
    ],
    ids=["middle", "no-line-end", "crlf", "comments", "hashes", "hashes-of-others"],
)
def test_what_a_new_release_needs_stands_below_its_pin(before: str, after: str) -> None:
    answer = rewrite_pins(before, PINS, [added("new", "foo-bar")])

    assert answer.text == after
    assert set(answer.projects) == {"foo-bar"}
    assert set(answer.added) == {"new"}


def test_a_marker_stands_between_the_version_and_the_reason() -> None:
    answer = rewrite_pins("foo-bar==1.0\n", PINS, [added("w", "foo-bar", marker="os_name == 'nt'")])

    assert answer.text == "foo-bar==1.1\nw==2.0 ; os_name == 'nt'  # needed by foo-bar\n"


def test_what_two_releases_need_stands_once_below_the_first_and_is_followed_by_its_own_needs() -> None:
    needs = [added("deeper", "deep"), added("deep", "new", "last"), added("new", "last", "foo-bar")]

    answer = rewrite_pins("foo-bar==1.0\nlast==1\n", PINS, needs)

    assert answer.text.splitlines() == [
        "foo-bar==1.1",
        "new==2.0  # needed by foo-bar",
        "deep==2.0  # needed by new",
        "deeper==2.0  # needed by deep",
        "last==1",
    ]


def test_what_no_pin_of_the_file_needs_is_not_added() -> None:
    answer = rewrite_pins("foo-bar==1.0\n", PINS, [added("new", "elsewhere")])

    assert (answer.text, answer.added) == ("foo-bar==1.1\n", frozenset())

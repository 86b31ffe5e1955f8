from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.pin_rewrite import NewPin, rewrite_pins

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
    ],
    ids=["plain", "spelling", "marker", "arbitrary", "hash", "hashes", "one-hash"],
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


def test_a_hash_in_a_comment_stays() -> None:
    assert rewritten("foo-bar==1.0 # --hash=sha256:00\n") == "foo-bar==1.1 # --hash=sha256:00\n"


def test_the_changed_projects_are_named() -> None:
    assert rewrite_pins("foo.bar==1.0\nother==1.0\n", PINS).projects == {"foo-bar"}

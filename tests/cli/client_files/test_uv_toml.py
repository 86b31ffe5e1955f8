"""One index of a `uv.toml`: put where it belongs, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest

from pypitool.cli.client_files.ini import CannotEdit, Difference
from pypitool.cli.client_files.uv_toml import edit_uv_toml

VALUES: dict[str, Any] = {"name": "acme", "url": "https://h/simple/", "default": True}
UV_TOML = """\
# of the whole team
offline = false

[[index]] # the one before
name = "other"
url = "https://other.example/simple/"  # far away
default = true

[[index]]
# ours
name = "acme"
url = "https://old.example/simple/"

[pip]
no-build = true
"""


def test_an_index_is_changed_where_it_stands_and_no_other_stays_the_default() -> None:
    edited = edit_uv_toml(UV_TOML, "acme", VALUES)

    assert edited.text == (
        UV_TOML.replace("default = true", "default = false").replace(
            'url = "https://old.example/simple/"\n', 'url = "https://h/simple/"\ndefault = true\n'
        )
    )
    assert edited.differences == (
        Difference("index `other`.default", "true", "false"),
        Difference("index.url", "https://old.example/simple/", "https://h/simple/"),
    )


def test_what_is_there_already_changes_nothing() -> None:
    text = edit_uv_toml("", "acme", VALUES).text.rstrip("\n")

    again = edit_uv_toml(text, "acme", VALUES)

    assert (again.text, again.differences) == (text, ())


@pytest.mark.parametrize(("text", "before"), [("", ""), ("offline = true\n", "offline = true\n\n")])
def test_a_new_index_goes_to_the_end(text: str, before: str) -> None:
    assert edit_uv_toml(text, "acme", VALUES).text == (
        f'{before}[[index]]\nname = "acme"\nurl = "https://h/simple/"\ndefault = true\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        'index = [{ name = "acme", url = "https://old.example/" }]\n',
        "index = 1\n",
        "no toml",
        '[[index]]\nname = "acme"\nurl = """\nhttps://old.example/"""\n',
    ],
    ids=["on one line", "no tables", "no TOML", "several lines"],
)
def test_a_file_that_is_not_understood_is_not_touched(text: str) -> None:
    with pytest.raises(CannotEdit):
        edit_uv_toml(text, "acme", VALUES)

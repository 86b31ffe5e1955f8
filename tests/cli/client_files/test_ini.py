"""Single values of an INI file: changed where they stand, and nothing else."""

from __future__ import annotations

import pytest

from pypitool.cli.client_files.ini import CannotEdit, Difference, Edited, Wanted, edit_ini

PIP_CONF = """\
# of the whole team
[global]
timeout = 60
index_url: http://old.example/simple/
trusted-host =
    one.example
    # the other one
    two.example

[install]
; keep this
no-binary = :none:
"""


def dashed(key: str) -> str:
    return key.lower().replace("_", "-")


def pip(text: str, url: str = "http://new.example/simple/", host: str = "new.example") -> Edited:
    return edit_ini(text, [Wanted("global", {"index-url": url}, {"trusted-host": host})], dashed)


def test_a_value_is_replaced_where_it_stands_and_a_list_gets_one_more() -> None:
    edited = pip(PIP_CONF)

    assert edited.text == PIP_CONF.replace(
        "index_url: http://old.example/simple/", "index_url = http://new.example/simple/"
    ).replace("    two.example\n", "    two.example\n    new.example\n")
    assert edited.differences == (
        Difference("index-url", "http://old.example/simple/", "http://new.example/simple/"),
    )


def test_what_is_there_already_changes_nothing() -> None:
    text = PIP_CONF.rstrip("\n")

    assert pip(text, "http://old.example/simple/", "two.example") == Edited(text)


def test_a_missing_key_goes_to_the_end_of_its_section() -> None:
    text = "[global]\ntimeout = 60\n\n# about installing\n[install]\nno-binary = :none:\n"

    assert pip(text).text == (
        "[global]\ntimeout = 60\nindex-url = http://new.example/simple/\ntrusted-host = new.example\n"
        "\n# about installing\n[install]\nno-binary = :none:\n"
    )


@pytest.mark.parametrize(
    ("text", "before"),
    [("", ""), ("[install]\na = b\n", "[install]\na = b\n\n"), ("# nothing yet", "# nothing yet\n\n")],
)
def test_a_missing_section_is_added(text: str, before: str) -> None:
    assert pip(text).text == (
        f"{before}[global]\nindex-url = http://new.example/simple/\ntrusted-host = new.example\n"
    )


def test_line_ends_stay_what_they_are() -> None:
    assert pip(PIP_CONF.replace("\n", "\r\n")).text == pip(PIP_CONF).text.replace("\n", "\r\n")


@pytest.mark.parametrize(
    "text", ["index-url = 1\n[global]\n", "[global]\n[global]\n", "[global]\nindex-url = 1\nindex-url = 2\n"]
)
def test_a_file_that_nobody_can_read_is_not_touched(text: str) -> None:
    with pytest.raises(CannotEdit, match=r"line \d cannot be read"):
        pip(text)


def test_a_file_that_is_written_in_an_odd_way_is_not_touched() -> None:
    # configparser takes an indented key for one when nothing stands before it.
    with pytest.raises(CannotEdit):
        pip("[global]\n  index-url = http://old.example/\n")

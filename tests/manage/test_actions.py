"""The rows of the table: what one is told is what its method takes, and each has an address of its own."""

from __future__ import annotations

import re
from inspect import Parameter, signature
from itertools import chain
from pathlib import Path

import pytest

from pypitool.core.rights.right import Right
from pypitool.manage.action import Action
from pypitool.manage.actions import ACTIONS

JSON = Path(__file__).parents[2] / "docs" / "json.md"
ROWS = [pytest.param(row, id=f"{row.method} {row.address}") for row in chain(*ACTIONS.values())]


def words_of(action: Action) -> set[str]:
    return set(re.findall(r"<(?:\w+:)?(\w+)>", action.address))


@pytest.mark.parametrize("action", ROWS)
def test_a_row_tells_a_method_what_it_takes(action: Action) -> None:
    _, *taken = signature(action.run).parameters.values()

    needed = {one.name for one in taken if one.default is Parameter.empty}
    assert needed == words_of(action) | {one.parameter for one in action.fields if one.is_needed}
    assert {one.name for one in taken} == words_of(action) | {one.parameter for one in action.fields}


@pytest.mark.parametrize("action", ROWS)
def test_a_right_is_one_on_the_project_of_the_address(action: Action) -> None:
    assert isinstance(action.who, Right) == action.address.startswith("projects/<name>")


@pytest.mark.parametrize("action", ROWS)
def test_the_documents_have_the_request(action: Action) -> None:
    # `users/<path:name>` is `users/N` there, `projects/<name>/<version>` is `projects/P/V`.
    letters = {"name": "N" if "users" in action.address else "P", "version": "V", "word": "ID", "number": "R"}
    address = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: letters[found[1]], action.address)
    names = [one.name for one in action.fields]
    query = "?" + "&".join(f"{name}=" for name in names) if names and action.method == "GET" else ""
    body = " `{" + ", ".join(f'"{name}"' for name in names) + "}`" if names and not query else ""

    assert f"`{action.method} {address}{query}`{body}" in JSON.read_text(encoding="utf-8")


def test_every_address_is_there_once_for_each_method() -> None:
    rows = [(row.method, row.address) for row in chain(*ACTIONS.values())]

    assert sorted(set(rows)) == sorted(rows)


def test_a_method_has_one_row_by_which_the_client_finds_it() -> None:
    methods = [row.run for row in chain(*ACTIONS.values())]

    assert len(set(methods)) == len(methods)

"""The files of the house: nothing in them is long, and names tell files and classes apart."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable

from tests.support.imports import PACKAGES, modules, tree_of

# Lines: more than that is two ideas.
LONGEST_FILE = 400
LONGEST_FUNCTION = 45

# File names that say the same in every room.
IN_ANY_ROOM = {
    "__init__.py": "the sentence of a room",
    "__main__.py": "what `python -m` runs",
}
COMMAND = "a command, and what it runs"
# File name -> why it may stand twice. Nothing stands three times.
IN_TWO_ROOMS = {
    "audit.py": COMMAND,
    "backup.py": COMMAND,
    "bundle.py": COMMAND,
    "client_config.py": COMMAND,
    "errors.py": "of everything, and of the catalogue",
    "legacy_json.py": "what an address answers, and who writes it",
    "prune.py": COMMAND,
    "runs.py": COMMAND,
    "schedule.py": COMMAND,
    "serve.py": COMMAND,
    "state.py": COMMAND,
    "sync.py": COMMAND,
    "tls.py": "as a client, and as a server",
    "tokens.py": "what a token is, and how one is made",
    "update.py": COMMAND,
    "upload.py": "what sends a file, and what receives it",
    "verify.py": COMMAND,
}

MODULES = [(name, path) for package in PACKAGES for name, path in modules(package)]


def test_no_file_is_long() -> None:
    assert [name for name, path in MODULES if path.read_text().count("\n") > LONGEST_FILE] == []


def test_no_function_is_long() -> None:
    functions = [
        (name, node)
        for name, path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]

    assert not [
        f"{name}.{node.name}"
        for name, node in functions
        if node.end_lineno is not None and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]


def test_no_file_name_stands_three_times() -> None:
    places = grouped((path.name, name) for name, path in MODULES if path.name not in IN_ANY_ROOM)

    assert {name for name, found in places.items() if len(found) > 2} == set()


def test_a_file_name_stands_twice_only_where_the_rooms_make_it_plain() -> None:
    places = grouped((path.name, name) for name, path in MODULES if path.name not in IN_ANY_ROOM)

    assert {name for name, found in places.items() if len(found) == 2} == set(IN_TWO_ROOMS)


def test_no_two_classes_have_one_public_name() -> None:
    places = grouped(
        (node.name, name)
        for name, path in MODULES
        for node in tree_of(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )

    assert {name for name, found in places.items() if len(found) > 1} == set()


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Collect the modules in which each name stands."""
    places: dict[str, list[str]] = defaultdict(list)
    for name, module in pairs:
        places[name].append(module)
    return places

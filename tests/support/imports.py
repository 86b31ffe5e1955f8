"""Read the imports of our modules without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Import package -> its folder in the checkout.
PACKAGES = {"pypitool": ROOT / "pypitool", "pypitool_server": ROOT / "server" / "pypitool_server"}


class Within(Enum):
    """Where in a file an import stands, and so when it is carried out."""

    FILE = "at the start"
    FUNCTION = "when the function is called"
    TYPES = "never: it is there for type checkers"


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module: who imports it, what, on which line, and when."""

    importer: str
    imported: str
    path: Path
    line: int
    source: str  # the module that is named: `imported` may go on with a name in it
    within: Within

    @property
    def library(self) -> str:
        """The top-level package that is imported."""
        return self.imported.partition(".")[0]

    @property
    def module(self) -> str | None:
        """The module of ours that is imported; `imported` may go on with a name in it."""
        return _module_of(self.imported)

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.imported}"


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file of ours, once for all tests."""
    return ast.parse(path.read_text(encoding="utf-8"))


def all_imports() -> list[Import]:
    """Collect every import of every module, those inside functions and for type checkers included."""
    return [
        found for package in PACKAGES for name, path in modules(package) for found in _imports(name, path)
    ]


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """Iterate over the modules of a package: dotted name and path."""
    folder = PACKAGES[package]
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        yield ".".join([package, *(part for part in parts if part != "__init__")]), path


def room_of(module: str) -> str:
    """Name the room of a module: `core`, `server/views`; a file that lies in none is named itself."""
    package, _, rest = module.partition(".")
    room = rest.partition(".")[0]
    return f"server/{room}" if package == "pypitool_server" else room


def in_room(module: str) -> str:
    """Name a module as its room does: `tokens`, `api.tokens`."""
    return ".".join(module.split(".")[2:])


def read_table(text: str) -> dict[str, tuple[str, ...]]:
    """Read lines of `room -> word word`; a line that begins with a space goes on with the one before."""
    rows = (line.partition(" -> ") for line in text.strip().replace("\n ", " ").splitlines())
    return {room.strip(): tuple(words.split()) for room, _, words in rows}


def is_below(module: str, package: str) -> bool:
    """Say whether `module` is `package` or lies in it."""
    return module == package or module.startswith(f"{package}.")


@cache
def _module_of(name: str) -> str | None:
    known = _known_modules()
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name or None


@cache
def _known_modules() -> frozenset[str]:
    return frozenset(name for package in PACKAGES for name, _ in modules(package))


def _imports(importer: str, path: Path) -> Iterator[Import]:
    for node, within in _statements(tree_of(path), Within.FILE):
        for imported, source in _names(node, importer, is_package=path.name == "__init__.py"):
            yield Import(importer, imported, path, node.lineno, source, within)


def _statements(parent: ast.AST, within: Within) -> Iterator[tuple[ast.Import | ast.ImportFrom, Within]]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node, within
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _statements(node, Within.FUNCTION)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from _statements(node, Within.TYPES)
        else:
            yield from _statements(node, within)


def _names(node: ast.Import | ast.ImportFrom, importer: str, *, is_package: bool) -> list[tuple[str, str]]:
    if isinstance(node, ast.Import):
        return [(alias.name, alias.name) for alias in node.names]
    base = _base(node, importer, is_package=is_package)
    # `from pypitool import cli` names a module, `from pypitool.cli import main` perhaps not: both count.
    return [(f"{base}.{alias.name}", base) for alias in node.names]


def _base(node: ast.ImportFrom, importer: str, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = importer.split(".")
    above = parts[: len(parts) - node.level + (1 if is_package else 0)]
    return ".".join([*above, *([node.module] if node.module else [])])

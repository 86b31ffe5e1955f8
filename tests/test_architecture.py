"""The shape of the house: three rings with arrows inward, and what no file may contain."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pypitool.config.toml import parse_toml
from tests.support.imports import PACKAGES, ROOT, Import, all_imports, is_below

OURS = frozenset(PACKAGES)
# Libraries that a whole part is written in, and where that part lies.
WRITTEN_IN = {
    "packaging": ("pypitool", "pypitool_server"),
    "click": ("pypitool.cli", "pypitool.__main__"),
    "flask": ("pypitool_server",),
    "werkzeug": ("pypitool_server",),
    "markupsafe": ("pypitool_server",),
}
# What comes with a library and is never declared on its own, or is called otherwise than its distribution.
COMES_WITH = {
    "passlib": "libpass",
    "werkzeug": "flask",
    "markupsafe": "flask",
    "jinja2": "flask",
    "urllib3": "requests",
}
HEAVY = {
    "apscheduler", "bcrypt", "defusedxml", "flask", "granian", "passlib", "prometheus_client", "pypi_simple",
    "requests", "rich", "sqlite3", "urllib.request", "uv", "watchdog", "werkzeug", "xmlrpc",
}  # fmt: skip


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    return all_imports()


def test_the_core_imports_nothing_but_the_standard_library_and_packaging(imports: list[Import]) -> None:
    allowed = sys.stdlib_module_names | {"packaging"}

    wrong = [
        found
        for found in imports
        if is_below(found.importer, "pypitool.core")
        and found.library not in allowed
        and not is_below(found.imported, "pypitool.core")
    ]

    assert not wrong, lines(wrong)


def test_the_core_touches_no_disk_network_clock_or_environment(imports: list[Import]) -> None:
    effects = (
        "os",
        "socket",
        "subprocess",
        "time",
        "threading",
        "tempfile",
        "sqlite3",
        "urllib.request",
        "shutil",
    )

    wrong = [
        found
        for found in imports
        if is_below(found.importer, "pypitool.core")
        and any(is_below(found.imported, effect) for effect in effects)
        and not is_below(found.imported, "os.path")
    ]

    assert not wrong, lines(wrong)


def test_the_library_imports_neither_the_command_line_nor_the_server(imports: list[Import]) -> None:
    wrong = [
        found
        for found in imports
        if is_below(found.importer, "pypitool")
        and not is_front(found.importer)
        and (is_below(found.imported, "pypitool.cli") or found.library == "pypitool_server")
    ]

    assert not wrong, lines(wrong)


def test_only_serve_imports_the_server(imports: list[Import]) -> None:
    importers = {
        found.importer
        for found in imports
        if found.library == "pypitool_server" and found.importer.startswith("pypitool.")
    }

    assert importers <= {"pypitool.cli.commands.serve"}


def test_the_server_does_not_import_the_command_line(imports: list[Import]) -> None:
    wrong = [
        found
        for found in imports
        if is_below(found.importer, "pypitool_server") and is_below(found.imported, "pypitool.cli")
    ]

    assert not wrong, lines(wrong)


def test_each_library_is_imported_by_one_module(imports: list[Import]) -> None:
    importers: dict[str, set[str]] = defaultdict(set)
    for found in third_party(imports):
        if found.library not in WRITTEN_IN:
            importers[found.library].add(found.importer)

    shared = {library: sorted(names) for library, names in importers.items() if len(names) > 1}

    assert not shared


def test_the_frameworks_stay_in_their_part(imports: list[Import]) -> None:
    wrong = [
        found
        for found in third_party(imports)
        if found.library in WRITTEN_IN
        and not any(is_below(found.importer, part) for part in WRITTEN_IN[found.library])
    ]

    assert not wrong, lines(wrong)


def test_every_library_that_is_imported_is_declared(imports: list[Import]) -> None:
    project = parse_toml((ROOT / "pyproject.toml").read_text())["project"]
    declared = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    distributions = packages_distributions()

    undeclared = {
        found.library
        for found in third_party(imports)
        if not declared & providers(found.library, distributions.get(found.library, []))
    }

    assert not undeclared


def test_the_command_starts_without_importing_anything_heavy() -> None:
    code = "import sys, pypitool.__main__; print(*sys.modules)"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not HEAVY & set(ended.stdout.split())


def test_no_file_spells_out_a_public_registry_or_a_path_of_somebodys_machine() -> None:
    # Put together here, so that this file does not contain them either.
    hosts = [r"pypi\.(?:python\.)?o" + "rg", "python" + "hosted", "npm" + "js", "crates" + r"\.io"]
    homes = ["/wo" + "rk/(?:main|shared)", "/tm" + "p/w/", "/ro" + "ot/"]
    forbidden = re.compile("|".join(hosts + homes), re.IGNORECASE)

    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if forbidden.search(line)
    ]

    assert not found, "\n".join(found)


def is_front(module: str) -> bool:
    """Say whether a module belongs to the command line."""
    return is_below(module, "pypitool.cli") or module == "pypitool.__main__"


def third_party(imports: Iterable[Import]) -> list[Import]:
    """Leave out ourselves and the standard library; tomllib is there from Python 3.11 only."""
    known = sys.stdlib_module_names | OURS | {"tomllib"}
    return [found for found in imports if found.library not in known]


def providers(library: str, distributions: Iterable[str]) -> set[str]:
    """Name the distributions that bring `library`, and those that it comes with."""
    own = {canonicalize_name(name) for name in distributions}
    return own | {canonicalize_name(COMES_WITH.get(library, library))}


def tracked_files() -> list[Path]:
    """Every file under version control; in an unpacked sdist, every file."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = (
        listed.stdout.split("\0")
        if listed.returncode == 0
        else [str(path) for path in ROOT.glob("[!.]*/**/*")]
    )
    return [path for path in (ROOT / name for name in names if name) if path.is_file()]


def lines(found: Iterable[Import]) -> str:
    """Print one import on each line of a failure."""
    return "\n".join(str(one) for one in found)

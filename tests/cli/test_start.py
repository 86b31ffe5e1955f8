"""What a command imports is what its start costs: no test measures seconds on a busy machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

HEAVY = {
    "apscheduler", "bcrypt", "defusedxml", "flask", "granian", "passlib", "prometheus_client", "pypi_simple",
    "requests", "rich", "urllib.request", "watchdog", "werkzeug",
}  # fmt: skip


def imported_by(*words: str) -> set[str]:
    code = (
        "import sys; from pypitool.__main__ import main; "
        "main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return set(ended.stderr.split())


def test_the_version_imports_click_and_nothing_of_ours_that_is_not_the_boundary() -> None:
    found = imported_by("--version")

    assert not found & {*HEAVY, "sqlite3", "packaging", "pypitool.cli.commands.serve", "pypitool.config.keys"}


def test_a_list_imports_what_it_reads_with(packages: Path) -> None:
    imported_by("rescan", "--packages", str(packages))

    assert not imported_by("list", "--packages", str(packages)) & HEAVY


def test_the_configuration_is_shown_without_opening_anything() -> None:
    assert not imported_by("config", "show") & {*HEAVY, "sqlite3"}


def test_help_of_the_server_does_not_import_the_server() -> None:
    found = imported_by("serve", "--help")

    assert not found & HEAVY
    assert not [name for name in found if name.startswith("pypitool_server")]

"""The documents cannot drift: what exists is documented, and what is documented exists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from pypitool.cli.command import MEANINGS, WithGlobals
from pypitool.cli.root import ALIASES, command_names, root
from pypitool.config.display import example_file
from pypitool.config.keys import Key
from pypitool.config.loader import load_settings
from pypitool.config.settings import every_key, keys, tables
from pypitool.core.documents import project_document, release_document, summary_document
from pypitool.core.errors import EXIT_CODES, EXIT_INTERRUPTED, EXIT_PARTIAL
from pypitool.core.metadata import CoreMetadata
from pypitool.core.names import normalize
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from tests.support.reference import EXAMPLE, REFERENCE, ROOT, VARIABLES, every_command, options, render
from tests.support.wheels import build_wheel

README = (ROOT / "README.md").read_text()
DOCUMENTS = {path.name: path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]}
COMMANDS = dict(every_command())

# Options of other programs that our documents show.
OF_OTHERS = {
    "pip": {"--index-url", "--upgrade", "--force-reinstall"},
    "pipx": {"--force", "--pip-args", "--force-reinstall"},
    "uv": {"--force", "--reinstall"},
    "twine": {"--repository-url"},
    "systemctl": {"--now"},
    "useradd": {"--system", "--home-dir", "--shell"},
    "usermod": {"--append", "--groups"},
    "gunicorn": {"--threads", "--limit-request-line"},
    "devpi-export": {"--serverdir"},
    "devpi-server": {"--export"},
}
# Docker's stand in prose too, and twice in a line.
OF_DOCKER = (
    "build-arg", "cap-add", "cap-drop", "detach", "init", "entrypoint", "name", "no-deps", "restart", "rm",
    "secret", "security-opt", "tmpfs", "user", "wait",
)  # fmt: skip


def test_the_readme_opens_with_the_two_commands() -> None:
    assert re.findall(r"^\$ (make \w+)", README, re.MULTILINE)[:2] == ["make serve", "make test"]
    assert README.index("$ make serve") < 200


def test_the_reference_is_what_the_program_says() -> None:
    assert REFERENCE.read_text() == render(), "write it anew with `python -m tests.support.reference`"


def test_the_example_file_is_what_the_settings_say() -> None:
    assert EXAMPLE.read_text() == example_file(), "write it anew with `python -m tests.support.reference`"


def test_the_example_file_loads_as_the_defaults() -> None:
    assert load_settings({}, {}, EXAMPLE).settings == load_settings({}, {}).settings


@pytest.mark.parametrize("key", every_key(), ids=lambda key: key.path)
def test_every_key_stands_in_the_example_with_a_line_of_why(key: Key) -> None:
    heading = {f"{table.name}.NAME": f"{table.name}.{table.example}" for table in tables()}
    lines = example_table(heading.get(key.section, key.section))
    places = [at for at, line in enumerate(lines) if re.match(rf"#?{key.name} = ", line)]

    assert len(places) == 1
    assert lines[places[0] - 1].startswith("# ")


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_its_options_stand_in_the_reference(path: str) -> None:
    page = section(f"### pypitool {path}")

    flags = {flag for _, flags, _ in options(COMMANDS[path]) for flag in words_of(flags)}
    assert flags - {flag for _, flags, _ in options(root) for flag in words_of(flags)} <= words_of(page)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_two_examples_that_are_command_lines_of_its_own(path: str) -> None:
    command = COMMANDS[path]

    assert len(command.examples) >= 2
    for line in command.examples:
        assert f"pypitool {path}" in line
        assert not unknown_options(line)


@pytest.mark.parametrize("path", COMMANDS)
def test_the_first_line_of_every_help_is_a_heading(path: str) -> None:
    heading = (COMMANDS[path].help or "").partition("\n")[0]

    assert heading[:1].isupper()
    assert not heading.endswith(".")
    assert len(heading) <= 70


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_lists_its_exit_codes(path: str) -> None:
    command = COMMANDS[path]
    text = command.get_help(click.Context(command, info_name=f"pypitool {path}"))

    assert "Exit status:" in text
    assert set(command.exits) <= set(MEANINGS)
    assert "Another server:" not in text or {4, 7} <= set(command.exits)


@pytest.mark.parametrize("key", every_key(), ids=lambda key: key.path)
def test_every_key_stands_in_the_reference_with_its_variable(key: Key) -> None:
    page = section(f"### [{key.section}]")

    rows = [line for line in page.splitlines() if line.startswith(f"| `{key.name}` |")]

    assert len(rows) == 1
    assert key.variable in rows[0]


def test_every_exit_code_stands_in_the_readme_and_in_the_reference() -> None:
    used = {0, EXIT_PARTIAL, EXIT_INTERRUPTED, *EXIT_CODES.values()}

    assert used <= set(MEANINGS)
    for text in (README, REFERENCE.read_text()):
        rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", text, re.MULTILINE))
        assert rows == {str(code): meaning for code, meaning in MEANINGS.items()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_name_no_variable_that_does_not_exist(name: str) -> None:
    known = {key.variable for key in keys()} | set(VARIABLES)

    assert set(re.findall(r"\bPYPITOOL_[A-Z_]+\b", DOCUMENTS[name])) <= known


def test_the_program_reads_no_variable_that_is_not_documented() -> None:
    known = {key.variable for key in keys()} | set(VARIABLES)
    sources = [*(ROOT / "pypitool").rglob("*.py")]

    read = {found for path in sources for found in re.findall(r"\bPYPITOOL_[A-Z_]+\b", path.read_text())}
    assert {one for one in read if not one.endswith("_")} - {
        "_PYPITOOL_COMPLETE",
        "PYPITOOL_COMPLETE",
    } <= known


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_name_no_command_that_does_not_exist(name: str) -> None:
    for line in command_lines(DOCUMENTS[name]):
        first = next((word for word in line.split()[1:] if not word.startswith("-")), None)
        is_old_form = line.startswith("pypitool -p")
        assert is_old_form or first in {*command_names(), *ALIASES, "COMMAND", None}, line


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_name_no_option_that_does_not_exist(name: str) -> None:
    spelled = re.findall(r"(?<![\w-])--[a-z][a-z-]+", without_other_programs(DOCUMENTS[name]))

    assert set(spelled) <= every_option()


def test_the_fields_of_every_document_are_documented(tmp_path: Path) -> None:
    directory = tmp_path / "packages"
    directory.mkdir()
    build_wheel(directory, "acme", "1.0")
    with Repository.open([directory]) as repository:
        scan_if_alone(repository)
        project = repository.catalogue.project(normalize("acme"))
        assert project is not None
        documents = [
            summary_document(project.name, project.files),
            project_document(project),
            release_document(project, "1.0", CoreMetadata("acme", "1.0")),
        ]

    assert {field for document in documents for field in fields(document)} <= set(
        re.findall(r"[`\"](\w+)[`\"]", DOCUMENTS["json.md"])
    )


def test_links_of_the_documents_lead_somewhere() -> None:
    for name, text in DOCUMENTS.items():
        folder = ROOT if name == "README.md" else ROOT / "docs"
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (folder / target).exists(), f"{name}: {target}"


def fields(document: Any) -> Iterator[str]:
    """Yield the name of every field of a document."""
    if isinstance(document, dict):
        yield from document
    for value in document.values() if isinstance(document, dict) else document or ():
        if isinstance(value, (dict, list)):
            yield from fields(value)


def section(heading: str) -> str:
    """Return the part of the reference under a heading."""
    _, _, rest = REFERENCE.read_text().partition(f"{heading}\n")
    assert rest, heading
    return re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0]


def example_table(heading: str) -> list[str]:
    """Return the lines of one table of the example file."""
    _, _, rest = EXAMPLE.read_text().partition(f"[{heading}]\n")
    assert rest, heading
    return re.split(r"^#?\[", rest, maxsplit=1, flags=re.MULTILINE)[0].splitlines()


def words_of(text: str) -> set[str]:
    """Return everything in a text that looks like an option."""
    return set(re.findall(r"(?<![\w-])--?[A-Za-z][a-z-]*", text))


def every_option() -> set[str]:
    """Return every long option of every command."""
    commands: Iterable[WithGlobals | click.Command] = [root, *COMMANDS.values()]
    return {"--help"} | {
        flag
        for command in commands
        for parameter in command.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
        if flag.startswith("--")
    }


def unknown_options(line: str) -> set[str]:
    """Return the options of a command line that no command has."""
    return {word for word in words_of(line) if word.startswith("--")} - every_option()


def command_lines(text: str) -> list[str]:
    """Return every command line of ours that a document shows."""
    return re.findall(r"(?:^\$ |`)(pypitool [^`\n]+?)(?:`|$)", text, re.MULTILINE)


def without_other_programs(text: str) -> str:
    """Drop the options that belong to programs of others."""
    for program, flags in OF_OTHERS.items():
        for flag in flags:
            text = re.sub(rf"({program} [^\n]*?){flag}(?![\w-])", r"\1", text)
    return re.sub(rf"(?<![\w-])--(?:{'|'.join(OF_DOCKER)})\b(?!-)", "", text)

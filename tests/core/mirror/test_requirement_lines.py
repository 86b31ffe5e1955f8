from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement

from pypitool.core.mirror.requirement_lines import (
    FileOption,
    IgnoredOption,
    Include,
    LineFault,
    LinePosition,
    RequirementLine,
    Statement,
    parse_lines,
    parse_requirement,
)


def parse(text: str, **environ: str) -> list[Statement]:
    return list(parse_lines(text, "r.txt", environ))


def wanted(text: str, **environ: str) -> RequirementLine:
    (statement,) = parse(text, **environ)
    assert isinstance(statement, RequirementLine)
    return statement


def test_a_requirement_keeps_its_line_marker_and_extras() -> None:
    line = wanted('\n\nUvicorn[Standard] == 0.30 ; python_version < "3.13"  # why\n')

    assert str(line.requirement) == 'Uvicorn[Standard]==0.30; python_version < "3.13"'
    assert line.source == LinePosition("r.txt", 3)


def test_hashes_on_continued_lines_belong_to_the_requirement() -> None:
    line = wanted("a==1.0 \\\n    --hash=sha256:AA \\\n    --hash sha512:bb\n")

    assert line.hashes == {"sha256:aa", "sha512:bb"}
    assert line.source.line == 1


def test_windows_line_ends_are_line_ends() -> None:
    first, second = parse("a==1\r\nb==2\r\n")

    assert isinstance(first, RequirementLine)
    assert isinstance(second, RequirementLine)


def test_a_number_sign_without_a_space_before_it_is_no_comment() -> None:
    (statement,) = parse("a==1#b")

    assert isinstance(statement, LineFault)


def test_variables_come_from_the_environment() -> None:
    assert str(wanted("a==${VERSION}", VERSION="2").requirement) == "a==2"


def test_an_unset_variable_is_shown_in_the_fault() -> None:
    (fault,) = parse("a==${VERSION}")

    assert "${VERSION}" in str(fault)


@pytest.mark.parametrize(
    ("line", "path", "constraints"),
    [
        ("-r other.txt", "other.txt", False),
        ("-rother.txt", "other.txt", False),
        ("--requirement=other.txt", "other.txt", False),
        ("--requirement other.txt", "other.txt", False),
        ('-r "with space.txt"', "with space.txt", False),
        ("-c pins.txt", "pins.txt", True),
        ("--constraint pins.txt", "pins.txt", True),
    ],
)
def test_includes_name_their_file(line: str, path: str, constraints: bool) -> None:
    assert parse(line) == [Include(path, constraints, LinePosition("r.txt", 1))]


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("--require-hashes", "require-hashes", ""),
        ("--pre", "pre", ""),
        ("--no-binary=:all:", "no-binary", ":all:"),
        ("--only-binary a,b", "only-binary", "a,b"),
    ],
)
def test_options_of_the_whole_set_are_honoured(line: str, name: str, value: str) -> None:
    assert parse(line) == [FileOption(name, value, LinePosition("r.txt", 1))]


@pytest.mark.parametrize(
    "line",
    [
        "-i https://x/simple",
        "--index-url=https://x",
        "--extra-index-url https://x",
        "-f ./d",
        "--trusted-host x",
        "--no-index",
    ],
)
def test_where_to_look_is_not_the_files_to_say(line: str) -> None:
    (statement,) = parse(line)

    assert isinstance(statement, IgnoredOption)
    assert str(statement).endswith("is ignored; the configuration says where to look")


@pytest.mark.parametrize("line", ["--prefer-binary", "--use-feature fast-deps", "--use-feature=truststore"])
def test_an_option_of_pip_that_means_nothing_here_is_passed_over(line: str) -> None:
    name = line.replace("=", " ").split()[0]

    assert [str(statement) for statement in parse(line)] == [
        f"r.txt:1: {name} is ignored; it means nothing here"
    ]


@pytest.mark.parametrize(
    "options",
    [
        "--config-settings=x=y",
        '--config-settings "--build-option=--with x"',
        "-C a=b --global-option='--a b'",
    ],
)
def test_how_a_requirement_would_be_built_is_passed_over_and_its_hash_is_not(options: str) -> None:
    *ignored, line = parse(f"a==1 {options} --hash=sha256:aa")

    assert all(isinstance(statement, IgnoredOption) for statement in ignored)
    assert isinstance(line, RequirementLine)
    assert str(line.requirement) == "a==1"
    assert line.hashes == {"sha256:aa"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-e .", "editable"),
        ("--editable=./a", "editable"),
        ("git+https://host/a.git", "version control"),
        ("a @ git+https://host/a.git", "version control"),
        ("https://host/a-1.0.tar.gz", "direct addresses"),
        ("a @ https://host/a-1.0.tar.gz", "direct addresses"),
        ("file:///a-1.0.tar.gz", "direct addresses"),
        ("./a", "local files"),
        ("../a-1.0.whl", "local files"),
        ("/srv/a-1.0.tar.gz", "local files"),
        ("C:\\a", "local files"),
        ("a-1.0-py3-none-any.whl", "local files"),
        ("--use-pep517", "--use-pep517 is not supported"),
        ("a==1 --no-deps", "--no-deps is not supported"),
        ("a==1 --hash=md5:aa", "too weak"),
        ("a==1 --hash=sha256:xyz", "not a hash"),
        ("a==1 --hash", "not a hash"),
        ("a=1", "not a requirement"),
        ("a==", "not a requirement"),
        ("-r", "names no file"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_file_and_line(line: str, says: str) -> None:
    (fault,) = parse(f"\n{line}")

    assert isinstance(fault, LineFault)
    assert str(fault).startswith("r.txt:2: ")
    assert says in str(fault)


@given(st.text(max_size=200))
def test_any_text_gives_statements_and_never_an_exception(text: str) -> None:
    for statement in parse(text):
        assert statement.source is not None
        assert statement.source.line >= 1


@pytest.mark.parametrize(
    "text", ["a>={}", "a==1.{}", "a; python_version < '3.{}'", "a[x]!={}.*", "a @ http://h/{}"]
)
def test_a_number_that_only_fails_when_it_is_compared_is_no_requirement(text: str) -> None:
    with pytest.raises(InvalidRequirement):
        parse_requirement(text.format("9" * 5000))


def test_a_requirement_of_megabytes_is_none() -> None:
    with pytest.raises(InvalidRequirement):
        parse_requirement("a>=1," + "!=1.5," * 100_000)


@pytest.mark.parametrize(
    "line",
    ["a==1 --hash={}", "a==1 --hash='{}'", "{}~", "--{}", "a==1 --{}=1", "-r '{}"],
)
def test_a_word_of_megabytes_is_read_at_once_and_not_said_again(line: str) -> None:
    """shlex takes hours for such a word."""
    (statement,) = parse(line.format("x" * 4_000_000))

    assert isinstance(statement, Include) or len(str(statement)) < 600


def test_a_long_line_of_many_hashes_is_read() -> None:
    hashes = [f"sha256:{number:064x}" for number in range(1000)]

    (line,) = parse("a==1" + "".join(f" \\\n    --hash={each}" for each in hashes))

    assert isinstance(line, RequirementLine)
    assert line.hashes == frozenset(hashes)

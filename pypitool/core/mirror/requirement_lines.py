"""The grammar of requirements files: text in, one value for each statement out.

Reading files, following `-r` and `-c` and deciding what to do with a fault is the caller's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from pypitool.core.limits import REQUIREMENT, VERSION
from pypitool.core.text import shortened


@dataclass(frozen=True, slots=True)
class LinePosition:
    """Where a statement stands, as the user named the file; without a line it is the file itself."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class RequirementLine:
    """A requirement with the hashes that limit its files."""

    requirement: Requirement
    hashes: frozenset[str]  # as written: `sha256:…`
    source: LinePosition


@dataclass(frozen=True, slots=True)
class Include:
    """`-r FILE` or `-c FILE`; the path is relative to the including file."""

    path: str
    constraints: bool
    source: LinePosition


@dataclass(frozen=True, slots=True)
class FileOption:
    """An option that concerns the whole set: require-hashes, pre, no-binary, only-binary."""

    name: str
    value: str
    source: LinePosition


@dataclass(frozen=True, slots=True)
class IgnoredOption:
    """An option that is passed over, and why."""

    name: str
    reason: str
    source: LinePosition

    def __str__(self) -> str:
        return f"{self.source}: {self.name} is ignored; {self.reason}"


@dataclass(frozen=True, slots=True)
class LineFault:
    """A line that cannot be honoured, and why."""

    reason: str
    source: LinePosition | None  # None: the reason says where

    def __str__(self) -> str:
        return self.reason if self.source is None else f"{self.source}: {self.reason}"


Statement = RequirementLine | Include | FileOption | IgnoredOption | LineFault

# Blanks are looked at from the first of them alone: from each they would cost the square of their number.
_COMMENT = re.compile(r"(^|(?<!\s)\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_REQUIREMENT_OPTION = re.compile(r"(?<!\s)\s+-{1,2}[A-Za-z]")
_QUOTING = re.compile(r"[\"'\\]")
_SHOWN = 200  # characters of a line in a message: a file may be all one line
_HASH = re.compile(r"(?:sha256|sha384|sha512):[0-9a-f]+\Z")
_WEAK_HASH = re.compile(r"(?:md5|sha1|sha224):[0-9a-f]+\Z")
_LOCAL = re.compile(r"\.{0,2}/|[A-Za-z]:\\|~|.*\.(?:whl|zip|tar\.gz|tgz)\Z")
_VCS = re.compile(r"(?:[\w.+-]+\s*@\s*)?(?:git|hg|svn|bzr)(?:\+|@|://)")
_URL = re.compile(r"[A-Za-z][\w+.-]*://")

_LOOKUP_OPTIONS = frozenset(
    {
        "-i", "--index-url", "--pypi-url", "--extra-index-url", "--no-index", "-f", "--find-links",
        "--trusted-host", "--process-dependency-links",
    }
)  # fmt: skip
# How pip chooses, unpacks and builds: here the configuration chooses, and nothing is built.
_MEANINGLESS = frozenset({"--prefer-binary", "--use-feature", "-Z", "--always-unzip"})
_BUILDING = frozenset({"-C", "--config-settings", "--config-setting", "--global-option", "--install-option"})
_ELSEWHERE, _NOTHING = "the configuration says where to look", "it means nothing here"
_INCLUDES = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
_SWITCHES = frozenset({"--require-hashes", "--pre"})
_FORMATS = frozenset({"--no-binary", "--only-binary"})


def parse_lines(text: str, file: str, environ: Mapping[str, str]) -> Iterator[Statement]:
    """Read the text of a requirements file; a line gives its statement after what is ignored in it."""
    for number, joined in _logical_lines(text):
        line = _expand(_COMMENT.sub("", joined).strip(), environ)
        if line:
            yield from _statements(line, LinePosition(file, number))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.splitlines(), 1):
        if not parts:
            start = number
        # A comment ends a continuation: pip joins `a \` with the next line, but never with `# …`.
        is_comment = _COMMENT.match(line) is not None and not line.strip().startswith("-")
        if line.endswith("\\") and not is_comment:
            parts.append(line[:-1])
            continue
        parts.append(f" {line}" if is_comment else line)
        yield start, "".join(parts)
        parts = []
    if parts:
        yield start, "".join(parts)


def _expand(line: str, environ: Mapping[str, str]) -> str:
    # As pip: an unset variable stays as it stands, so that the fault shows it.
    return _VARIABLE.sub(lambda found: environ.get(found[1]) or found[0], line)


def _statements(line: str, source: LinePosition) -> Iterator[Statement]:
    if line.startswith("-"):
        yield _option(line, source)
    elif (fault := _not_by_name(line)) is not None:
        yield LineFault(fault, source)
    else:
        yield from _requirement(line, source)


def _option(line: str, source: LinePosition) -> Statement:
    name, value = _split_option(line)
    if name in _INCLUDES:
        return (
            Include(value, _INCLUDES[name], source) if value else LineFault(f"{name} names no file", source)
        )
    if name in _SWITCHES or (name in _FORMATS and value):
        return FileOption(name.removeprefix("--"), value, source)
    if name in _LOOKUP_OPTIONS:
        return IgnoredOption(name, _ELSEWHERE, source)
    if name in _MEANINGLESS:
        return IgnoredOption(name, _NOTHING, source)
    if name in {"-e", "--editable"}:
        return LineFault("editable requirements cannot be mirrored; name a released version", source)
    return LineFault(f"option {shortened(name, _SHOWN)} is not supported in a requirements file", source)


def _split_option(line: str) -> tuple[str, str]:
    if line.startswith("--"):
        name, _, value = line.replace("=", " ", 1).partition(" ")
        return name, _unquote(value)
    return line[:2], _unquote(line[2:].lstrip(" ="))


def _unquote(value: str) -> str:
    return " ".join(_words(value))


def _not_by_name(line: str) -> str | None:
    if _VCS.match(line):
        return "version control requirements cannot be mirrored; name a released version"
    if _URL.match(line):
        return "direct addresses are not followed; name the project and its version"
    if _LOCAL.match(line.split(" ")[0]):
        return "local files and directories cannot be mirrored; name the project and its version"
    return None


def _requirement(line: str, source: LinePosition) -> Iterator[Statement]:
    found = _REQUIREMENT_OPTION.search(line)
    text = line[: found.start()].strip() if found else line
    hashes: set[str] = set()
    for name, value in _options_of(line[found.start() :]) if found else ():
        if name in _BUILDING:
            yield IgnoredOption(name, _NOTHING, source)
        elif (fault := _fault_of(name, value)) is not None:
            yield LineFault(fault, source)
            return
        hashes.update({value} if name == "--hash" else ())
    yield _named(text, frozenset(hashes), source)


def _named(text: str, hashes: frozenset[str], source: LinePosition) -> Statement:
    try:
        requirement = parse_requirement(text)
    except InvalidRequirement as error:
        reason = shortened(str(error).splitlines()[0], _SHOWN)
        return LineFault(f"`{shortened(text, _SHOWN)}` is not a requirement: {reason}", source)
    if requirement.url:
        return LineFault("direct addresses are not followed; name the project and its version", source)
    return RequirementLine(requirement, hashes, source)


def parse_requirement(text: str) -> Requirement:
    """Read a requirement (PEP 508), or raise `InvalidRequirement`; and for what fails only later."""
    if len(text) > REQUIREMENT.most or _ABSURD.search(text):
        raise InvalidRequirement("it is absurdly long")
    return Requirement(text)


# A version in it, or in its marker, that int() refuses where it is first compared.
_ABSURD = re.compile(rf"\d{{{VERSION.most}}}")


def _options_of(text: str) -> Iterator[tuple[str, str]]:
    words = iter(_words(text))
    for word in words:
        name, given, value = word.partition("=")
        value = value if given else next(words, "")
        yield name, value.lower() if name == "--hash" else value


def _words(text: str) -> list[str]:
    # Of a long word shlex needs the square; what is longer than any line of ours is not quoted either.
    if len(text) > REQUIREMENT.most or not _QUOTING.search(text):
        return text.split()
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _fault_of(name: str, value: str) -> str | None:
    if name != "--hash":
        return f"option {shortened(name, _SHOWN)} is not supported on a requirement"
    if _WEAK_HASH.match(value):
        return f"{value.partition(':')[0]} is too weak to pin a file; use sha256"
    shown = shortened(value, _SHOWN)
    return None if _HASH.match(value) else f"`{shown}` is not a hash; write --hash=sha256:HEX"

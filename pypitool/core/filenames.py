"""The name of a file: its project, version and kind, and which other names mean the same file.

Names that were made before there was a rule do not say where the project ends and the version begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.model import FileKind
from pypitool.core.names import is_valid_name
from pypitool.core.text import printable
from pypitool.core.versions import canonical, parsed

# The parsers of `packaging` take slashes and characters beyond ASCII: ours looks first.
SIGNATURE = ".asc"  # behind the name of a package file: its signature, beside it
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", re.ASCII)
# As `packaging` does since 26.3: three sets of tags, none empty, and interpreters have a name.
_TAGS = re.compile(r"(?P<python>[a-z_]\w*(\.[a-z_]\w*)*)(-\w+(\.\w+)*){2}", re.ASCII | re.IGNORECASE)
LONGEST_NAME = 200  # bytes; the file system's limit is 255, and `.metadata` or a temporary name must fit too

# Longest first, so that `.tar.gz` is not taken for a `.gz`. Wheels are lower case, the others as they come.
_KINDS = {
    ".tar.bz2": FileKind.LEGACY,
    ".tar.gz": FileKind.SDIST,
    ".tar.xz": FileKind.LEGACY,
    ".tgz": FileKind.LEGACY,
    ".whl": FileKind.WHEEL,
    ".zip": FileKind.SDIST,
    ".egg": FileKind.LEGACY,
    ".exe": FileKind.LEGACY,
    ".msi": FileKind.LEGACY,
}
_PACKAGE_TYPES = {
    ".whl": "bdist_wheel",
    ".egg": "bdist_egg",
    ".exe": "bdist_wininst",
    ".msi": "bdist_msi",
}
# foo-1.0-py2.7-linux-x86_64.egg: the platform follows the interpreter ...
_EGG_TAIL = re.compile(r"-py(?P<python>[0-9](?:\.[0-9]+)?)(?P<platform>-[A-Za-z0-9._-]+)?", re.ASCII)
# ... foo-1.0.win-amd64-py3.2.exe: and here it stands before it. Pure ones name no interpreter.
_INSTALLER_TAIL = re.compile(
    r"(?P<platform>[.-](?:win32|win-[a-z0-9]+|linux-[a-z0-9_]+|macosx-[a-z0-9._-]+))?"
    r"(?:-py(?P<python>[0-9](?:\.[0-9]+)?))?",
    re.ASCII | re.IGNORECASE,
)
_TAILS = {".egg": _EGG_TAIL, ".exe": _INSTALLER_TAIL, ".msi": _INSTALLER_TAIL}


class BadFilename(PypitoolError):
    """A file name that looks like a package's and cannot be one."""

    kind = Kind.INVALID
    filename: str
    reason: str

    def __str__(self) -> str:
        return f"bad filename `{printable(self.filename)}`: {self.reason}"


@dataclass(frozen=True, slots=True)
class Distribution:
    """One distribution file as its name describes it."""

    filename: str
    project: NormalizedName
    version: str  # as packaging prints it; texts that PEP 440 refuses stay as they are
    kind: FileKind
    release_key: str  # equal for every spelling of one release's file
    python_tag: str  # as the legacy API shows it: `source`, `py2.py3`, `2.7`
    parsed_version: Version | None

    @property
    def package_type(self) -> str:
        """The word of the legacy API: `sdist`, `bdist_wheel`, `bdist_egg` and so on."""
        return _PACKAGE_TYPES.get(_extension(self.filename), "sdist")


def is_ignored(filename: str) -> bool:
    """Tell whether a file is simply no package (a README, a signature, a hidden file): no fault at all."""
    extension = _extension(filename)
    if filename.startswith(".") or not extension:
        return True
    # Any program is an .exe: only the installers that distutils made are packages.
    return extension in (".exe", ".msi") and _tail(filename[: -len(extension)], extension) is None


def release_key_of(filename: str) -> str:
    """Return the release key of any name, of one that is none of a package too."""
    try:
        return parse(filename).release_key
    except BadFilename:
        return filename


def parse(filename: str) -> Distribution:
    """Read the name of a distribution file, or raise `BadFilename`."""
    if not _SAFE.fullmatch(filename):
        raise BadFilename(
            filename, "only ASCII letters, digits and `._+!-` may stand in it, a letter or digit first"
        )
    if len(filename) > LONGEST_NAME:
        raise BadFilename(filename, f"it is longer than {LONGEST_NAME} bytes")
    extension = _extension(filename)
    if not extension:
        raise BadFilename(filename, f"it ends in none of {' '.join(sorted(_KINDS))}")
    if extension == ".whl":
        return _parse_wheel(filename)
    if is_ignored(filename):
        raise BadFilename(filename, "it is no installer of distutils (name-version.platform-pyX.Y)")
    return _parse_other(filename, extension)


def _extension(filename: str) -> str:
    lower = filename.lower()
    for extension in _KINDS:
        if lower.endswith(extension):
            return extension if extension != ".whl" or filename.endswith(".whl") else ""
    return ""


def _parse_wheel(filename: str) -> Distribution:
    try:
        project, version, build, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise BadFilename(filename, _fault_of_wheel(filename)) from error
    if not is_valid_name(filename.partition("-")[0]):
        raise BadFilename(filename, "it begins with no valid project name")
    tags = filename[: -len(".whl")].split("-")[-3:]
    if not _TAGS.fullmatch("-".join(tags)):
        raise BadFilename(filename, "its tags are damaged (python-abi-platform)")
    build_tag = "-".join(str(part).lower() for part in build)
    return Distribution(
        filename=filename,
        project=project,
        version=str(version),
        kind=FileKind.WHEEL,
        release_key=f"{project}/{canonical(str(version))}/{build_tag}/{_sorted_tags(tags)}.whl",
        python_tag=tags[0],
        parsed_version=version,
    )


def _fault_of_wheel(filename: str) -> str:
    """Say which part of a name is why it is none of a wheel."""
    pieces = filename[: -len(".whl")].split("-")
    if len(pieces) in (5, 6):
        if parsed(pieces[1]) is None:
            return f"`{printable(pieces[1])}` in it is no version (name-version-python-abi-platform)"
        if len(pieces) == 6 and not pieces[2][:1].isdigit():
            return f"`{printable(pieces[2])}` in it is no build number, which begins with a digit"
    return "it is not a wheel's name (name-version-python-abi-platform)"


def _sorted_tags(tags: list[str]) -> str:
    # `py2.py3` and `py3.py2` mean the same set; multiplying the sets out could make thousands.
    return "-".join(".".join(sorted(set(tag.lower().split(".")))) for tag in tags)


def _parse_other(filename: str, extension: str) -> Distribution:
    stem, python, platform = _without_tail(filename[: -len(extension)], extension)
    split = split_stem(stem)
    if split is None:
        raise BadFilename(filename, "no version stands in it (name-version)")
    name, text = split
    if not is_valid_name(name):
        raise BadFilename(filename, "it begins with no valid project name")
    project, version = canonicalize_name(name), parsed(text)
    return Distribution(
        filename=filename,
        project=project,
        version=text if version is None else str(version),
        kind=_KINDS[extension],
        release_key=f"{project}/{canonical(text)}/{python}/{platform}{extension}".lower(),
        python_tag=python,
        parsed_version=version,
    )


def _without_tail(stem: str, extension: str) -> tuple[str, str, str]:
    """Split off what names the interpreter and the platform, where this kind has that."""
    if extension not in _TAILS:
        return stem, "source", ""
    tail = _tail(stem, extension)
    if tail is None:
        return stem, "any", ""
    return stem[: tail.start()], tail["python"] or "any", (tail["platform"] or "").lstrip(".-")


def _tail(stem: str, extension: str) -> re.Match[str] | None:
    # The longest one: the first separator from which the rest is a tail.
    starts = (found.start() for found in re.finditer(r"[.-]", stem))
    matches = (_TAILS[extension].fullmatch(stem, start) for start in starts)
    return next((found for found in matches if found), None)


# A piece such as `1.0`, `v2.1`, `1!3`: no project's name has one behind a dash, nearly.
_DOTTED = re.compile(r"v?[0-9]+[.!].*", re.IGNORECASE | re.ASCII)
_NUMBERED = re.compile(r"v?[0-9].*", re.IGNORECASE | re.ASCII)


def split_stem(stem: str) -> tuple[str, str] | None:
    """Split `name-version`, or return None where no piece can be a version.

    PEP 625 names hold one dash and are certain. In older ones both halves may hold more:
    `A100-200-XYZ-1.2.3`, `flup-1.0.3.dev-20110405`, `package-1.0.0-alpha.1`, `foo-0.5-acme-1`.
    """
    pieces = stem.split("-")
    dotted = _first(_DOTTED, pieces)
    if dotted is not None and parsed(_from(pieces, dotted)):
        return _split(pieces, dotted)
    last = len(pieces) - 1
    # A last piece without a dot is a version only when no better one stands before it.
    if last and parsed(pieces[last]) and (dotted is None or _DOTTED.fullmatch(pieces[last])):
        return _split(pieces, last)
    numbered = dotted if dotted is not None else _first(_NUMBERED, pieces)
    return None if numbered is None else _split(pieces, numbered)


def _first(pattern: re.Pattern[str], pieces: list[str]) -> int | None:
    found = (number for number, piece in enumerate(pieces) if number and pattern.fullmatch(piece))
    return next(found, None)


def _split(pieces: list[str], at: int) -> tuple[str, str]:
    return "-".join(pieces[:at]), _from(pieces, at)


def _from(pieces: list[str], at: int) -> str:
    return "-".join(pieces[at:])

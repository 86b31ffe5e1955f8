"""The words by which targets are named: versions of Python, platforms, marker variables.

What they mean in tags and markers is `core.mirror.targets`; this much is known without `packaging`, so that a
configuration is read in no time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from pypitool.core.errors import Kind, PypitoolError

KNOWN_PLATFORMS = (
    "manylinux_2_K_ARCH, manylinux2014_ARCH, manylinux2010_ARCH, manylinux1_ARCH, musllinux_1_K_ARCH, "
    "macosx_M_N_arm64, macosx_M_N_x86_64, win_amd64, win32, win_arm64"
)
MARKER_VARIABLES = frozenset(
    {
        "implementation_name",
        "implementation_version",
        "os_name",
        "platform_machine",
        "platform_python_implementation",
        "platform_release",
        "platform_system",
        "platform_version",
        "python_full_version",
        "python_version",
        "sys_platform",
    }
)
_LINUX_MACHINES = frozenset(
    {"x86_64", "i686", "aarch64", "armv7l", "ppc64", "ppc64le", "s390x", "riscv64", "loongarch64"}
)
_PYTHON = re.compile(r"(?:(\d)\.(\d+)(?:\.(\d+))?|(\d)(\d+))(t?)\Z")
# PEP 513, 571 and 599 are aliases of PEP 600 names.
_ALIAS_PREFIXES = {"manylinux2014_": "2_17_", "manylinux2010_": "2_12_", "manylinux1_": "2_5_"}
_MANYLINUX = re.compile(r"manylinux_2_(\d+)_(\w+)\Z")
_MUSLLINUX = re.compile(r"musllinux_1_(\d+)_(\w+)\Z")
_MACOS = re.compile(r"macosx_(\d+)_(\d+)_(arm64|x86_64)\Z")
_WINDOWS = frozenset({"win_amd64", "win32", "win_arm64"})


class UnknownPlatform(PypitoolError):
    """A platform word that is none of the wheel platform tags we know."""

    kind = Kind.USAGE
    sentence = "`{word}` is not a platform"
    hint = f"known platforms: {KNOWN_PLATFORMS}"
    word: str


class UnknownPython(PypitoolError):
    """A Python version or implementation that cannot be read."""

    kind = Kind.USAGE
    sentence = "`{word}` is not a Python version or implementation"
    hint = "write 3.12, 3.12.4, or 3.13t for free-threaded; implementation cp or pp"
    word: str


class System(str, Enum):
    """What kind of machine a platform word describes."""

    GLIBC = "manylinux"
    MUSL = "musllinux"
    MACOS = "macosx"
    WINDOWS = "win"


@dataclass(frozen=True, slots=True)
class PlatformWord:
    """A platform word, taken apart."""

    word: str  # an alias is spelled out
    system: System
    machine: str
    version: tuple[int, int] = (0, 0)  # of the C library, or of macOS

    @classmethod
    def parse(cls, text: str) -> PlatformWord:
        """Read a wheel platform tag as the description of a machine, or raise `UnknownPlatform`."""
        word = _without_alias(text)
        if (found := _MANYLINUX.match(word)) and found[2] in _LINUX_MACHINES:
            return cls(word, System.GLIBC, found[2], (2, int(found[1])))
        if (found := _MUSLLINUX.match(word)) and found[2] in _LINUX_MACHINES:
            return cls(word, System.MUSL, found[2], (1, int(found[1])))
        if found := _MACOS.match(word):
            return cls(word, System.MACOS, found[3], (int(found[1]), int(found[2])))
        if word in _WINDOWS:
            return cls(word, System.WINDOWS, word)
        raise UnknownPlatform(text)


@dataclass(frozen=True, slots=True)
class PythonVersion:
    """A Python as a target names it: `3.12`, `3.12.4`, `3.13t`."""

    major: int
    minor: int
    micro: int = 0
    free_threaded: bool = False

    @classmethod
    def parse(cls, text: str) -> PythonVersion:
        """Read `3.12`, `3.12.4`, `3.13t`, or pip's `312`."""
        found = _PYTHON.match(text.strip())
        if found is None:
            raise UnknownPython(text)
        major, minor, micro, short_major, short_minor, threads = found.groups()
        return cls(int(major or short_major), int(minor or short_minor), int(micro or 0), bool(threads))

    def __str__(self) -> str:
        micro = f".{self.micro}" if self.micro else ""
        return f"{self.major}.{self.minor}{micro}{'t' if self.free_threaded else ''}"

    @property
    def full(self) -> str:
        """The value of `python_full_version`."""
        return f"{self.major}.{self.minor}.{self.micro}"

    @property
    def short(self) -> tuple[int, int]:
        """Major and minor, as tags use them."""
        return self.major, self.minor


def _without_alias(word: str) -> str:
    for alias, spelled in _ALIAS_PREFIXES.items():
        if word.startswith(alias):
            return f"manylinux_{spelled}{word.removeprefix(alias)}"
    return word

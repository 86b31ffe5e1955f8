"""What a client of the LAN runs: a Python on a platform, with its wheel tags and marker variables.

Markers and tags are judged for the target, never for the host: `Marker.evaluate` merges over the host's
environment, so every target carries all eleven variables.

The words by which targets are named: versions of Python, platforms, marker variables.

What they mean in tags and markers is `core.targets`; this much is known without `packaging`, so that a
configuration is read in no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import ClassVar

from packaging.markers import Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags, mac_platforms

from pypitool.core.errors import Kind, PypitoolError

# PEP 513, 571 and 599 are aliases of PEP 600 names, on the machines that those PEPs list.
_ALIASES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLD_MACHINES = frozenset({"x86_64", "i686"})
_MACHINES_2014 = _OLD_MACHINES | {"aarch64", "armv7l", "ppc64", "ppc64le", "s390x"}
_WINDOWS_MACHINES = {"win_amd64": "AMD64", "win32": "x86", "win_arm64": "ARM64"}
_IMPLEMENTATIONS = {"cp": ("cpython", "CPython"), "pp": ("pypy", "PyPy")}


@dataclass(frozen=True, slots=True)
class Platform:
    """A machine as a target names it: its platform tags, best first, and its marker variables."""

    word: str
    tags: tuple[str, ...]
    variables: Mapping[str, str] = field(hash=False)

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read a wheel platform tag as the description of a machine."""
        word = PlatformWord.parse(text)
        return cls(word.word, tuple(_platform_tags(word)), _variables(word))


@dataclass(frozen=True)
class Target:
    """One kind of client: everything that decides which files it installs."""

    name: str
    python: PythonVersion
    platform: Platform
    implementation: str = "cp"
    abis: tuple[str, ...] = ()
    markers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __post_init__(self) -> None:
        if self.implementation not in _IMPLEMENTATIONS:
            raise UnknownPython(self.implementation)

    @cached_property
    def environment(self) -> dict[str, str]:
        """All eleven marker variables; what a target does not determine is empty."""
        name, spelled = _IMPLEMENTATIONS[self.implementation]
        return {
            **dict.fromkeys(MARKER_VARIABLES, ""),
            **self.platform.variables,
            "implementation_name": name,
            "implementation_version": self.python.full if self.implementation == "cp" else "",
            "platform_python_implementation": spelled,
            "python_full_version": self.python.full,
            "python_version": f"{self.python.major}.{self.python.minor}",
            **self.markers,
        }

    @cached_property
    def tag_order(self) -> dict[Tag, int]:
        """Every tag that the target installs, with its rank: 0 is the best."""
        order: dict[Tag, int] = {}
        for tag in self._tags():
            order.setdefault(tag, len(order))
        return order

    def applies(self, marker: Marker | None, extra: str = "") -> bool:
        """Tell whether a requirement with this marker concerns the target, for one requested extra."""
        return marker is None or marker.evaluate({**self.environment, "extra": extra})

    def runs(self, requires_python: str | None) -> bool:
        """Tell whether the target's full version fits; a malformed value is treated as absent."""
        if not requires_python:
            return True
        if requires_python not in self._judged:
            self._judged[requires_python] = self._fits(requires_python)
        return self._judged[requires_python]

    @cached_property
    def _judged(self) -> dict[str, bool]:
        # All files of a release say the same, and most projects say one of a few things.
        return {}

    def _fits(self, requires_python: str) -> bool:
        try:
            specifiers = SpecifierSet(requires_python)
        except InvalidSpecifier:
            return True
        return specifiers.contains(self.python.full, prereleases=True)

    def _tags(self) -> Iterator[Tag]:
        version, platforms = self.python.short, self.platform.tags
        digits = f"{version[0]}{version[1]}"
        if self.implementation == "pp":
            abis = self.abis or (f"pypy{digits}_pp73",)
            yield from generic_tags(f"pp{digits}", abis, platforms)
            yield from compatible_tags(version, "pp3", platforms)
            return
        abis = self.abis or (f"cp{digits}t" if self.python.free_threaded else f"cp{digits}",)
        yield from cpython_tags(version, abis, platforms)
        yield from compatible_tags(version, f"cp{digits}", platforms)


def make_target(
    name: str,
    *,
    python: str,
    platform: str,
    implementation: str = "cp",
    abis: tuple[str, ...] = (),
    markers: Mapping[str, str] | None = None,
) -> Target:
    """Build a target from the words of the configuration or of the command line."""
    return Target(
        name,
        PythonVersion.parse(python),
        Platform.parse(platform),
        implementation,
        abis,
        MappingProxyType(dict(markers or {})),
    )


def lowest_python(targets: tuple[Target, ...]) -> str:
    """Return the oldest Python of the targets, as `3.10`: what a universal resolution starts from."""
    lowest = min(target.python.short for target in targets)
    return f"{lowest[0]}.{lowest[1]}"


def _platform_tags(word: PlatformWord) -> Iterator[str]:
    level = word.version[1]
    if word.system is System.GLIBC:
        yield from _manylinux_tags(level, word.machine)
    elif word.system is System.MUSL:
        yield f"linux_{word.machine}"
        yield from (f"musllinux_1_{minor}_{word.machine}" for minor in range(level, -1, -1))
    elif word.system is System.MACOS:
        yield from mac_platforms(word.version, word.machine)
    else:
        yield word.word


def _manylinux_tags(glibc: int, machine: str) -> Iterator[str]:
    # As packaging since 26: a wheel built on such a machine itself comes first.
    yield f"linux_{machine}"
    for minor in range(glibc, (5 if machine in _OLD_MACHINES else 17) - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        machines = _MACHINES_2014 if minor == 17 else _OLD_MACHINES
        if minor in _ALIASES and machine in machines:
            yield f"{_ALIASES[minor]}_{machine}"


def _variables(word: PlatformWord) -> dict[str, str]:
    if word.system is System.WINDOWS:
        return _described("nt", "Windows", "win32", _WINDOWS_MACHINES[word.machine])
    if word.system is System.MACOS:
        return _described("posix", "Darwin", "darwin", word.machine)
    return _described("posix", "Linux", "linux", word.machine)


def _described(os_name: str, system: str, sys_platform: str, machine: str) -> dict[str, str]:
    return {
        "os_name": os_name,
        "platform_machine": machine,
        "platform_system": system,
        "sys_platform": sys_platform,
    }


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

    kind: ClassVar[Kind] = Kind.USAGE

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word
        self.hint = f"known platforms: {KNOWN_PLATFORMS}"

    def __str__(self) -> str:
        return f"`{self.word}` is not a platform"


class UnknownPython(PypitoolError):
    """A Python version or implementation that cannot be read."""

    kind: ClassVar[Kind] = Kind.USAGE
    hint = "write 3.12, 3.12.4, or 3.13t for free-threaded; implementation cp or pp"

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word

    def __str__(self) -> str:
        return f"`{self.word}` is not a Python version or implementation"


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

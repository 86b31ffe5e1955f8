"""What a client of the LAN runs: a Python on a platform, with its wheel tags and marker variables.

Markers and tags are judged for the target, never for the host: `Marker.evaluate` merges over the host's
environment, so every target carries all eleven variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from packaging.markers import Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags, mac_platforms

from pypitool.core.mirror.target_words import (
    MARKER_VARIABLES,
    PlatformWord,
    PythonVersion,
    System,
    UnknownPython,
)
from pypitool.core.versions import are_readable

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
        return not are_readable(specifiers) or specifiers.contains(self.python.full, prereleases=True)

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

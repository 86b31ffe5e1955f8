"""What is brought here: `[targets]`, for whom; `[policy]`, what may come in; `[set.NAME]`, what is wanted."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pypitool.config.faults import ConfigFault
from pypitool.config.gathered import Gathered
from pypitool.config.keys import demanded, setting
from pypitool.config.kinds import FLAG, GLOBS, SIZE, SPAN, ValueKind, each_read, list_of, one_of, unknown_word
from pypitool.config.values import BadValue, inline_table, string, strings, table
from pypitool.core.limits import FILE_BYTES
from pypitool.core.mirror.input_place import InputPlace, input_place
from pypitool.core.mirror.target_words import (
    KNOWN_PLATFORMS,
    MARKER_VARIABLES,
    PlatformWord,
    PythonVersion,
    UnknownPlatform,
    UnknownPython,
)
from pypitool.core.text import did_you_mean

_ABI = re.compile(r"[A-Za-z0-9_]+", re.ASCII)


def python(value: object) -> str:
    """Demand a version of Python as a target names it."""
    # A bare 3.10 in TOML is the number 3.1.
    text = string(value, "a Python in quotes, such as `3.12`, `3.12.4` or `3.13t`").strip()
    try:
        PythonVersion.parse(text)
    except UnknownPython:
        raise BadValue(f"expected a Python such as `3.12`, `3.12.4` or `3.13t`, got `{text}`") from None
    return text


def platform(value: object) -> str:
    """Demand a platform tag that describes a machine."""
    text = string(value, f"one of {KNOWN_PLATFORMS}").strip()
    try:
        PlatformWord.parse(text)
    except UnknownPlatform:
        raise BadValue(f"expected one of {KNOWN_PLATFORMS}, got `{text}`") from None
    return text


def abis(value: object) -> tuple[str, ...]:
    """Demand ABI tags."""
    items = strings(value, "an ABI tag such as `cp312`, or an array of them")
    for item in items:
        if _ABI.fullmatch(item) is None:
            raise BadValue(f"expected an ABI tag such as `cp312`, got `{item}`")
    return items


def markers(value: object) -> tuple[tuple[str, str], ...]:
    """Demand values for marker variables."""
    given = table(value, 'a table such as { platform_release = "6.8.0" }')
    return tuple(each_read(given, _marker).items())


def _marker(name: str, value: object) -> str:
    if name not in MARKER_VARIABLES:
        raise BadValue(f"is no marker variable{did_you_mean(name, MARKER_VARIABLES)}")
    if not isinstance(value, str):
        raise BadValue("expected a string")
    return value


def inputs(value: object) -> tuple[InputPlace, ...]:
    """Demand paths of files, or addresses, or none."""
    return tuple(map(input_place, strings(value, "an array of paths or https addresses")))


def names(value: object) -> tuple[str, ...]:
    """Demand names of tables."""
    return strings(value, "an array of names")


PYTHON = ValueKind("VERSION", python)
PLATFORM = ValueKind("TAG", platform)
IMPLEMENTATION = one_of("cp", "pp")
ABIS = list_of("ABI", abis)
MARKERS = ValueKind("TABLE", markers, inline_table, dict)
# The words of these are those of pypitool.mirror's own enumerations: a test compares them.
FILES = one_of("wheel-else-sdist", "wheel", "wheel+sdist", "all")
YANKED = one_of("pinned", "never")
COPIED_IN = one_of("match", "never")
CLOSURE = one_of("check", "resolve", "off")
INPUTS = list_of("FILE", inputs)
NAMES = list_of("NAME", names)


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """`[targets]`: a kind of client."""

    name: str
    python: str = demanded(
        "its Python: 3.12, 3.12.4 where a marker needs it, 3.13t for free-threaded",
        kind=PYTHON,
        example="3.12",
    )
    platform: str = demanded(
        "its machine, as wheels name it; manylinux_2_K: with glibc 2.K",
        kind=PLATFORM,
        example="manylinux_2_39_x86_64",
    )
    implementation: str = setting("cp", "cp for CPython, pp for PyPy", kind=IMPLEMENTATION)
    abi: tuple[str, ...] = setting(
        (), "ABI tags, where they do not follow from the rest", kind=ABIS, example="cp312"
    )
    markers: tuple[tuple[str, str], ...] = setting(
        (),
        "marker variables that do not follow from the rest, and are empty otherwise",
        kind=MARKERS,
        example='{ platform_release = "6.8.0" }',
    )


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """`[policy]`: what may come in, and what may not go out."""

    files: str = setting(
        "wheel-else-sdist",
        "which files a target gets: wheel-else-sdist, wheel, wheel+sdist, or all",
        kind=FILES,
    )
    prereleases: bool = setting(False, "take pre-releases that no pin names", kind=FLAG)
    yanked: str = setting(
        "pinned", "yanked files: pinned takes those that a pin names, never takes none", kind=YANKED
    )
    cooldown: float = setting(
        0.0,
        "no file that is younger is chosen, but by an exact pin; of unknown age: younger",
        kind=SPAN,
        example="3d",
    )
    private: tuple[str, ...] = setting(
        (),
        "globs of project names that are never looked for anywhere else",
        kind=GLOBS,
        topic="Unknown projects",
        example="acme-*",
    )
    copied_in: str = setting(
        "match",
        "files that were copied in: update asks upstream about them (match), or never",
        kind=COPIED_IN,
    )
    max_file_size: int = setting(FILE_BYTES.most, "largest file that is fetched", kind=SIZE)


@dataclass(frozen=True, slots=True)
class SetSettings:
    """`[set.NAME]`: what is to be here, for whom."""

    name: str
    requirements: tuple[InputPlace, ...] = setting(
        (),
        "requirements files, or https addresses of some; this or lock must be given",
        kind=INPUTS,
        example="/srv/reqs/backend.txt",
    )
    constraints: tuple[InputPlace, ...] = setting(
        (), "constraints files, or https addresses", kind=INPUTS, example="/srv/reqs/constraints.txt"
    )
    lock: tuple[InputPlace, ...] = setting(
        (),
        "locks: pylock.toml (PEP 751), or uv.lock beside its pyproject.toml",
        kind=INPUTS,
        example="/srv/reqs/pylock.toml",
    )
    targets: tuple[str, ...] = setting((), "for these targets; default: all", kind=NAMES, example="ubuntu24")
    closure: str = setting(
        "check",
        "dependencies: check reports what is missing, resolve adds it, off looks at none",
        kind=CLOSURE,
    )
    files: str | None = setting(
        None, "kinds of files; default: the policy's", kind=FILES, example="wheel+sdist"
    )


def set_faults(gathered: Gathered, faulty: Collection[str]) -> Iterator[ConfigFault]:
    """Yield the sets that want nothing; what stands at a `faulty` path has been reported."""
    # A set that wants nothing would let prune remove what it wanted before.
    for path in (f"set.{name}" for name in gathered.names("set")):
        inputs = [f"{path}.requirements", f"{path}.lock"]
        if not any(gathered.value(one) or one in faulty for one in inputs):
            yield ConfigFault(gathered.places[path].source, path, "needs `requirements` or `lock`")


def unknown_targets(gathered: Gathered) -> Iterator[ConfigFault]:
    """Yield the targets of sets that are not there."""
    known = gathered.names("targets")
    for path in (f"set.{name}.targets" for name in gathered.names("set")):
        for target in gathered.value(path) or ():
            if target not in known:
                yield gathered.fault(path, unknown_word(target, known, "target"))

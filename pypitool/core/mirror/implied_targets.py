"""Which machines the wheels on disk are for: who they would be left behind if only the host's were updated.

Nothing is promised for them: a configuration that names its targets is never guessed at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from packaging.tags import Tag

from pypitool.core.mirror.selection import Candidate, has_tag_of
from pypitool.core.mirror.target_words import (
    PlatformWord,
    PythonVersion,
    System,
    UnknownPlatform,
    UnknownPython,
)
from pypitool.core.mirror.targets import Platform, Target
from pypitool.core.model import FileKind

# A wheel says how old a machine may be, and not how old it is: where the next release demands a newer one, a
# machine of these years is likelier than none at all.
_LIKELY = {System.GLIBC: "manylinux_2_39", System.MUSL: "musllinux_1_2", System.MACOS: "macosx_15_0"}
_BOTH_MACS = ("arm64", "x86_64")


def implied_targets(held: Iterable[Candidate], host: Target) -> Mapping[Target, Target]:
    """Return the machine that each wheel names and the host is not, with the newest that it may be."""
    found: dict[str, tuple[Target, Target]] = {}
    for candidate in held:
        if candidate.kind is FileKind.WHEEL and not has_tag_of(candidate, host):
            for tag in candidate.tags:
                for pair in _of_tag(tag, host):
                    found.setdefault(pair[0].name, pair)
    return dict(found[name] for name in sorted(found))


def _of_tag(tag: Tag, host: Target) -> Iterator[tuple[Target, Target]]:
    python = _python(tag, host)
    if python is None:
        return
    implementation = tag.interpreter[:2] if tag.interpreter[:2] == "pp" else "cp"
    for word in _machines(tag.platform):
        named = Target(_name(python, implementation, word), python, Platform.parse(word), implementation)
        likely = Platform.parse(_likely(PlatformWord.parse(word)))
        yield named, replace(named, platform=likely)


def _python(tag: Tag, host: Target) -> PythonVersion | None:
    # `abi3` and `py3` name the oldest Python that will do, which says nothing of the one in use.
    if tag.abi == "abi3" or tag.interpreter.startswith("py3"):
        return host.python
    if tag.interpreter[:2] not in ("cp", "pp"):
        return None
    threads = "t" if tag.abi.startswith("cp") and tag.abi.endswith("t") else ""
    try:
        python = PythonVersion.parse(tag.interpreter[2:] + threads)
    except UnknownPython:
        return None
    return python if python.major == host.python.major else None


def _machines(platform: str) -> Iterator[str]:
    words = [platform]
    if platform.startswith("linux_"):
        words = [platform.replace("linux", "manylinux_2_17", 1)]
    elif platform.startswith("macosx_") and platform.endswith("_universal2"):
        words = [platform.replace("universal2", machine) for machine in _BOTH_MACS]
    for word in words:
        try:
            yield PlatformWord.parse(word).word
        except UnknownPlatform:
            continue


def _likely(word: PlatformWord) -> str:
    if word.system not in _LIKELY:
        return word.word
    likely = PlatformWord.parse(f"{_LIKELY[word.system]}_{word.machine}")
    return max(word, likely, key=lambda one: one.version).word


def _name(python: PythonVersion, implementation: str, word: str) -> str:
    threads = "t" if python.free_threaded else ""
    prefix = "py" if implementation == "cp" else "pypy"
    return f"{prefix}{python.major}.{python.minor}{threads}-{word}"

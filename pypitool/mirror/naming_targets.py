"""The targets that a command line names: by name, or as each platform with each Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.targets import Platform, PythonVersion, Target
from pypitool.mirror.host import host_target


class UnknownName(PypitoolError):
    """A target, a set or a job that the configuration does not have."""

    kind: ClassVar[Kind] = Kind.USAGE

    def __init__(self, what: str, name: str, known: Sequence[str]) -> None:
        super().__init__(what, name, known)
        self.what = what
        self.name = name
        self.hint = f"known: {', '.join(known)}" if known else f"the configuration has no {what}"

    def __str__(self) -> str:
        return f"there is no {self.what} `{self.name}`"


def named_targets(names: Sequence[str], configured: Sequence[Target]) -> tuple[Target, ...]:
    """Return the configured targets of these names."""
    by_name = {target.name: target for target in configured}
    for name in names:
        if name not in by_name:
            raise UnknownName("target", name, sorted(by_name))
    return tuple(by_name[name] for name in names)


def anonymous_targets(
    platforms: Sequence[str], pythons: Sequence[str], implementation: str | None, abis: Sequence[str]
) -> tuple[Target, ...]:
    """Return each platform with each Python; what is not given is the host's."""
    host = host_target()
    if not (platforms or pythons or implementation or abis):
        return (host,)
    machines = [Platform.parse(word) for word in platforms] or [host.platform]
    versions = [PythonVersion.parse(word) for word in pythons] or [host.python]
    return tuple(
        replace(
            host,
            name=f"{_python_word(python)}-{machine.word}",
            python=python,
            platform=machine,
            implementation=implementation or host.implementation,
            abis=tuple(abis),
        )
        for machine in machines
        for python in versions
    )


def _python_word(python: PythonVersion) -> str:
    return f"py{python.major}.{python.minor}{'t' if python.free_threaded else ''}"

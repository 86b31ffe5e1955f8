"""This machine as a target: what is fetched for when nobody says what the clients run."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from packaging.markers import default_environment
from packaging.tags import platform_tags

from pypitool.core.mirror.targets import Platform, PythonVersion, Target, UnknownPlatform

HOST = "host"

_IMPLEMENTATIONS = {"cpython": "cp", "pypy": "pp"}
# A word of the configuration does not determine these; the machine itself does.
_OF_THE_MACHINE = ("platform_release", "platform_version", "implementation_version")


def host_target() -> Target:
    """Return the target that this interpreter on this machine is."""
    name = sys.implementation.name
    environment: Mapping[str, object] = default_environment()
    return Target(
        HOST,
        _python(),
        host_platform(platform_tags()),
        _IMPLEMENTATIONS.get(name, name),
        markers=MappingProxyType({variable: str(environment[variable]) for variable in _OF_THE_MACHINE}),
    )


def host_platform(tags: Iterable[str]) -> Platform:
    """Return the machine that installs these platform tags, best first."""
    words = list(tags)
    for word in words:
        # `linux_x86_64` may come first and says nothing about the C library.
        try:
            return Platform.parse(word)
        except UnknownPlatform:
            continue
    raise UnknownPlatform(words[0] if words else sysconfig.get_platform())


def _python() -> PythonVersion:
    major, minor, micro = sys.version_info[:3]
    return PythonVersion(major, minor, micro, free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")))

"""What the upstream holds: wheels for every kind of machine, and the odd releases that a mirror meets."""

from __future__ import annotations

import sys
from pathlib import Path

from pypitool.mirror.configured import host_target
from tests.support.wheels import Release, build_sdist, build_wheel

HOST_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
PYTHONS = ("310", "311", "312", "313", "314")
PLATFORMS = (
    "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "manylinux_2_28_aarch64",
    "musllinux_1_1_x86_64",
    "macosx_11_0_arm64",
    "win_amd64",
)
TARGETS = {
    "host": (HOST_PYTHON, host_target().platform.word),
    "noble": ("3.12", "manylinux_2_39_x86_64"),
    "arm": ("3.11", "manylinux_2_28_aarch64"),
    "windows": ("3.12", "win_amd64"),
    "mac": ("3.12", "macosx_14_0_arm64"),
    "musl": ("3.12", "musllinux_1_2_x86_64"),
    "threads": ("3.13t", "manylinux_2_39_x86_64"),
}
PINS = """\
app[fast]==1.0
stable==1.0
speed==2.0
posix-only==1.0 ; sys_platform != "win32"
win-only==1.0 ; sys_platform == "win32"
modern==2.0 ; python_version >= "3.12"
modern==1.0 ; python_version < "3.12"
old-style==1.0
withdrawn==1.0
"""


def fill(packages: Path) -> None:
    """Put every project into a directory."""
    needs = [
        "stable>=1",
        "speed>=2 ; extra == 'fast'",
        "posix-only ; sys_platform != 'win32'",
        "win-only ; sys_platform == 'win32'",
        "modern",
    ]
    said = Release("app", "1.0", needs).metadata().replace(b"\n\n", b"\nProvides-Extra: fast\n\n")
    build_wheel(packages, "app", "1.0", metadata=said)
    build_wheel(packages, "app", "2.0", requires=["not-pinned"])
    for platform in PLATFORMS:
        build_wheel(packages, "stable", "1.0", tags=f"cp38-abi3-{platform}")
        for python in PYTHONS:
            build_wheel(packages, "speed", "2.0", tags=f"cp{python}-cp{python}-{platform}")
        build_wheel(packages, "speed", "2.0", tags=f"cp313-cp313t-{platform}")
    # abi3 does not hold without the lock of the interpreter: for that Python there is one of its own.
    build_wheel(packages, "stable", "1.0", tags="cp313-cp313t-manylinux_2_17_x86_64.manylinux2014_x86_64")
    build_wheel(packages, "posix-only", "1.0")
    build_wheel(packages, "win-only", "1.0")
    build_wheel(packages, "modern", "1.0", requires_python=">=3.8")
    build_wheel(packages, "modern", "2.0", requires_python=">=3.12")
    build_sdist(packages, "old-style", "1.0")
    build_wheel(packages, "withdrawn", "1.0")
    build_sdist(packages, "stable", "1.0")


def wanted() -> set[str]:
    """The files that the targets need, as somebody would write them down who knows the rules."""
    return {
        "app-1.0-py3-none-any.whl",
        "modern-1.0-py3-none-any.whl",
        "modern-2.0-py3-none-any.whl",
        "old_style-1.0.tar.gz",
        "posix_only-1.0-py3-none-any.whl",
        "win_only-1.0-py3-none-any.whl",
        "withdrawn-1.0-py3-none-any.whl",
        *(f"stable-1.0-cp38-abi3-{platform}.whl" for platform in PLATFORMS),
        "stable-1.0-cp313-cp313t-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        *(_speed(*machine) for machine in _MACHINES),
        _speed("313", PLATFORMS[0], "cp313t"),
    }


_MACHINES = (
    (HOST_PYTHON.replace(".", ""), PLATFORMS[0]),
    ("312", PLATFORMS[0]),
    ("311", PLATFORMS[1]),
    ("312", PLATFORMS[2]),
    ("312", PLATFORMS[3]),
    ("312", PLATFORMS[4]),
)


def _speed(python: str, platform: str, abi: str | None = None) -> str:
    return f"speed-2.0-cp{python}-{abi or f'cp{python}'}-{platform}.whl"

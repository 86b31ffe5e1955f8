from __future__ import annotations

import sys
from platform import libc_ver

import pytest
from packaging.markers import Marker
from packaging.tags import sys_tags

from pypitool.core.mirror.target_words import MARKER_VARIABLES, UnknownPlatform, UnknownPython
from pypitool.core.mirror.targets import Platform, Target, lowest_python, make_target


def tags(target: Target) -> list[str]:
    return [str(tag) for tag in target.tag_order]


@pytest.mark.skipif(
    libc_ver()[0] != "glibc" or sys.implementation.name != "cpython", reason="compares with a glibc CPython"
)
def test_a_target_like_this_host_has_exactly_the_tags_of_this_host() -> None:
    minor = libc_ver()[1].split(".")[1]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"

    target = make_target("host", python=python, platform=f"manylinux_2_{minor}_x86_64")

    # Where the locally built `linux_*` wheels rank differs between releases of packaging.
    assert set(tags(target)) == {str(tag) for tag in sys_tags()}
    assert [tag for tag in tags(target) if "-linux_" not in tag] == [
        str(tag) for tag in sys_tags() if not tag.platform.startswith("linux_")
    ]


def test_older_glibc_and_its_aliases_are_taken_down_to_the_floor() -> None:
    platform = Platform.parse("manylinux_2_18_x86_64")

    assert platform.tags[1:4] == ("manylinux_2_18_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
    assert platform.tags[-2:] == ("manylinux_2_5_x86_64", "manylinux1_x86_64")


def test_aarch64_ends_at_glibc_2_17() -> None:
    assert Platform.parse("manylinux_2_18_aarch64").tags == (
        "linux_aarch64",
        "manylinux_2_18_aarch64",
        "manylinux_2_17_aarch64",
        "manylinux2014_aarch64",
    )


def test_musl_never_implies_manylinux() -> None:
    platform = Platform.parse("musllinux_1_2_x86_64")

    assert platform.tags == (
        "linux_x86_64",
        "musllinux_1_2_x86_64",
        "musllinux_1_1_x86_64",
        "musllinux_1_0_x86_64",
    )


def test_an_alias_word_is_the_machine_that_it_stands_for() -> None:
    assert Platform.parse("manylinux2014_x86_64") == Platform.parse("manylinux_2_17_x86_64")


def test_macos_takes_universal2() -> None:
    assert "macosx_11_0_universal2" in Platform.parse("macosx_14_0_arm64").tags


@pytest.mark.parametrize(
    "word",
    ["linux_x86_64", "any", "win64", "manylinux_2_17_z80", "macosx_14_0_ppc", "manylinux_2_x86_64", ""],
)
def test_any_other_platform_word_is_refused_with_the_list(word: str) -> None:
    with pytest.raises(UnknownPlatform) as caught:
        Platform.parse(word)

    assert "musllinux_1_K_ARCH" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["3", "3.x", "python3", "3.12.4.5", ""])
def test_a_python_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UnknownPython):
        make_target("t", python=text, platform="win_amd64")


def test_all_eleven_marker_variables_are_the_targets_own() -> None:
    target = make_target("win", python="3.12", platform="win_amd64")

    assert set(target.environment) == MARKER_VARIABLES
    assert target.environment["platform_machine"] == "AMD64"
    assert target.environment["os_name"] == "nt"
    assert target.environment["python_full_version"] == "3.12.0"
    assert target.environment["platform_release"] == ""


def test_given_markers_win_over_what_the_target_implies() -> None:
    target = make_target("t", python="3.12", platform="win32", markers={"platform_release": "11"})

    assert target.environment["platform_release"] == "11"


def test_a_marker_is_judged_for_the_target_and_not_for_the_host() -> None:
    marker = Marker('sys_platform == "win32" and python_full_version < "3.12.1"')

    assert make_target("t", python="3.12", platform="win_amd64").applies(marker)
    assert not make_target("t", python="3.12.1", platform="win_amd64").applies(marker)
    assert not make_target("t", python="3.12", platform="manylinux_2_28_x86_64").applies(marker)


def test_an_extra_marker_applies_only_for_the_requested_extra() -> None:
    target = make_target("t", python="3.12", platform="win_amd64")

    assert target.applies(Marker('extra == "socks"'), "socks")
    assert not target.applies(Marker('extra == "socks"'))


def test_free_threaded_python_takes_its_own_abi_and_no_abi3() -> None:
    names = tags(make_target("t", python="3.13t", platform="win_amd64"))

    assert "cp313-cp313t-win_amd64" in names
    assert "cp313-cp313-win_amd64" not in names
    assert "cp312-abi3-win_amd64" not in names
    assert "py3-none-any" in names


def test_an_older_abi3_wheel_fits_a_newer_python() -> None:
    assert "cp38-abi3-win_amd64" in tags(make_target("t", python="3.12", platform="win_amd64"))


def test_pypy_takes_its_own_abi() -> None:
    names = tags(make_target("t", python="3.10", platform="win_amd64", implementation="pp"))

    assert names[0] == "pp310-pypy310_pp73-win_amd64"
    assert "py3-none-any" in names


@pytest.mark.parametrize(
    ("requires_python", "fits"),
    [(">=3.12.1", False), (">=3.12", True), ("<3.12", False), (None, True), (">=3.6.*", True), ("3", True)],
)
def test_requires_python_is_judged_with_the_full_version(requires_python: str | None, fits: bool) -> None:
    assert make_target("t", python="3.12", platform="win_amd64").runs(requires_python) is fits


def test_the_lowest_python_is_compared_as_a_number() -> None:
    targets = tuple(
        make_target(python, python=python, platform="win32") for python in ("3.9", "3.10", "3.12")
    )

    assert lowest_python(targets) == "3.9"

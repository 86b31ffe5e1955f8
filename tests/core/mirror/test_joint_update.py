from __future__ import annotations

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.closure import Need
from pypitool.core.mirror.joint_update import (
    excluding,
    loosened,
    loosened_lines,
    movable_pins,
    pinned_version,
    read_answer,
    telling_marker,
)
from pypitool.core.mirror.requirement_lines import LinePosition, RequirementLine
from pypitool.core.mirror.targets import Target, make_target

LINUX = make_target("linux", python="3.12", platform="manylinux_2_39_x86_64")
OLD = make_target("old", python="3.10", platform="manylinux_2_28_x86_64")
WINDOWS = make_target("windows", python="3.12", platform="win_amd64")
MAC = make_target("mac", python="3.12", platform="macosx_14_0_arm64")
A = canonicalize_name("a")


def lines(*texts: str, file: str = "r.txt") -> tuple[RequirementLine, ...]:
    return tuple(
        RequirementLine(Requirement(text), frozenset(), LinePosition(file, number))
        for number, text in enumerate(texts, 1)
    )


@pytest.mark.parametrize(
    ("pin", "bound"),
    [
        ("a==1.0", "a>=1.0"),
        ("A[y,x]==1.0 ; os_name == 'nt'", 'A[x,y]>=1.0; os_name == "nt"'),
        ("a===1.0", "a>=1.0"),
        ("a==1.0,<2", "a<2,>=1.0"),
        ("a==1!2.0rc1", "a>=1!2.0rc1"),
        ("torch==2.8.0+cpu", "torch>=2.8.0"),
        ("a>=1", "a>=1"),
        ("a==1.*", "a==1.*"),
    ],
)
def test_a_pin_becomes_a_lower_bound_and_keeps_the_rest(pin: str, bound: str) -> None:
    assert str(loosened(Requirement(pin))) == bound


def test_only_the_pins_that_may_move_are_loosened() -> None:
    wanted = lines("a==1.0", "b==1.0", "c>=1")

    loose = loosened_lines(wanted, {A})

    assert [str(line.requirement) for line in loose] == ["a>=1.0", "b==1.0", "c>=1"]


def test_what_is_pinned_differently_or_elsewhere_stays() -> None:
    wanted = (
        *lines("a[x]==1.0", "a==1.0", "b==1 ; os_name == 'nt'", "b==2 ; os_name != 'nt'", "c>=1"),
        *lines("d==1", file="base.txt"),
    )

    movable = movable_pins(wanted, lambda line: line.source.file == "r.txt")

    assert movable == {"a": Version("1.0")}


@pytest.mark.parametrize(
    ("text", "version"), [("==1.0", "1.0"), ("===1.0", "1.0"), ("==1.*", None), (">1", None)]
)
def test_a_pin_names_one_version(text: str, version: str | None) -> None:
    assert pinned_version(SpecifierSet(text)) == (Version(version) if version else None)


def test_a_universal_answer_is_read_for_each_target() -> None:
    answer = lines("a==2.0", "w==1.0 ; sys_platform == 'win32'", "m==1 ; python_version < '3.12'")
    answer += lines("m==2 ; python_version >= '3.12'")

    resolved = read_answer({None: answer}, (LINUX, OLD, WINDOWS))

    assert resolved.chosen[LINUX] == {"a": Version("2.0"), "m": Version("2")}
    assert resolved.chosen[WINDOWS] == {"a": Version("2.0"), "w": Version("1.0"), "m": Version("2")}
    assert resolved.differing() == {"m"}
    assert resolved.everywhere() == {"a": Version("2.0"), "w": Version("1.0"), "m": Version("1")}
    assert resolved.targets_of(canonicalize_name("w")) == (WINDOWS,)
    assert resolved.marker_of(canonicalize_name("w")) == 'sys_platform == "win32"'
    assert resolved.marker_of(A) is None


def test_answers_for_single_targets_say_who_gets_what() -> None:
    resolved = read_answer({"linux": lines("a==2"), "windows": lines("a==2", "w==1")}, (LINUX, WINDOWS))

    assert resolved.differing() == frozenset()
    assert resolved.marker_of(A) is None
    assert resolved.marker_of(canonicalize_name("w")) == "sys_platform == 'win32'"


@pytest.mark.parametrize(
    ("some", "marker"),
    [
        ((LINUX, OLD, WINDOWS, MAC), None),
        ((WINDOWS,), "sys_platform == 'win32'"),
        ((WINDOWS, MAC), "sys_platform == 'darwin' or sys_platform == 'win32'"),
        ((OLD,), "python_version == '3.10'"),
    ],
)
def test_a_marker_tells_some_targets_from_the_others(some: tuple[Target, ...], marker: str | None) -> None:
    assert telling_marker(some, (LINUX, OLD, WINDOWS, MAC)) == marker


def test_where_no_variable_alone_tells_them_several_do() -> None:
    every = (LINUX, OLD, WINDOWS, make_target("old-win", python="3.10", platform="win_amd64"))

    marker = telling_marker((OLD, WINDOWS), every)

    assert marker is not None
    assert [target.name for target in every if target.applies(Marker(marker))] == ["old", "windows"]


def test_the_requirement_that_excludes_a_release_is_found() -> None:
    needs = [
        Need(Requirement("a>=1"), "b 1"),
        Need(Requirement("A<2"), "c 1"),
        Need(Requirement("d<1"), "c 1"),
    ]

    assert excluding(A, Version("2.0"), needs) == needs[1]
    assert excluding(A, Version("2.0rc1"), needs[:1]) is None
    assert excluding(A, Version("0.9"), needs[1:]) is None

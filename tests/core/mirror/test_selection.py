from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pypitool.core.mirror.selection import (
    Candidate,
    ChoiceReason,
    FilesPolicy,
    Formats,
    SelectionRules,
    Wish,
    is_pin,
    select,
    taken,
)
from pypitool.core.mirror.targets import Target, make_target
from pypitool.core.model import FileKind

UBUNTU22 = make_target("ubuntu22", python="3.10", platform="manylinux_2_35_x86_64")
UBUNTU24 = make_target("ubuntu24", python="3.12", platform="manylinux_2_39_x86_64")
ARM = make_target("arm", python="3.12", platform="manylinux_2_39_aarch64")
WINDOWS = make_target("windows", python="3.12", platform="win_amd64")
MAC = make_target("mac", python="3.12", platform="macosx_14_0_arm64")
MUSL = make_target("musl", python="3.12", platform="musllinux_1_2_x86_64")
FREE = make_target("free", python="3.13t", platform="manylinux_2_39_x86_64")


def wheel(filename: str, **fields: Any) -> Candidate:
    name, version, build, tags = parse_wheel_filename(filename)
    values: dict[str, Any] = {"hashes": frozenset({f"sha256:{filename}"}), **fields}
    candidate = Candidate(filename, name, version, FileKind.WHEEL, tags, build)
    return replace(candidate, **values)


def sdist(filename: str, **fields: Any) -> Candidate:
    name, _, version = filename.removesuffix(".tar.gz").partition("-")
    values: dict[str, Any] = {"hashes": frozenset({f"sha256:{filename}"}), **fields}
    candidate = Candidate(filename, canonicalize_name(name), Version(version), FileKind.SDIST)
    return replace(candidate, **values)


def wish(specifier: str, hashes: frozenset[str] = frozenset()) -> Wish:
    return Wish(canonicalize_name("m"), SpecifierSet(specifier), hashes)


def chosen(
    candidates: list[Candidate], target: Target, specifier: str = "==1.0", rules: SelectionRules | None = None
) -> list[str]:
    verdicts = select(wish(specifier), target, candidates, rules or SelectionRules())
    return [candidate.filename for candidate in taken(verdicts)]


def rule_of(
    candidate: Candidate,
    *,
    rules: SelectionRules | None = None,
    specifier: str = "==1.0",
    target: Target = UBUNTU24,
) -> ChoiceReason:
    return select(wish(specifier), target, [candidate], rules or SelectionRules())[0].rule


RELEASE = [
    sdist("m-1.0.tar.gz"),
    wheel("m-1.0-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
    wheel("m-1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
    wheel("m-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"),
    wheel("m-1.0-cp312-cp312-manylinux_2_17_aarch64.whl"),
    wheel("m-1.0-cp312-cp312-win_amd64.whl"),
    wheel("m-1.0-cp312-cp312-macosx_11_0_arm64.whl"),
    wheel("m-1.0-cp312-cp312-musllinux_1_2_x86_64.whl"),
    wheel("m-1.0-cp313-cp313t-manylinux_2_28_x86_64.whl"),
    wheel("m-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"),
]


@pytest.mark.parametrize(
    ("target", "filename"),
    [
        (UBUNTU22, "m-1.0-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        (UBUNTU24, "m-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"),
        (ARM, "m-1.0-cp312-cp312-manylinux_2_17_aarch64.whl"),
        (WINDOWS, "m-1.0-cp312-cp312-win_amd64.whl"),
        (MAC, "m-1.0-cp312-cp312-macosx_11_0_arm64.whl"),
        (MUSL, "m-1.0-cp312-cp312-musllinux_1_2_x86_64.whl"),
        (FREE, "m-1.0-cp313-cp313t-manylinux_2_28_x86_64.whl"),
    ],
    ids=lambda value: value.name if isinstance(value, Target) else "",
)
def test_each_target_gets_its_best_wheel_and_no_sdist(target: Target, filename: str) -> None:
    assert chosen(RELEASE, target) == [filename]


def test_a_wheel_for_another_machine_does_not_suppress_the_sdist() -> None:
    release = [sdist("m-1.0.tar.gz"), wheel("m-1.0-cp312-cp312-win_amd64.whl")]

    assert chosen(release, ARM) == ["m-1.0.tar.gz"]
    assert chosen(release, WINDOWS) == ["m-1.0-cp312-cp312-win_amd64.whl"]


def test_an_abi3_wheel_of_an_older_python_is_taken() -> None:
    assert chosen([wheel("m-1.0-cp39-abi3-win_amd64.whl"), sdist("m-1.0.tar.gz")], WINDOWS) == [
        "m-1.0-cp39-abi3-win_amd64.whl"
    ]


def test_the_higher_build_number_wins_among_equal_tags() -> None:
    release = [
        wheel("m-1.0-1-py3-none-any.whl"),
        wheel("m-1.0-py3-none-any.whl"),
        wheel("m-1.0-2-py3-none-any.whl"),
    ]

    assert chosen(release, UBUNTU24) == ["m-1.0-2-py3-none-any.whl"]


@pytest.mark.parametrize(
    ("policy", "count"),
    [(FilesPolicy.WHEEL, 1), (FilesPolicy.WHEEL_AND_SDIST, 2), (FilesPolicy.ALL, len(RELEASE))],
)
def test_the_files_policy_widens_or_narrows_the_choice(policy: FilesPolicy, count: int) -> None:
    assert len(chosen(RELEASE, UBUNTU24, rules=SelectionRules(files=policy))) == count


def test_wheels_only_takes_nothing_where_there_is_only_an_sdist() -> None:
    assert chosen([sdist("m-1.0.tar.gz")], UBUNTU24, rules=SelectionRules(files=FilesPolicy.WHEEL)) == []


def test_requires_python_is_judged_for_the_target() -> None:
    assert (
        rule_of(wheel("m-1.0-py3-none-any.whl", requires_python=">=3.12.1")) is ChoiceReason.REQUIRES_PYTHON
    )


def test_a_yanked_file_is_taken_by_an_exact_pin_only() -> None:
    yanked = wheel("m-1.0-py3-none-any.whl", yanked="broken")

    assert rule_of(yanked) is ChoiceReason.CHOSEN
    assert rule_of(yanked, specifier=">=1.0") is ChoiceReason.YANKED
    assert rule_of(yanked, rules=SelectionRules(yanked=False)) is ChoiceReason.YANKED


def test_only_a_file_whose_hash_is_listed_is_taken() -> None:
    one, other = wheel("m-1.0-1-py3-none-any.whl"), wheel("m-1.0-2-py3-none-any.whl")

    verdicts = select(wish("==1.0", one.hashes), UBUNTU24, [one, other], SelectionRules())

    assert [verdict.rule for verdict in verdicts] == [ChoiceReason.CHOSEN, ChoiceReason.HASH]


def test_a_hash_of_a_kind_that_is_not_offered_is_judged_when_the_file_is_here() -> None:
    file = wheel("m-1.0-py3-none-any.whl")

    verdicts = select(wish("==1.0", frozenset({"sha512:aa"})), UBUNTU24, [file], SelectionRules())

    assert [verdict.rule for verdict in verdicts] == [ChoiceReason.CHOSEN]


def test_a_file_without_sha256_needs_permission_or_a_hash_of_our_own() -> None:
    bare = wheel("m-1.0-py3-none-any.whl", hashes=frozenset({"md5:aa"}))

    assert rule_of(bare) is ChoiceReason.UNHASHED
    assert rule_of(bare, rules=SelectionRules(allow_unhashed=True)) is ChoiceReason.CHOSEN
    nothing = wheel("m-1.0-py3-none-any.whl", hashes=frozenset())
    verdict = select(wish("==1.0", frozenset({"sha256:aa"})), UBUNTU24, [nothing], SelectionRules())[0]
    assert verdict.rule is ChoiceReason.CHOSEN


def test_a_pin_names_a_prerelease_and_a_range_does_not() -> None:
    release = [wheel("m-2.0rc1-py3-none-any.whl"), wheel("m-1.0-py3-none-any.whl")]

    assert chosen(release, UBUNTU24, "==2.0rc1") == ["m-2.0rc1-py3-none-any.whl"]
    assert chosen(release, UBUNTU24, ">=1.0") == ["m-1.0-py3-none-any.whl"]
    assert chosen(release, UBUNTU24, ">=1.0", SelectionRules(prereleases=True)) == [
        "m-2.0rc1-py3-none-any.whl"
    ]


def test_a_prerelease_is_taken_when_nothing_else_satisfies() -> None:
    assert chosen([wheel("m-2.0rc1-py3-none-any.whl")], UBUNTU24, ">=1.0") == ["m-2.0rc1-py3-none-any.whl"]


def test_a_pin_without_a_local_version_takes_the_local_one() -> None:
    assert chosen([wheel("m-1.0+cpu-py3-none-any.whl")], UBUNTU24) == ["m-1.0+cpu-py3-none-any.whl"]
    assert chosen([wheel("m-1.0-py3-none-any.whl")], UBUNTU24, "==1.0+cpu") == []


def test_only_binary_and_no_binary_are_pips() -> None:
    release = [wheel("m-1.0-py3-none-any.whl"), sdist("m-1.0.tar.gz")]
    no_binary = SelectionRules(formats=Formats(no_binary=frozenset({":all:"})))
    only_binary = SelectionRules(formats=Formats(only_binary=frozenset({"m"})))

    assert chosen(release, UBUNTU24, rules=no_binary) == ["m-1.0.tar.gz"]
    assert chosen(release[1:], UBUNTU24, rules=only_binary) == []


def test_a_file_over_the_largest_size_is_refused() -> None:
    assert (
        rule_of(wheel("m-1.0-py3-none-any.whl", size=11), rules=SelectionRules(max_size=10))
        is ChoiceReason.TOO_BIG
    )


@pytest.mark.parametrize(
    ("specifier", "pinned"),
    [
        ("==1.0", True),
        ("===1.0", True),
        ("==1.*", False),
        (">=1.0", False),
        ("", False),
        ("==1.0,>0.9", True),
    ],
)
def test_a_pin_names_one_version(specifier: str, pinned: bool) -> None:
    assert is_pin(SpecifierSet(specifier)) is pinned


def test_tags_of_a_candidate_are_compared_as_sets() -> None:
    universal = Candidate(
        "m-1.0-py2.py3-none-any.whl",
        canonicalize_name("m"),
        Version("1.0"),
        FileKind.WHEEL,
        parse_tag("py2.py3-none-any"),
        hashes=frozenset({"sha256:a"}),
    )

    assert rule_of(universal) is ChoiceReason.CHOSEN

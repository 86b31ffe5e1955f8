from __future__ import annotations

from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.selection import Candidate, ChoiceReason, SelectionRules, Wish
from pypitool.core.mirror.sync_plan import Miss, Planned, Step, WantedFile, choose_files, plan_sync, wish_for
from pypitool.core.mirror.targets import make_target
from pypitool.core.model import FileKind

A = canonicalize_name("a")
LINUX = make_target("linux", python="3.12", platform="manylinux_2_39_x86_64")
WINDOWS = make_target("windows", python="3.12", platform="win_amd64")


def wheel(tag: str, version: str = "1.0", sha256: str | None = "aa") -> Candidate:
    return Candidate(
        f"a-{version}-{tag}.whl",
        A,
        Version(version),
        FileKind.WHEEL,
        parse_tag(tag),
        hashes=frozenset({f"sha256:{sha256}"} if sha256 else ()),
    )


def wish(specifier: str = "==1.0") -> Wish:
    return Wish(A, SpecifierSet(specifier))


def wanted(candidate: Candidate, *hashes: str) -> WantedFile:
    return WantedFile(candidate, ("linux",), frozenset(hashes))


def test_a_file_that_serves_two_targets_is_wanted_once() -> None:
    choice = choose_files({LINUX: wish(), WINDOWS: wish()}, [wheel("py3-none-any")], SelectionRules())

    assert choice.files == (WantedFile(wheel("py3-none-any"), ("linux", "windows")),)
    assert choice.misses == ()


def test_each_target_gets_its_own_file() -> None:
    offers = [wheel("cp312-cp312-win_amd64"), wheel("cp312-cp312-manylinux_2_28_x86_64")]

    choice = choose_files({LINUX: wish(), WINDOWS: wish()}, offers, SelectionRules())

    assert {file.candidate.filename: file.targets for file in choice.files} == {
        "a-1.0-cp312-cp312-win_amd64.whl": ("windows",),
        "a-1.0-cp312-cp312-manylinux_2_28_x86_64.whl": ("linux",),
    }


def test_a_target_without_a_file_is_a_miss_with_the_nearest_reason() -> None:
    choice = choose_files(
        {LINUX: wish()}, [wheel("cp312-cp312-win_amd64"), wheel("py3-none-any", "2.0")], SelectionRules()
    )

    assert choice.misses == (Miss(wish(), "linux", ChoiceReason.TAGS),)


def test_a_version_that_is_not_offered_is_a_miss_without_a_reason() -> None:
    choice = choose_files({LINUX: wish("==9")}, [wheel("py3-none-any")], SelectionRules())

    assert choice.misses == (Miss(wish("==9"), "linux", None),)


def test_what_is_absent_is_fetched_what_is_the_same_is_kept_and_other_bytes_are_a_conflict() -> None:
    one, two, three = (wanted(wheel("py3-none-any", version)) for version in ("1", "2", "3"))

    planned = plan_sync([one, two, three], {"a-2-py3-none-any.whl": "aa", "a-3-py3-none-any.whl": "bb"})

    assert planned == (
        Planned(Step.GET, one),
        Planned(Step.KEEP, two, "aa"),
        Planned(Step.CONFLICT, three, "bb"),
    )


def test_without_an_upstream_digest_the_lines_hash_decides() -> None:
    bare = wheel("py3-none-any", sha256=None)
    held = {bare.filename: "aa"}

    assert plan_sync([wanted(bare, "sha256:aa")], held)[0].step is Step.KEEP
    assert plan_sync([wanted(bare, "sha256:bb")], held)[0].step is Step.CONFLICT
    assert plan_sync([wanted(bare)], held)[0].step is Step.KEEP


def test_lines_about_one_project_are_one_wish() -> None:
    combined = wish_for(
        A,
        [SpecifierSet(">=1"), SpecifierSet("==1.5")],
        [frozenset(), frozenset({"sha256:aa", "sha256:bb"}), frozenset({"sha256:bb"})],
    )

    assert combined == Wish(A, SpecifierSet("==1.5,>=1"), frozenset({"sha256:bb"}))
    assert combined.is_pinned


def test_lines_with_contradicting_hashes_allow_no_file() -> None:
    combined = wish_for(A, [SpecifierSet("==1.0")] * 2, [frozenset({"sha256:aa"}), frozenset({"sha256:bb"})])

    choice = choose_files({LINUX: combined}, [wheel("py3-none-any")], SelectionRules())

    assert [miss.reason for miss in choice.misses] == [ChoiceReason.HASH]

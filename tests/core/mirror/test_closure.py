from __future__ import annotations

from collections.abc import Sequence

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.closure import Hole, Proof, Root, prove
from pypitool.core.mirror.selection import Candidate
from pypitool.core.mirror.targets import Target, make_target
from pypitool.core.model import FileKind

LINUX = make_target("linux", python="3.12", platform="manylinux_2_39_x86_64")
WINDOWS = make_target("windows", python="3.12", platform="win_amd64")


class OnDisk:
    """Candidates with their dependencies, as if they were on disk."""

    def __init__(self, *held: tuple[Candidate, tuple[Requirement, ...] | None]) -> None:
        self._held = held

    def candidates(self, project: NormalizedName) -> Sequence[Candidate]:
        return [candidate for candidate, _ in self._held if candidate.project == project]

    def requires(self, candidate: Candidate) -> tuple[Requirement, ...] | None:
        return dict(self._held)[candidate]


def held(
    name: str, version: str, *requires: str, tag: str = "py3-none-any", python: str | None = None
) -> tuple[Candidate, tuple[Requirement, ...]]:
    candidate = Candidate(
        f"{name}-{version}-{tag}.whl",
        canonicalize_name(name),
        Version(version),
        FileKind.WHEEL,
        parse_tag(tag),
        requires_python=python,
    )
    return candidate, tuple(Requirement(text) for text in requires)


def walk(shelves: OnDisk, *roots: str, target: Target = LINUX, pins: dict[str, str] | None = None) -> Proof:
    pinned = {canonicalize_name(name): SpecifierSet(text) for name, text in (pins or {}).items()}
    lines = [Root(Requirement(text), f"r.txt:{number}") for number, text in enumerate(roots, 1)]
    return prove(lines, target, shelves, pinned)


def test_a_closed_set_has_no_hole() -> None:
    proof = walk(OnDisk(held("a", "1.0", "b>=1"), held("b", "1.5")), "a==1.0")

    assert proof == Proof(used=frozenset({"a-1.0-py3-none-any.whl", "b-1.5-py3-none-any.whl"}))


def test_a_missing_dependency_is_a_hole_that_names_who_needs_it() -> None:
    proof = walk(OnDisk(held("a", "1.0", "b>=1")), "a==1.0")

    assert proof.holes == (Hole("linux", "b>=1", "a 1.0", "missing", unpinned=canonicalize_name("b")),)


def test_a_missing_root_is_a_hole_that_names_its_line() -> None:
    assert walk(OnDisk(), "a==1.0").holes == (Hole("linux", "a==1.0", "r.txt:1", "missing"),)


def test_a_dependency_of_another_platform_is_not_demanded() -> None:
    shelves = OnDisk(
        held("a", "1.0", 'w; sys_platform == "win32"', 'l; sys_platform == "linux"'), held("l", "1")
    )

    assert walk(shelves, "a").holes == ()
    assert [hole.requirement for hole in walk(shelves, "a", target=WINDOWS).holes] == ["w"]


def test_a_root_of_another_platform_is_not_demanded() -> None:
    assert walk(OnDisk(), 'a==1.0; sys_platform == "win32"').holes == ()


def test_an_extra_brings_its_own_dependencies() -> None:
    shelves = OnDisk(held("a", "1.0", 'b; extra == "Fast_io"'))

    assert walk(shelves, "a").holes == ()
    assert [hole.requirement for hole in walk(shelves, "a[fast.io]").holes] == ["b"]


def test_an_extra_of_a_dependency_is_followed() -> None:
    shelves = OnDisk(held("a", "1.0", "b[x]"), held("b", "1.0", 'c; extra == "x"'))

    assert [(hole.requirement, hole.required_by) for hole in walk(shelves, "a").holes] == [("c", "b 1.0")]


def test_an_extra_asked_for_later_is_not_forgotten() -> None:
    shelves = OnDisk(held("a", "1", "b", "c"), held("b", "1", 'd; extra == "x"'), held("c", "1", "b[x]"))

    assert [hole.requirement for hole in walk(shelves, "a").holes] == ["d"]


def test_a_circle_ends() -> None:
    assert walk(OnDisk(held("a", "1.0", "b"), held("b", "1.0", "a")), "a").holes == ()


def test_a_pinned_project_is_satisfied_by_its_pin_only() -> None:
    shelves = OnDisk(held("a", "1.0", "b<2"), held("b", "1.0"), held("b", "2.0"))

    (hole,) = walk(shelves, "a==1.0", pins={"b": "==2.0"}).holes

    assert hole.reason == "the set pins b==2.0"
    assert walk(shelves, "a==1.0").holes == ()


def test_a_pinned_prerelease_satisfies_a_range() -> None:
    shelves = OnDisk(held("a", "1.0", "b>=1"), held("b", "2.0rc1"))

    assert walk(shelves, "a", pins={"b": "==2.0rc1"}).holes == ()


def test_the_newest_final_on_disk_is_taken_where_nothing_pins() -> None:
    proof = walk(OnDisk(held("b", "1.0"), held("b", "1.2"), held("b", "2.0a1")), "b")

    assert proof.used == {"b-1.2-py3-none-any.whl"}


def test_a_wheel_of_another_machine_is_no_answer() -> None:
    proof = walk(OnDisk(held("b", "1.0", tag="cp312-cp312-win_amd64")), "b")

    assert proof.holes[0].reason == "no file fits the target"


def test_requires_python_of_the_file_counts() -> None:
    assert walk(OnDisk(held("b", "1.0", python=">=3.13")), "b").holes[0].reason == "no file fits the target"


def test_a_version_on_disk_that_does_not_satisfy_is_no_answer() -> None:
    assert walk(OnDisk(held("b", "1.0")), "b>=2").holes[0].reason == "no version on disk satisfies it"


def test_an_sdist_of_unknown_dependencies_is_a_warning_and_no_hole() -> None:
    candidate = Candidate("s-1.0.tar.gz", canonicalize_name("s"), Version("1.0"), FileKind.SDIST)

    proof = walk(OnDisk((candidate, None)), "s")

    assert proof.holes == ()
    assert [unknown.filename for unknown in proof.unknown] == ["s-1.0.tar.gz"]

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.selection import Candidate, FilesPolicy, Formats, SelectionRules
from pypitool.core.mirror.shown_releases import (
    LeftOut,
    ProjectTerms,
    ReleaseRules,
    ShownReleases,
    is_too_young,
    show_releases,
)
from pypitool.core.mirror.targets import Target, make_target
from pypitool.core.model import FileKind

NOW = datetime(2026, 6, 10, tzinfo=timezone.utc)
LONG_AGO, YESTERDAY = "2026-01-01T00:00:00.000000Z", "2026-06-09T00:00:00.000000Z"
LINUX = make_target("linux", python="3.12", platform="manylinux_2_39_x86_64")
WINDOWS = make_target("windows", python="3.12", platform="win_amd64")
OLD = make_target("old", python="3.9", platform="manylinux_2_39_x86_64")
WINDOWS_ONLY = "cp312-cp312-win_amd64"
A = canonicalize_name("a")


def wheel(version: str, tag: str = "py3-none-any", **more: Any) -> Candidate:
    said: dict[str, Any] = {"hashes": frozenset({"sha256:00"}), "upload_time": LONG_AGO, "size": 10, **more}
    return Candidate(f"a-{version}-{tag}.whl", A, Version(version), FileKind.WHEEL, parse_tag(tag), **said)


def sdist(version: str, **more: Any) -> Candidate:
    made = wheel(version, **more)
    return replace(made, filename=f"a-{version}.tar.gz", kind=FileKind.SDIST, tags=frozenset())


def show(
    *candidates: Candidate,
    targets: tuple[Target, ...] = (LINUX, WINDOWS),
    cooldown: int = 0,
    terms: ProjectTerms | None = None,
    **rules: Any,
) -> ShownReleases:
    ruled = ReleaseRules(SelectionRules(**rules), timedelta(days=cooldown))
    return show_releases(candidates, targets, ruled, terms or ProjectTerms(), NOW)


def versions(shown: ShownReleases) -> list[str]:
    return [str(file.version) for file in shown.files]


@pytest.mark.parametrize(
    ("file", "rules", "reason"),
    [
        (wheel("2.0", yanked="bad"), {}, LeftOut.YANKED),
        (wheel("2.0", hashes=frozenset()), {}, LeftOut.UNHASHED),
        (wheel("2.0", size=11), {"max_size": 10}, LeftOut.TOO_BIG),
        (wheel("2.0"), {"formats": Formats(no_binary=frozenset({"a"}))}, LeftOut.FORMAT),
        (sdist("2.0"), {"files": FilesPolicy.WHEEL}, LeftOut.FILES_POLICY),
        (wheel("2.0", upload_time=YESTERDAY), {"cooldown": 7}, LeftOut.COOLDOWN),
        (wheel("2.0", upload_time=None), {"cooldown": 7}, LeftOut.UNKNOWN_AGE),
        (wheel("2.0", "cp312-cp312-macosx_11_0_arm64"), {}, LeftOut.NO_FILE),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, LeftOut) else "",
)
def test_what_a_rule_refuses_is_not_shown(file: Candidate, rules: dict[str, Any], reason: LeftOut) -> None:
    shown = show(wheel("1.0"), file, **rules)

    assert "2.0" not in versions(shown)
    assert shown.newest_left_out() == (Version("2.0"), reason)


def test_what_passes_is_shown_the_newest_first() -> None:
    assert versions(show(wheel("1.0"), wheel("2.0"), sdist("2.0"))) == ["2.0", "2.0", "1.0"]


@pytest.mark.parametrize(
    "file",
    [
        wheel("2.0", yanked="bad"),
        wheel("2.0", hashes=frozenset()),
        wheel("2.0", size=11),
        wheel("2.0", upload_time=YESTERDAY),
        wheel("2.0", "cp312-cp312-macosx_11_0_arm64"),
        wheel("2.0rc1"),
    ],
)
def test_what_a_line_pins_was_chosen_already(file: Candidate) -> None:
    terms = ProjectTerms(named=frozenset({file.version}))

    shown = show(wheel("1.0"), file, terms=terms, cooldown=7, max_size=10)

    assert (shown.files[0].version, shown.files[0].yanked) == (file.version, None)


def test_a_pin_of_a_yanked_release_is_none_where_the_policy_takes_none() -> None:
    terms = ProjectTerms(named=frozenset({Version("2.0")}))

    assert versions(show(wheel("2.0", yanked=""), terms=terms, yanked=False)) == []


def test_what_an_environment_has_it_may_go_on_having() -> None:
    terms = ProjectTerms(have=frozenset({Version("2.0")}))

    assert versions(show(wheel("2.0", yanked="", upload_time=None), terms=terms, cooldown=7)) == ["2.0"]


def test_an_environment_does_not_move_to_a_pre_release() -> None:
    final = ProjectTerms(have=frozenset({Version("1.0")}))
    candidate = ProjectTerms(have=frozenset({Version("2.0rc1")}))
    offers = (wheel("1.0"), wheel("2.0rc1"), wheel("2.0rc2"))

    assert versions(show(*offers, terms=final)) == ["1.0"]
    assert versions(show(*offers, terms=candidate)) == ["2.0rc2", "2.0rc1", "1.0"]


def test_hashes_of_lines_limit_what_is_shown() -> None:
    terms = ProjectTerms(hashes=frozenset({"sha256:11"}))

    assert versions(show(wheel("1.0", hashes=frozenset({"sha256:11"})), wheel("2.0"), terms=terms)) == ["1.0"]


def test_a_release_for_fewer_targets_than_an_older_one_is_not_shown() -> None:
    assert versions(show(wheel("1.0"), wheel("2.0", WINDOWS_ONLY))) == ["1.0"]
    assert versions(show(wheel("1.0", WINDOWS_ONLY), wheel("2.0", WINDOWS_ONLY))) == ["2.0", "1.0"]
    assert versions(show(wheel("1.0", WINDOWS_ONLY), wheel("2.0"))) == ["2.0", "1.0"]


def test_a_release_that_asks_for_a_newer_python_is_shown_beside_the_older_one() -> None:
    offers = (wheel("1.0"), wheel("2.0", requires_python=">=3.10"))

    assert versions(show(*offers, targets=(LINUX, OLD))) == ["2.0", "1.0"]


def test_of_what_is_served_every_target_needs_a_file() -> None:
    offers = (wheel("1.0"), wheel("2.0", requires_python=">=3.10"), wheel("3.0", WINDOWS_ONLY))
    terms = ProjectTerms(served=(LINUX, OLD))

    assert versions(show(*offers, targets=(LINUX, OLD), terms=terms)) == ["1.0"]


def test_with_every_file_wanted_no_target_decides() -> None:
    mac = wheel("2.0", "cp312-cp312-macosx_11_0_arm64")

    assert versions(show(wheel("1.0"), mac, files=FilesPolicy.ALL)) == ["2.0", "1.0"]


def test_without_a_cooldown_nothing_is_too_young() -> None:
    assert not is_too_young(None, timedelta(), NOW)
    assert not is_too_young("2026-06-03T00:00:00.000000Z", timedelta(days=7), NOW)
    assert is_too_young("2026-06-03T00:00:00.000001Z", timedelta(days=7), NOW)


def test_an_older_release_that_is_left_out_is_missed_by_nobody() -> None:
    assert show(wheel("1.0", yanked=""), wheel("2.0")).newest_left_out() is None
    assert show(wheel("1.0", upload_time=YESTERDAY), wheel("2.0"), cooldown=7).newest_left_out() is not None


def test_thousands_of_releases_are_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    real = Version.__lt__

    def counted(self: Version, other: Any) -> bool:
        nonlocal compared
        compared += 1
        return real(self, other)

    monkeypatch.setattr(Version, "__lt__", counted)

    show(*(wheel(f"1.{number}") for number in range(2000)))

    assert compared < 100_000

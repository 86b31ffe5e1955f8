from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest
from packaging.requirements import Requirement
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.closure import Need
from pypitool.core.mirror.selection import Candidate
from pypitool.core.mirror.targets import Target, make_target
from pypitool.core.mirror.update_choice import (
    HeldBack,
    HoldReason,
    Judge,
    MaxChange,
    UpdateChoice,
    UpdateRules,
    choice_of,
    chosen_of,
    judged_releases,
    served_targets,
    step_limit,
    within,
)
from pypitool.core.model import FileKind
from pypitool.core.versions import current_version

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
LONG_AGO = "2026-01-01T00:00:00.000000Z"
LINUX = make_target("linux", python="3.12", platform="manylinux_2_39_x86_64")
WINDOWS = make_target("windows", python="3.12", platform="win_amd64")


def offer(
    version: str,
    tag: str = "py3-none-any",
    *,
    uploaded: str | None = LONG_AGO,
    yanked: str | None = None,
    python: str | None = None,
) -> Candidate:
    return Candidate(
        f"a-{version}-{tag}.whl",
        canonicalize_name("a"),
        Version(version),
        FileKind.WHEEL,
        parse_tag(tag),
        upload_time=uploaded,
        yanked=yanked,
        requires_python=python,
    )


def choose_update(
    have: Version,
    offers: Sequence[Candidate],
    served: Sequence[Target],
    rules: UpdateRules,
    now: datetime,
    judge: Judge = lambda files: None,
) -> UpdateChoice:
    return chosen_of(have, judged_releases(have, offers, served, rules, now, judge), {})


def choose(*offers: Candidate, rules: UpdateRules | None = None, have: str = "1.0") -> UpdateChoice:
    return choose_update(Version(have), offers, [LINUX, WINDOWS], rules or UpdateRules(), NOW)


def test_the_newest_release_that_passes_is_offered_with_its_age() -> None:
    choice = choose(offer("1.1"), offer("1.2"))

    assert choice.new == Version("1.2")
    assert choice.uploaded == LONG_AGO
    assert choice.held == ()


def test_nothing_newer_offers_nothing() -> None:
    assert choose(offer("1.0"), offer("0.9")) == UpdateChoice(Version("1.0"), None, None)


@pytest.mark.parametrize(
    ("newer", "reason"),
    [
        (offer("2.0", yanked=""), HoldReason.YANKED),
        (offer("2.0", python=">=3.13"), HoldReason.REQUIRES_PYTHON),
        (offer("2.0", "cp312-cp312-win_amd64"), HoldReason.NO_FILE),
        (offer("2.0b1"), HoldReason.PRERELEASE),
        (offer("2.0.dev1"), HoldReason.PRERELEASE),
    ],
    ids=lambda value: value.value if isinstance(value, HoldReason) else "",
)
def test_a_newer_release_that_does_not_pass_is_held_back_with_its_reason(
    newer: Candidate, reason: HoldReason
) -> None:
    choice = choose(offer("1.1"), newer)

    assert choice.new == Version("1.1")
    assert [(one.version, one.reason) for one in choice.held] == [(newer.version, reason)]


def test_a_post_release_is_stable() -> None:
    assert choose(offer("1.0.post1")).new == Version("1.0.post1")


def test_prereleases_are_offered_when_allowed() -> None:
    assert choose(offer("2.0b1"), rules=UpdateRules(prereleases=True)).new == Version("2.0b1")


def test_a_young_release_cools_down() -> None:
    rules = UpdateRules(cooldown=timedelta(days=7))
    young = offer("1.1", uploaded="2026-05-30T00:00:00.000000Z")

    assert choose(young, rules=rules).held == (HeldBack(Version("1.1"), HoldReason.COOLDOWN),)
    assert choose(offer("1.1"), rules=rules).new == Version("1.1")


def test_each_file_has_its_own_age() -> None:
    rules = UpdateRules(cooldown=timedelta(days=7))
    old, late = offer("1.1"), offer("1.1", "cp312-cp312-win_amd64", uploaded="2026-05-30T00:00:00.000000Z")
    releases = choose_update(Version("1.0"), [old, late], (LINUX,), rules, NOW)
    windows = choose_update(
        Version("1.0"), [offer("1.1", "cp312-cp312-manylinux_2_28_x86_64"), late], (WINDOWS,), rules, NOW
    )

    assert releases.files == (old,)
    assert windows.held == (HeldBack(Version("1.1"), HoldReason.COOLDOWN),)


def test_a_release_of_unknown_age_counts_as_too_young() -> None:
    rules = UpdateRules(cooldown=timedelta(days=7))

    assert choose(offer("1.1", uploaded=None), rules=rules).new is None


def test_a_target_that_had_no_file_does_not_hold_an_update_back() -> None:
    ours = [offer("1.0", "cp312-cp312-win_amd64"), offer("0.9")]
    offers = [offer("1.1", "cp312-cp312-win_amd64")]

    served = served_targets(Version("1.0"), ours, [LINUX, WINDOWS])
    choice = choose_update(Version("1.0"), offers, served, UpdateRules(), NOW)

    assert served == (WINDOWS,)
    assert choice.new == Version("1.1")


def test_a_release_whose_files_may_not_be_fetched_is_held_back() -> None:
    offers = [offer("1.1"), offer("1.2")]

    def judge(files: Sequence[Candidate]) -> HoldReason | None:
        return HoldReason.POLICY if files[0].version == Version("1.2") else None

    choice = choose_update(Version("1.0"), offers, [LINUX], UpdateRules(), NOW, judge)

    assert choice.new == Version("1.1")
    assert choice.held == (HeldBack(Version("1.2"), HoldReason.POLICY),)


@pytest.mark.parametrize(
    ("limit", "have", "new", "allowed"),
    [
        (MaxChange.PATCH, "1.2.3", "1.2.9", True),
        (MaxChange.PATCH, "1.2.3", "1.3.0", False),
        (MaxChange.PATCH, "1.2", "1.2.0.1", True),
        (MaxChange.MINOR, "1.2.3", "1.9", True),
        (MaxChange.MINOR, "1.2.3", "2.0", False),
        (MaxChange.MINOR, "1.0", "1!1.1", False),
        (MaxChange.MAJOR, "1.0", "1!1.1", True),
        (MaxChange.MINOR, "1!1.0", "1!1.1", True),
        (MaxChange.MINOR, "1.0", "2.0rc1", False),
        (MaxChange.PATCH, "1", "1.0.1", True),
        (MaxChange.PATCH, "1", "1", True),
    ],
)
def test_max_limits_the_step(limit: MaxChange, have: str, new: str, allowed: bool) -> None:
    specifier = step_limit(limit, Version(have))

    assert within(limit, Version(have), Version(new)) is allowed
    assert (specifier is None or specifier.contains(new, prereleases=True)) is allowed


def test_we_have_a_prerelease_only_when_nothing_else() -> None:
    assert current_version([Version("1.0"), Version("2.0rc1")]) == Version("1.0")
    assert current_version([Version("2.0rc1")]) == Version("2.0rc1")
    assert current_version([]) is None


def test_what_is_excluded_is_held_back_by_name_and_the_next_one_is_offered() -> None:
    offers = [offer("1.1"), offer("1.2"), offer("1.3", yanked="")]
    need = Need(Requirement("a<1.2"), "b 1.0")

    judged = judged_releases(Version("1.0"), offers, [LINUX], UpdateRules(), NOW, lambda files: None)
    choice = chosen_of(Version("1.0"), judged, {Version("1.2"): need})

    assert choice.new == Version("1.1")
    assert choice.held == (
        HeldBack(Version("1.3"), HoldReason.YANKED),
        HeldBack(Version("1.2"), HoldReason.CONSTRAINT, need),
    )


def test_of_what_was_chosen_with_others_the_newer_ones_are_held_back() -> None:
    offers = [offer("1.1"), offer("1.2"), offer("1.3"), offer("1.4", yanked="")]
    need = Need(Requirement("a<1.3"), "b 1.0")
    judged = list(judged_releases(Version("1.0"), offers, [LINUX], UpdateRules(), NOW, lambda files: None))

    moved = choice_of(Version("1.0"), judged, Version("1.1"), {Version("1.3"): need})
    stays = choice_of(Version("1.0"), judged, Version("1.0"), {})

    assert (moved.new, moved.uploaded, moved.files) == (Version("1.1"), LONG_AGO, (offers[0],))
    assert moved.held == (
        HeldBack(Version("1.4"), HoldReason.YANKED),
        HeldBack(Version("1.3"), HoldReason.CONSTRAINT, need),
        HeldBack(Version("1.2"), HoldReason.CONSTRAINT),
    )
    assert (stays.new, len(stays.held)) == (None, 4)

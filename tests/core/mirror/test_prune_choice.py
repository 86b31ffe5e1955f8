from __future__ import annotations

from datetime import datetime, timedelta, timezone

from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.prune_choice import MirroredFile, PruneRules, choose_prunable

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
LONG_AGO = NOW - timedelta(days=90)


def held(version: str, *, wanted: bool = False, last: datetime | None = LONG_AGO) -> MirroredFile:
    return MirroredFile(
        f"a-{version}.tar.gz", canonicalize_name("a"), Version(version), wanted, NOW if wanted else last
    )


def pruned(*files: MirroredFile, rules: PruneRules | None = None) -> list[str]:
    return [str(file.version) for file in choose_prunable(files, rules or PruneRules(), NOW)]


def test_what_a_set_once_wanted_and_none_wants_now_may_go() -> None:
    assert pruned(held("1.0"), held("2.0", wanted=True)) == ["1.0"]


def test_what_only_download_fetched_stays() -> None:
    assert pruned(held("1.0", last=None), held("2.0", wanted=True)) == []


def test_what_is_newer_than_everything_wanted_stays() -> None:
    assert pruned(held("1.0"), held("2.0", wanted=True), held("3.0")) == ["1.0"]


def test_what_is_newer_than_a_version_that_is_yet_to_come_stays() -> None:
    pinned = {canonicalize_name("a"): [Version("1.5")]}

    found = choose_prunable([held("1.0"), held("2.0")], PruneRules(), NOW, pinned)

    assert [str(file.version) for file in found] == ["1.0"]


def test_a_project_that_no_set_wants_goes_as_a_whole() -> None:
    assert pruned(held("1.0"), held("10.0"), held("9.0")) == ["1.0", "9.0", "10.0"]


def test_what_was_wanted_lately_stays_for_a_while() -> None:
    rules = PruneRules(older_than=timedelta(days=30))

    assert pruned(held("1.0"), held("1.1", last=NOW - timedelta(days=3)), rules=rules) == ["1.0"]


def test_the_newest_versions_stay() -> None:
    assert pruned(held("1.0"), held("1.9"), held("1.10"), rules=PruneRules(keep=2)) == ["1.0"]

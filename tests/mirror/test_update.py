from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from pypitool.core.errors import Kind
from pypitool.core.event_document import document
from pypitool.core.mirror.run_events import (
    Event,
    FileEvent,
    HoleEvent,
    PlanEvent,
    ProjectEvent,
    UpdateEvent,
    WarningEvent,
)
from pypitool.core.mirror.run_summary import Ending, Summary
from pypitool.core.mirror.selection import FilesPolicy, SelectionRules
from pypitool.core.mirror.targets import Target, make_target
from pypitool.core.mirror.update_choice import MaxChange, UpdateRules, UpdateTerms
from pypitool.core.model import Origin, OriginKind
from pypitool.core.state_files import StateFiles
from pypitool.mirror.environments import read_environments
from pypitool.mirror.inputs import Inputs
from pypitool.mirror.record import MirrorRecord
from pypitool.mirror.run import RunFrame, run
from pypitool.mirror.sets import SetRequest
from pypitool.mirror.sync import Mirror, Report
from pypitool.mirror.update import UpdateOptions, update
from pypitool.mirror.workspace import Workspace
from pypitool.repository.releases import NotHeld
from pypitool.upstream.upstream import Upstream
from tests.support.offers import copy_in, held_in, put_in, sdist, upload, wheel
from tests.support.upstream import Dialect, FakeUpstream, Offer, other_bytes, portal, respond, truncate

UBUNTU = make_target("ubuntu", python="3.12", platform="manylinux_2_39_x86_64")
WINDOWS = make_target("windows", python="3.12", platform="win_amd64")
OURS = Origin(OriginKind.MIRRORED, "fake")


@dataclass
class Lan:
    """A directory with an upstream, and what the last run said."""

    packages: Path
    fake: FakeUpstream
    events: list[Event] = field(default_factory=list)
    private: tuple[str, ...] = ()
    upstreams: list[Upstream] = field(default_factory=list)

    def mirrored(self, *offers: Offer) -> None:
        """Let the directory hold what the upstream has, as an earlier run brought it."""
        for offer in offers:
            put_in(self.packages, offer, OURS)
            self.offer(offer)

    def offer(self, *offers: Offer) -> None:
        """Let the upstream have files."""
        for offer in offers:
            name = offer.filename.partition("-")[0].replace("_", "-")
            self.fake.index.offers.setdefault(name, []).append(offer)

    def update(
        self,
        *names: str,
        targets: Sequence[Target] = (UBUNTU, WINDOWS),
        guesses: bool = False,
        rules: UpdateRules | None = None,
        selection: SelectionRules | None = None,
        pin_files: Sequence[Path] = (),
        **options: Any,
    ) -> Summary:
        chooses = selection or SelectionRules()
        terms = UpdateTerms(tuple(targets), guesses, rules or UpdateRules(), chooses, frozenset())
        alone = SetRequest("", Inputs(), tuple(targets), rules=chooses)
        chosen = UpdateOptions(
            terms,
            frozenset(map(canonicalize_name, names)),
            environments=read_environments((), pin_files, alone),
            environ=os.environ,
            **options,
        )
        upstreams = self.upstreams or [Upstream("fake", self.fake.url, retries=0)]
        frame = RunFrame(
            "update", "update", Workspace((self.packages,)), upstreams, self.private, not chosen.execute
        )

        def work(mirror: Mirror, report: Report) -> Ending:
            return update(mirror, chosen, report)

        self.events.clear()
        return run(frame, work, self.events.append)

    def lines(self) -> list[str]:
        return [line for event in self.events if isinstance(event, UpdateEvent) for line in event.lines()]

    def looked_at(self) -> list[str]:
        return [event.project for event in self.events if isinstance(event, UpdateEvent)]

    def warnings(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, WarningEvent)]

    def outcomes(self) -> dict[str, str]:
        return {event.name: event.outcome for event in self.events if isinstance(event, FileEvent)}

    def holes(self) -> list[str]:
        return [str(event) for event in self.events if isinstance(event, HoleEvent)]

    def failures(self) -> dict[str, Kind]:
        return {event.project: event.kind for event in self.events if isinstance(event, ProjectEvent)}

    def files(self) -> set[str]:
        return set(held_in(self.packages))


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    with FakeUpstream() as fake:
        yield Lan(tmp_path / "packages", fake)


def test_a_newer_release_is_offered_and_nothing_is_written(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "1.1"))
    before = sorted(lan.packages.rglob("*"))

    summary = lan.update()

    assert lan.lines() == ["a 1.0 -> 1.1"]
    assert (summary.exit_code, summary.tally.offered, summary.run) == (0, 1, None)
    assert sorted(lan.packages.rglob("*")) == before


def test_what_is_current_is_looked_at_and_not_offered(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))

    lan.update()

    assert (lan.looked_at(), lan.lines()) == (["a"], [])


def test_each_newer_release_that_is_not_offered_is_held_back_with_its_reason(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(
        wheel("a", "1.1"),
        wheel("a", "2.0", yanked="broken"),
        wheel("a", "2.1", requires_python=">=3.13"),
        wheel("a", "2.2", tags="cp312-cp312-win_amd64"),
        wheel("a", "2.3rc1"),
    )

    lan.update()

    assert lan.lines() == [
        "a 1.0 -> 1.1",
        "held a 2.3rc1: prerelease",
        "held a 2.2: no-file (none for ubuntu)",
        "held a 2.1: requires-python (>=3.13; ubuntu has 3.12)",
        "held a 2.0: yanked",
    ]


def test_prereleases_are_offered_when_allowed(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "2.0rc1"))

    lan.update(rules=UpdateRules(prereleases=True))

    assert lan.lines() == ["a 1.0 -> 2.0rc1"]


def test_max_holds_larger_steps_back(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "1.1"), wheel("a", "2.0"))

    lan.update(rules=UpdateRules(max_change=MaxChange.MINOR))

    assert lan.lines() == ["a 1.0 -> 1.1", "held a 2.0: max"]


def test_a_young_release_cools_down_also_when_its_age_is_unknown(lan: Lan) -> None:
    yesterday = (datetime.now(timezone.utc) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"))
    lan.offer(wheel("a", "1.1", upload_time=yesterday), wheel("b", "1.1", upload_time=None))

    lan.update(rules=UpdateRules(cooldown=timedelta(days=7)))
    assert lan.lines() == ["held a 1.1: cooldown", "held b 1.1: cooldown"]

    lan.update(rules=UpdateRules(cooldown=timedelta(hours=1)))
    assert lan.lines() == ["a 1.0 -> 1.1", "held b 1.1: cooldown"]


@pytest.mark.parametrize(
    "selection",
    [SelectionRules(files=FilesPolicy.WHEEL), SelectionRules(max_size=10)],
    ids=["kind", "size"],
)
def test_a_release_whose_files_the_policy_refuses_is_held_back(lan: Lan, selection: SelectionRules) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(sdist("a", "1.1"))

    lan.update(selection=selection)

    assert lan.lines() == ["held a 1.1: policy"]


def test_without_sha256_nothing_is_offered_unless_that_is_allowed(lan: Lan) -> None:
    lan.fake.index.dialect = Dialect(hashes=False)
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "1.1"))

    lan.update()
    assert lan.lines() == ["held a 1.1: policy"]

    lan.update(selection=SelectionRules(allow_unhashed=True))
    assert lan.lines() == ["a 1.0 -> 1.1"]


def test_uploaded_projects_are_never_asked_for(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    upload(lan.packages, wheel("a", "0.9"))
    lan.offer(wheel("a", "9.0"))

    summary = lan.update()

    assert (summary.exit_code, lan.looked_at(), lan.fake.seen) == (0, [], [])


def test_private_projects_are_never_asked_for_and_named_ones_are_told(lan: Lan) -> None:
    lan.private = ("acme-*",)
    copy_in(lan.packages, wheel("acme-core", "1.0"))
    lan.offer(wheel("acme-core", "9.0"))

    lan.update()
    assert lan.events == []

    lan.update("Acme.Core")
    assert lan.lines() == ["held acme-core: private"]
    assert "private" in lan.warnings()[0]
    assert lan.fake.seen == []


def test_what_was_copied_in_is_updated_when_the_upstream_lists_its_bytes(lan: Lan) -> None:
    ours = wheel("a", "1.0")
    copy_in(lan.packages, ours)
    lan.offer(ours, wheel("a", "1.1"))

    lan.update()

    assert lan.lines() == ["a 1.0 -> 1.1"]


def test_a_stranger_of_the_same_name_is_reported_and_not_believed(lan: Lan) -> None:
    copy_in(lan.packages, wheel("a", "1.0"))
    lan.offer(wheel("a", "1.0", salt=b"other"), wheel("a", "9.0"))

    summary = lan.update(execute=True)

    assert summary.exit_code == 0
    assert (lan.looked_at(), lan.lines()) == (["a"], [])
    assert "a stranger of the same name" in lan.warnings()[0]
    assert lan.files() == {"a-1.0-py3-none-any.whl"}


def test_what_another_upstream_gave_is_believed_by_its_bytes_only(lan: Lan) -> None:
    put_in(lan.packages, wheel("a", "1.0"), Origin(OriginKind.MIRRORED, "corp"))
    lan.offer(wheel("a", "9.0"))

    lan.update()
    assert "a stranger of the same name" in lan.warnings()[0]

    lan.offer(wheel("a", "1.0"))
    lan.update()
    assert lan.lines() == ["a 1.0 -> 9.0"]


def test_copied_in_projects_can_be_left_out(lan: Lan) -> None:
    copy_in(lan.packages, wheel("a", "1.0"))
    lan.mirrored(wheel("b", "1.0"))
    lan.offer(wheel("a", "1.1"), wheel("b", "1.1"))

    lan.update(copied_in=False)

    assert lan.lines() == ["b 1.0 -> 1.1"]
    assert lan.fake.paths("/simple/") == ["/simple/b/"]


def test_ignored_projects_are_not_asked_for(lan: Lan) -> None:
    lan.mirrored(wheel("foo-bar", "1.0"))
    lan.offer(wheel("foo-bar", "1.1"))

    lan.update(ignored=frozenset({canonicalize_name("Foo_Bar")}))

    assert lan.fake.seen == []


def test_only_named_projects_are_asked_for(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"))

    lan.update("A")

    assert lan.fake.paths() == ["/simple/a/"]


def test_a_project_that_is_not_held_is_an_error(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))

    with pytest.raises(NotHeld, match="there is no project `b`"):
        lan.update("a", "b")

    assert lan.fake.seen == []


def test_one_projects_failure_does_not_stop_the_others(lan: Lan) -> None:
    lan.mirrored(*(wheel(name, "1.0") for name in "abc"))
    lan.offer(wheel("c", "1.1"))
    lan.fake.fail("/simple/a/", respond(404))
    lan.fake.fail("/simple/b/", portal())

    summary = lan.update()

    assert summary.exit_code == 3
    assert lan.failures() == {"a": Kind.NOT_FOUND, "b": Kind.INVALID}
    assert lan.lines() == ["c 1.0 -> 1.1"]


def test_what_was_copied_in_and_nobody_has_is_a_line_and_no_failure(lan: Lan) -> None:
    copy_in(lan.packages, wheel("ours", "1.0"))
    lan.mirrored(wheel("b", "1.0"))
    lan.offer(wheel("b", "1.1"))

    summary = lan.update()

    assert (summary.exit_code, lan.failures()) == (0, {})
    assert lan.warnings() == ["no upstream has ours, which was copied in"]
    assert lan.lines() == ["b 1.0 -> 1.1"]


def test_when_no_upstream_answers_the_run_says_so(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.fake.fail("/simple/", respond(503))

    assert lan.update().exit_code == 7


def test_an_offer_is_an_exit_code_where_that_is_asked_for(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    assert lan.update(exit_code=True).exit_code == 0

    lan.offer(wheel("a", "1.1"))
    assert lan.update(exit_code=True).exit_code == 10


def test_executed_every_targets_file_arrives_with_what_is_known_of_it(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(
        wheel("a", "1.1", tags="cp312-cp312-win_amd64"),
        wheel("a", "1.1", tags="cp312-cp312-manylinux_2_28_x86_64"),
        wheel("a", "1.1", tags="cp312-cp312-macosx_11_0_arm64"),
        sdist("a", "1.1"),
    )

    summary = lan.update(execute=True)

    new = {"a-1.1-cp312-cp312-win_amd64.whl", "a-1.1-cp312-cp312-manylinux_2_28_x86_64.whl"}
    assert lan.outcomes() == dict.fromkeys(new, "fetched")
    assert (summary.exit_code, summary.tally.fetched, summary.run) == (0, 2, 1)
    file = held_in(lan.packages)["a-1.1-cp312-cp312-win_amd64.whl"]
    assert (file.origin, file.upload_time) == (OURS, "2026-01-02T03:04:05.678900Z")


def test_a_second_execution_offers_nothing_and_asks_conditionally(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "1.1"))
    lan.update(execute=True)
    lan.fake.seen.clear()

    lan.update(execute=True)

    assert lan.lines() == []
    assert [(seen.path, "If-None-Match" in seen.headers) for seen in lan.fake.seen] == [("/simple/a/", True)]


def test_a_yanked_file_of_a_good_release_is_not_fetched(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "1.1", tags="cp312-cp312-win_amd64", yanked="bad"), wheel("a", "1.1"))

    lan.update(execute=True)

    assert lan.outcomes() == {"a-1.1-py3-none-any.whl": "fetched"}


def test_new_dependencies_that_are_not_on_disk_are_holes(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"), wheel("c", "1.0"))
    lan.offer(wheel("a", "1.1", "b>=2", 'w; sys_platform == "win32"', "c"))

    summary = lan.update(execute=True)

    assert summary.exit_code == 1
    assert lan.holes() == [
        "missing: update ubuntu: b>=2 (needed by a 1.1)",
        "missing: update windows: b>=2 (needed by a 1.1)",
        "missing: update windows: w (needed by a 1.1)",
    ]


def test_a_dependency_that_arrives_in_the_same_run_is_no_hole(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"))
    lan.offer(wheel("a", "1.1", "b>=2"), wheel("b", "2.0"))

    assert lan.update(execute=True).exit_code == 0


def test_a_file_that_fails_leaves_the_others_and_no_root_for_the_proof(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"))
    lan.offer(wheel("a", "1.1", "missing"), wheel("b", "1.1"))
    lan.fake.fail("/files/a-1.1", other_bytes())

    summary = lan.update(execute=True)

    assert (summary.exit_code, lan.holes()) == (3, [])
    assert lan.outcomes() == {"a-1.1-py3-none-any.whl": "failed", "b-1.1-py3-none-any.whl": "fetched"}


def test_other_bytes_under_a_held_name_are_a_conflict(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    copy_in(lan.packages, replace(wheel("a", "1.1", salt=b"x"), filename="a-1.1-py3-none-win_amd64.whl"))
    lan.offer(wheel("a", "1.1", tags="py3-none-win_amd64"), wheel("a", "1.2"))

    lan.update(execute=True)

    assert lan.lines() == ["a 1.1 -> 1.2"]


def test_a_plan_names_the_files_and_fetches_none(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "1.1"))

    lan.update(plan=True)

    planned = [(event.action, event.name) for event in lan.events if isinstance(event, PlanEvent)]
    assert planned == [("get", "a-1.1-py3-none-any.whl")]
    assert lan.fake.paths("/files/") == []


def test_a_new_file_lies_beside_the_one_that_it_replaces(lan: Lan) -> None:
    ours = wheel("a", "1.0")
    copy_in(lan.packages / "deep" / "er", ours)
    lan.offer(ours, wheel("a", "1.1"))

    lan.update(execute=True)

    assert held_in(lan.packages)["a-1.1-py3-none-any.whl"].location.path == "deep/er/a-1.1-py3-none-any.whl"


def test_a_new_file_lies_where_it_is_wanted(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "1.1"))
    (lan.packages / "new").mkdir()

    lan.update(execute=True, destination=(0, "new"))

    assert (lan.packages / "new" / "a-1.1-py3-none-any.whl").exists()


def test_guessed_machines_get_their_files_and_hold_nothing_back(lan: Lan) -> None:
    mine = wheel("a", "1.0", tags="cp312-cp312-manylinux_2_17_x86_64")
    lan.mirrored(
        mine,
        wheel("a", "1.0", tags="cp311-cp311-win_amd64"),
        wheel("a", "1.0", tags="cp312-cp312-macosx_10_9_x86_64"),
        wheel("a", "1.0", tags="cp39-cp39-win_amd64"),
    )
    lan.offer(
        wheel("a", "1.1", tags="cp312-cp312-manylinux_2_17_x86_64"),
        wheel("a", "1.1", tags="cp311-cp311-win_amd64"),
        wheel("a", "1.1", tags="cp312-cp312-macosx_11_0_x86_64"),
        wheel("a", "1.1", tags="cp313-cp313-win_amd64"),
    )

    lan.update(execute=True, targets=(UBUNTU,), guesses=True)

    assert set(lan.outcomes()) == {
        "a-1.1-cp312-cp312-manylinux_2_17_x86_64.whl",
        "a-1.1-cp311-cp311-win_amd64.whl",
        "a-1.1-cp312-cp312-macosx_11_0_x86_64.whl",
    }


def test_a_directory_for_another_python_gets_no_files_for_this_one(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0", tags="cp311-cp311-manylinux_2_17_x86_64"), wheel("b", "1.0"))
    for python in ("cp311", "cp312"):
        lan.offer(wheel("a", "1.1", tags=f"{python}-{python}-manylinux_2_17_x86_64"))
    lan.offer(wheel("b", "1.1"))

    lan.update(execute=True, targets=(UBUNTU,), guesses=True)

    assert set(lan.outcomes()) == {"a-1.1-cp311-cp311-manylinux_2_17_x86_64.whl", "b-1.1-py3-none-any.whl"}


def test_a_release_of_which_no_machine_takes_a_file_is_not_offered(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0", tags="cp312-cp312-win_amd64"))
    lan.offer(wheel("a", "1.1", tags="cp313-cp313-macosx_11_0_arm64"))

    lan.update(targets=(UBUNTU,), guesses=True)

    assert lan.lines() == ["held a 1.1: no-file"]


def test_a_quarantined_project_offers_nothing_and_is_told(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.fake.index.offers["a"] = []
    lan.fake.index.statuses["a"] = ("quarantined", "malware")

    summary = lan.update()

    assert (summary.exit_code, lan.lines()) == (0, [])
    assert lan.warnings() == ["a is quarantined by fake: malware"]


VULNERABLE = {"vulnerabilities": [{"id": "GHSA-1", "aliases": ["CVE-1"], "fixed_in": ["1.1"]}]}


def test_vulnerabilities_of_what_we_have_are_shown(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"))
    lan.offer(wheel("a", "1.1"), wheel("b", "1.1"))
    lan.fake.index.legacy_json = {"/pypi/a/1.0/json": VULNERABLE, "/pypi/b/1.0/json": {"vulnerabilities": []}}

    lan.update(vulnerabilities=True)

    assert lan.lines() == [
        "a 1.0 -> 1.1",
        "vulnerable a 1.0: GHSA-1, CVE-1 (fixed in 1.1)",
        "b 1.0 -> 1.1",
    ]
    assert sorted(lan.fake.paths("/pypi/")) == ["/pypi/a/1.0/json", "/pypi/b/1.0/json"]


def test_security_limits_to_what_is_vulnerable(lan: Lan) -> None:
    lan.mirrored(*(wheel(name, "1.0") for name in "abc"))
    lan.offer(*(wheel(name, "1.1") for name in "abc"))
    lan.fake.index.legacy_json = {"/pypi/a/1.0/json": VULNERABLE, "/pypi/b/1.0/json": {"vulnerabilities": []}}

    summary = lan.update(security=True, execute=True)

    assert lan.looked_at() == ["a"]
    assert list(lan.outcomes()) == ["a-1.1-py3-none-any.whl"]
    assert lan.warnings() == ["fake does not say whether c 1.0 is vulnerable"]
    assert summary.exit_code == 0


@pytest.mark.parametrize("action", [respond(404), portal(), respond(503), respond(401)])
def test_unknown_vulnerabilities_fail_nothing(lan: Lan, action: Any) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "1.1"))
    lan.fake.fail("/pypi/", action)

    summary = lan.update(vulnerabilities=True)

    (event,) = (event for event in lan.events if isinstance(event, UpdateEvent))
    assert document(event)["vulnerabilities"] is None
    assert (summary.exit_code, lan.lines()) == (0, ["a 1.0 -> 1.1"])


def test_an_index_that_says_nothing_of_vulnerabilities_is_told_once(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"))

    lan.update(security=True)

    assert (lan.looked_at(), lan.warnings()) == ([], ["fake says nothing about vulnerabilities"])


def test_without_being_asked_nobody_is_asked_about_vulnerabilities(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))

    lan.update()

    assert lan.fake.paths() == ["/simple/a/"]


@pytest.mark.process
def test_pins_and_hashes_are_rewritten_in_place(lan: Lan, tmp_path: Path) -> None:
    new = [wheel("a", "1.1"), sdist("a", "1.1")]
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"), wheel("c", "1.0"))
    lan.offer(*new, wheel("b", "2.0"))
    file = tmp_path / "r.txt"
    file.write_bytes(b"# ours\r\na[x]==1.0 \\\r\n    --hash=sha256:00 # why\r\nb>=1\r\nc==1.0\r\n")

    lan.update(pin_files=[file])

    first, second = sorted(offer.digest for offer in new)
    assert file.read_bytes().decode() == (
        f"# ours\r\na[x]==1.1 \\\r\n    --hash=sha256:{first} \\\r\n    --hash=sha256:{second} # why\r\n"
        "b>=1\r\nc==1.0\r\n"
    )


@pytest.mark.process
def test_only_projects_whose_files_all_arrived_are_rewritten(lan: Lan, tmp_path: Path) -> None:
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"))
    lan.offer(wheel("a", "1.1"), wheel("b", "1.1"))
    lan.fake.fail("/files/a-1.1.*whl$", respond(404))
    file = tmp_path / "r.txt"
    file.write_text("a==1.0\nb==1.0\n")

    lan.update(execute=True, pin_files=[file])

    assert file.read_text() == "a==1.0\nb==1.1\n"


@pytest.mark.process
def test_a_pin_of_a_release_that_is_not_here_moves_too(lan: Lan, tmp_path: Path) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "0.9"), wheel("a", "1.1"))
    file = tmp_path / "r.txt"
    file.write_text("a==0.9\n")

    lan.update(pin_files=[file])

    assert file.read_text() == "a==1.1\n"
    assert lan.lines() == ["a 0.9 -> 1.1"]


@pytest.mark.process
def test_a_rewritten_file_keeps_its_encoding_mode_and_link(lan: Lan, tmp_path: Path) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "1.1"))
    real, link = tmp_path / "real.txt", tmp_path / "r.txt"
    real.write_bytes("\ufeffa==1.0  # é\n".encode("utf-16-le"))
    real.chmod(0o640)
    link.symlink_to(real)

    lan.update(pin_files=[link])

    assert link.is_symlink()
    assert real.read_bytes() == "\ufeffa==1.1  # é\n".encode("utf-16-le")
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["packages", "r.txt", "real.txt"]


@pytest.mark.process
def test_hashed_pins_without_a_known_sha256_stay(lan: Lan, tmp_path: Path) -> None:
    lan.fake.index.dialect = Dialect(hashes=False)
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"))
    lan.offer(wheel("a", "1.1"), wheel("b", "1.1"))
    file = tmp_path / "r.txt"
    file.write_text(f"a==1.0 --hash=sha256:{'0' * 64}\nb==1.0\n")

    lan.update(pin_files=[file], selection=SelectionRules(allow_unhashed=True))

    assert file.read_text() == f"a==1.0 --hash=sha256:{'0' * 64}\nb==1.1\n"


def test_a_stop_ends_the_run_as_interrupted(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    stop = threading.Event()
    stop.set()
    frame = RunFrame(
        "update",
        "update",
        Workspace((lan.packages,)),
        [Upstream("fake", lan.fake.url)],
        dry_run=True,
        stop=stop,
    )

    summary = run(
        frame,
        lambda mirror, report: update(mirror, UpdateOptions(UpdateTerms((UBUNTU,))), report),
        lan.events.append,
    )

    assert summary.exit_code == 130


def test_a_job_is_recorded_although_it_wrote_nothing_else(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    frame = RunFrame(
        "update",
        "update",
        Workspace((lan.packages,)),
        [Upstream("fake", lan.fake.url)],
        dry_run=True,
        job="night",
    )

    run(
        frame,
        lambda mirror, report: update(mirror, UpdateOptions(UpdateTerms((UBUNTU,))), report),
        lan.events.append,
    )

    found = MirrorRecord(StateFiles(lan.packages / ".pypitool").mirror, scratch=True).last_run_of("night")
    assert found is not None
    assert found.summary is not None
    assert found.summary.command == "update"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to work in somebody else's directory")
def test_what_root_makes_belongs_to_the_owner_of_the_directory(lan: Lan) -> None:
    lan.packages.mkdir()
    os.chown(lan.packages, 12345, 12345)
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "1.1"), wheel("a", "1.2"))
    lan.fake.fail("/files/a-1.2", truncate(100), times=1)
    lan.fake.fail("/files/a-1.2", respond(404))

    lan.update(execute=True)

    made = [path for path in lan.packages.rglob("*") if ".pypitool" in path.parts]
    assert any(path.parent.name == "partial" for path in made)
    assert {path.lstat().st_uid for path in made} == {12345}


@pytest.mark.process
def test_a_file_with_hashes_gets_no_line_without_one(lan: Lan, tmp_path: Path) -> None:
    lan.fake.index.dialect = Dialect(hashes=False)
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"))
    lan.offer(wheel("b", "1.1", "dep"), wheel("dep", "1.0"))
    file = tmp_path / "r.txt"
    before = f"a==1.0 --hash=sha256:{'0' * 64}\nb==1.0\n"
    file.write_text(before)

    lan.update(pin_files=[file], selection=SelectionRules(allow_unhashed=True))

    assert file.read_text() == before
    assert lan.warnings() == ["b stays: no sha256 is known of dep 1.0"]


@pytest.mark.process
def test_a_file_for_another_python_is_moved_for_the_machines_of_its_wheels(lan: Lan, tmp_path: Path) -> None:
    for version in ("1.0", "1.1"):
        offer = wheel("a", version, *(["b"] if version == "1.1" else []), tags="cp311-cp311-win_amd64")
        (lan.mirrored if version == "1.0" else lan.offer)(offer)
    lan.offer(
        wheel("b", "1.0", tags="cp311-cp311-win_amd64"), wheel("b", "2.0", tags="cp312-cp312-win_amd64")
    )
    file = tmp_path / "r.txt"
    file.write_text("a==1.0\n")

    summary = lan.update(execute=True, targets=(UBUNTU,), guesses=True, pin_files=[file])

    assert summary.exit_code == 0
    assert file.read_text() == "a==1.1\nb==1.0  # needed by a\n"
    assert set(lan.outcomes()) == {"a-1.1-cp311-cp311-win_amd64.whl", "b-1.0-cp311-cp311-win_amd64.whl"}


@pytest.mark.process
def test_a_stranger_in_an_environment_is_reported_and_stays(lan: Lan, tmp_path: Path) -> None:
    copy_in(lan.packages, wheel("a", "1.0"))
    lan.offer(wheel("a", "1.0", salt=b"other"), wheel("a", "9.0"))
    lan.mirrored(wheel("b", "1.0"))
    lan.offer(wheel("b", "1.1"))
    file = tmp_path / "r.txt"
    file.write_text("a==1.0\nb==1.0\n")

    lan.update(execute=True, pin_files=[file])

    assert file.read_text() == "a==1.0\nb==1.1\n"
    assert "a stranger of the same name" in lan.warnings()[0]


@pytest.mark.process
def test_what_is_vulnerable_moves_and_the_others_stay(lan: Lan, tmp_path: Path) -> None:
    lan.mirrored(*(wheel(name, "1.0") for name in "abc"))
    lan.offer(wheel("a", "1.1", "b>=1.1"), wheel("b", "1.1"), wheel("c", "1.1"))
    lan.fake.index.legacy_json = {"/pypi/a/1.0/json": VULNERABLE}
    file = tmp_path / "r.txt"
    file.write_text("a==1.0\nb==1.0\nc==1.0\n")

    lan.update(security=True, execute=True, pin_files=[file])

    assert file.read_text() == "a==1.1\nb==1.1\nc==1.0\n"


@pytest.mark.process
def test_no_two_questions_ask_for_one_page(lan: Lan, tmp_path: Path) -> None:
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"))
    lan.offer(wheel("a", "1.1", "c"), wheel("c", "1.0"))
    file = tmp_path / "r.txt"
    file.write_text("a==1.0\nb==1.0\n")

    lan.update(execute=True, pin_files=[file])

    assert sorted(lan.fake.paths("/simple/")) == ["/simple/a/", "/simple/b/", "/simple/c/"]

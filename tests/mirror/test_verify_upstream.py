from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pypitool.catalogue.facts import local_actor
from pypitool.core.errors import Kind
from pypitool.core.event_document import document
from pypitool.core.mirror.run_events import DifferenceEvent, Event, ProjectEvent, WarningEvent
from pypitool.core.mirror.run_summary import Ending, RunOutcome, Summary
from pypitool.core.model import Origin, OriginKind
from pypitool.mirror.run import RunFrame, lock_directory, run
from pypitool.mirror.sync import Mirror, Report
from pypitool.mirror.verify_upstream import verify_upstream
from pypitool.mirror.workspace import Workspace
from pypitool.repository.releases import yank
from pypitool.repository.repository import Repository
from pypitool.upstream.upstream import Upstream
from tests.support.offers import copy_in, held_in, put_in, upload, wheel
from tests.support.upstream import Dialect, FakeUpstream, Offer, portal, respond

A = "a-1.0-py3-none-any.whl"


@dataclass
class Lan:
    """A directory with an upstream, and what the last run said."""

    packages: Path
    fake: FakeUpstream
    events: list[Event] = field(default_factory=list)
    private: tuple[str, ...] = ()

    def mirrored(self, *offers: Offer) -> None:
        for offer in offers:
            put_in(self.packages, offer, Origin(OriginKind.MIRRORED, "fake"))
            self.offer(offer)

    def offer(self, *offers: Offer) -> None:
        for offer in offers:
            self.fake.index.offers.setdefault(offer.filename.partition("-")[0], []).append(offer)

    def verify(self, *, copied_in: bool = True) -> Summary:
        upstreams = [Upstream("fake", self.fake.url, retries=0)]
        frame = RunFrame(
            "verify", "verify", Workspace((self.packages,)), upstreams, self.private, only_notes=True
        )

        def work(mirror: Mirror, report: Report) -> Ending:
            return verify_upstream(mirror, report, copied_in=copied_in)

        self.events.clear()
        return run(frame, work, self.events.append)

    def differences(self) -> list[tuple[str, Kind]]:
        return [
            (event.name or event.project, event.kind)
            for event in self.events
            if isinstance(event, DifferenceEvent)
        ]

    def messages(self) -> list[str]:
        return [str(event) for event in self.events if isinstance(event, DifferenceEvent)]

    def warnings(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, WarningEvent)]


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    with FakeUpstream() as fake:
        yield Lan(tmp_path / "packages", fake)


def test_nothing_is_said_of_what_is_as_it_was(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.offer(wheel("a", "1.1"))

    summary = lan.verify()

    assert (summary.exit_code, lan.events) == (0, [])
    assert list(held_in(lan.packages)) == [A]


def test_a_file_that_vanished_is_loud_and_stays(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.fake.index.offers["a"] = [wheel("a", "1.1")]

    summary = lan.verify()

    assert (summary.exit_code, summary.outcome) == (1, RunOutcome.FAILED)
    assert lan.messages() == [f"{A}: it has vanished from fake"]
    assert list(held_in(lan.packages)) == [A]


def test_a_project_that_vanished_is_loud(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.fake.index.offers.clear()

    assert lan.verify().exit_code == 1
    assert lan.differences() == [("a", Kind.NOT_FOUND)]


def test_other_bytes_are_loud_and_those_here_stay(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    before = held_in(lan.packages)
    lan.fake.index.offers["a"] = [wheel("a", "1.0", salt=b"changed")]

    summary = lan.verify()

    assert summary.exit_code == 1
    assert lan.differences() == [(A, Kind.CONFLICT)]
    assert before[A].contents.digests.sha256 in lan.messages()[0]
    assert held_in(lan.packages) == before


def test_a_quarantined_project_is_told_once(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"), wheel("a", "1.1"))
    lan.fake.index.offers["a"] = []
    lan.fake.index.statuses["a"] = ("quarantined", "malware")

    assert lan.verify().exit_code == 1
    assert lan.messages() == ["a: it is quarantined by fake: malware"]


def test_a_new_yank_is_told_once_and_stored(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.fake.index.offers["a"] = [wheel("a", "1.0", yanked="broken")]

    first = lan.verify()

    assert (first.exit_code, first.outcome) == (0, RunOutcome.OK)
    (warning,) = lan.events
    assert document(warning) == {
        "type": "warning",
        "project": "a",
        "message": f"{A} was yanked by fake: broken",
        "yanked": "broken",
    }
    assert held_in(lan.packages)[A].yanked == "broken"
    lan.verify()
    assert lan.events == []


def test_a_yank_that_is_taken_back_is_taken_back_here(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.fake.index.offers["a"] = [wheel("a", "1.0", yanked="broken")]
    lan.verify()
    lan.fake.index.offers["a"] = [wheel("a", "1.0")]

    lan.verify()

    assert lan.warnings() == [f"{A} is no longer yanked by fake"]
    assert held_in(lan.packages)[A].yanked is None


def test_a_yank_that_people_decided_here_stays(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    with Repository.open([lan.packages], environ={}) as repository:
        yank(repository, "a", "1.0", "ours", local_actor())

    assert lan.verify().exit_code == 0
    assert held_in(lan.packages)[A].yanked == "ours"


def test_private_and_uploaded_projects_are_not_asked_for(lan: Lan) -> None:
    lan.private = ("acme",)
    lan.mirrored(wheel("acme", "1.0"))
    upload(lan.packages, wheel("b", "1.0"))

    assert lan.verify().exit_code == 0
    assert lan.fake.seen == []


def test_what_was_copied_in_may_never_have_been_there(lan: Lan) -> None:
    copy_in(lan.packages, wheel("a", "1.0"), wheel("b", "1.0"))
    lan.offer(wheel("b", "2.0"))

    summary = lan.verify()

    assert (summary.exit_code, lan.events) == (0, [])
    assert sorted(lan.fake.paths()) == ["/simple/a/", "/simple/b/"]


def test_what_was_copied_in_is_held_against_files_of_its_name(lan: Lan) -> None:
    copy_in(lan.packages, wheel("a", "1.0"), wheel("b", "1.0"))
    lan.offer(wheel("a", "1.0", salt=b"other"), wheel("b", "1.0", yanked=""))

    assert lan.verify().exit_code == 1
    assert lan.differences() == [(A, Kind.CONFLICT)]
    assert lan.warnings() == ["b-1.0-py3-none-any.whl was yanked by fake"]


def test_copied_in_names_stay_in_the_house_when_that_is_wanted(lan: Lan) -> None:
    copy_in(lan.packages, wheel("a", "1.0"))

    lan.verify(copied_in=False)

    assert lan.fake.seen == []


def test_a_project_that_cannot_be_asked_about_fails_and_the_others_are_verified(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"), wheel("b", "1.0"), wheel("c", "1.0"))
    lan.fake.fail("/simple/a/", respond(503))
    lan.fake.fail("/simple/b/", portal())
    lan.fake.index.offers["c"] = [wheel("c", "2.0")]

    summary = lan.verify()

    assert summary.exit_code == 3
    assert {event.project for event in lan.events if isinstance(event, ProjectEvent)} == {"a", "b"}
    assert lan.differences() == [("c-1.0-py3-none-any.whl", Kind.NOT_FOUND)]


def test_when_no_upstream_answers_the_run_says_so(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.fake.fail("/simple/", respond(503))

    assert lan.verify().exit_code == 7


def test_an_upstream_without_hashes_says_nothing_of_bytes(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.fake.index.dialect = Dialect(hashes=False)
    lan.fake.index.offers["a"] = [wheel("a", "1.0", salt=b"other")]

    assert lan.verify().exit_code == 0


def test_it_waits_for_no_other_run(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))

    with lock_directory(lan.packages, "pypitool sync"):
        assert lan.verify().exit_code == 0


def test_a_second_verification_asks_conditionally(lan: Lan) -> None:
    lan.mirrored(wheel("a", "1.0"))
    lan.verify()
    lan.fake.seen.clear()

    lan.verify()

    assert [(seen.path, "If-None-Match" in seen.headers) for seen in lan.fake.seen] == [("/simple/a/", True)]

"""Upstreams that cannot be reached, or send next to nothing: a run ends soon, and says what was not asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pypitool.core.mirror.run_events import FileEvent, WarningEvent
from pypitool.core.mirror.run_summary import RunOutcome
from pypitool.core.names import normalize
from pypitool.upstream.fetch_page import find_page
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import Unreachable
from tests.mirror.test_sync import Lan, wheel
from tests.support.stalling import nobodys_port
from tests.support.upstream import FakeUpstream, redirect, reset, respond

NAMES = [f"p{number:02}" for number in range(20)]
LINES = [f"{name}==1.0" for name in NAMES]


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    with FakeUpstream() as fake:
        fake.index.offers = {name: [wheel(name, "1.0")] for name in NAMES}
        yield Lan(tmp_path / "packages", fake, upstreams=[Upstream("fake", fake.url, workers=1, retries=0)])


def dead(**more: object) -> Upstream:
    settings = {"workers": 1, "retries": 0, **more}
    return Upstream("dead", f"http://127.0.0.1:{nobodys_port()}/simple/", **settings)  # type: ignore[arg-type]


def warnings(lan: Lan) -> list[str]:
    return [event.message for event in lan.events if isinstance(event, WarningEvent)]


def test_after_three_projects_no_other_is_asked(lan: Lan) -> None:
    lan.upstreams = [dead()]

    summary = lan.sync(*LINES)

    assert (summary.exit_code, summary.outcome, summary.requests) == (7, RunOutcome.FAILED, 3)
    assert sorted(lan.failures()) == NAMES[:3]
    (warning,) = warnings(lan)
    assert warning.startswith("17 projects were not asked: http://127.0.0.1:")
    assert warning.endswith("/simple/ cannot be reached (connection refused)")
    assert lan.holes() == []


def test_an_upstream_without_tls_ends_a_run_as_soon(lan: Lan) -> None:
    index = lan.fake.url.replace("http://", "https://")
    lan.upstreams = [Upstream("fake", index, workers=1, retries=5)]

    summary = lan.sync(*LINES)

    assert (summary.exit_code, summary.requests) == (7, 3)


def test_connections_that_end_without_an_answer_end_a_run_too(lan: Lan) -> None:
    lan.fake.fail("/simple/", reset())

    assert lan.sync(*LINES).requests == 3


def test_a_project_is_not_asked_for_again_while_nothing_has_answered() -> None:
    with closing(UpstreamSession(dead())) as session:
        reasons = []
        for _ in range(2):
            with pytest.raises(Unreachable) as raised:
                find_page(normalize("a"), [session], {})
            reasons.append(str(raised.value))

    assert session.requests == 1
    assert reasons[0] == reasons[1]


def test_a_project_is_asked_for_again_once_something_has_answered(lan: Lan) -> None:
    with closing(UpstreamSession(lan.upstreams[0])) as session:
        lan.fake.fail("/simple/p00/", reset(), times=1)
        with pytest.raises(Unreachable):
            find_page(normalize("p00"), [session], {})
        find_page(normalize("p01"), [session], {})

        assert find_page(normalize("p00"), [session], {}).project == "p00"


def test_who_has_answered_once_is_asked_for_the_rest(lan: Lan) -> None:
    lan.fake.fail("/simple/p0[1-9]", reset())

    summary = lan.sync(*LINES)

    assert (summary.exit_code, summary.tally.fetched, summary.tally.failed) == (3, 11, 9)
    assert warnings(lan) == []


def test_pages_that_lead_to_nobody_are_answers(lan: Lan) -> None:
    lan.fake.fail("/simple/p0", redirect(f"http://127.0.0.1:{nobodys_port()}/"))

    summary = lan.sync(*LINES)

    assert (summary.exit_code, summary.tally.fetched, summary.tally.failed) == (3, 10, 10)


def test_an_upstream_that_refuses_is_not_lost(lan: Lan) -> None:
    lan.fake.fail("/simple/", respond(503))

    summary = lan.sync(*LINES)

    assert (summary.exit_code, summary.requests) == (7, 20)


def test_what_was_wanted_before_is_not_given_up_with_the_upstream(lan: Lan) -> None:
    lan.sync(*LINES)
    alive, lan.upstreams = lan.upstreams, [dead()]
    lan.sync(*LINES)
    lan.upstreams = alive

    summary = lan.sync(*LINES)

    assert (summary.exit_code, summary.tally.kept) == (0, 20)


def test_locked_files_of_a_lost_upstream_end_the_run_too(lan: Lan) -> None:
    lan.sync(*LINES)
    for file in lan.packages.glob("*.whl"):
        file.unlink()
    lan.fake.fail("/files/", reset())

    summary = lan.sync(*LINES, locked=True)

    assert summary.exit_code == 7
    assert lan.fake.paths("/simple/") == [f"/simple/{name}/" for name in NAMES]
    failed = [event for event in lan.events if isinstance(event, FileEvent)]
    assert len([event for event in failed if "was not asked" in (event.message or "")]) > 0


def test_what_belongs_to_another_upstream_is_asked_there(lan: Lan) -> None:
    lan.upstreams = [dead(projects=("p0*",)), *lan.upstreams]

    summary = lan.sync(*LINES)

    assert (summary.exit_code, summary.tally.fetched) == (3, 10)
    assert 3 <= len(lan.failures()) < 10
    assert len(warnings(lan)) == 1

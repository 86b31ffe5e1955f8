from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from pypitool.archives.digest import Digester
from pypitool.catalogue.facts import local_actor
from pypitool.core.errors import Kind
from pypitool.core.filenames import parse
from pypitool.core.mirror.run_events import Event, FileEvent, HoleEvent, PlanEvent, ProjectEvent, WarningEvent
from pypitool.core.mirror.run_summary import Ending, RunOutcome, Summary
from pypitool.core.mirror.selection import SelectionRules
from pypitool.core.mirror.targets import Target, make_target
from pypitool.core.model import Contents, HeldFile, Origin, OriginKind
from pypitool.mirror.inputs import InputFaults, read_inputs
from pypitool.mirror.run import RunFrame, run
from pypitool.mirror.sets import Closure, SetRequest
from pypitool.mirror.sync import Mirror, Report, SyncOptions, pin_sets, synchronise
from pypitool.mirror.workspace import Workspace
from pypitool.repository.publish import Incoming, publish
from pypitool.repository.releases import yank
from pypitool.repository.repository import Repository
from pypitool.upstream.upstream import Upstream
from tests.support.upstream import Dialect, FakeUpstream, Offer, portal, respond
from tests.support.wheels import Release, sdist_bytes, wheel_bytes, wheel_filename

UBUNTU = make_target("ubuntu", python="3.12", platform="manylinux_2_39_x86_64")
WINDOWS = make_target("windows", python="3.12", platform="win_amd64")
A = canonicalize_name("a")


def wheel(name: str, version: str, *requires: str, tags: str = "py3-none-any", **more: object) -> Offer:
    release = Release(name, version, requires)
    body = wheel_bytes(release, tags=tags)
    return Offer(wheel_filename(release, tags=tags), body, metadata=release.metadata(), **more)  # type: ignore[arg-type]


def sdist(name: str, version: str) -> Offer:
    return Offer(f"{name}-{version}.tar.gz", sdist_bytes(Release(name, version)))


@dataclass
class Lan:
    """A directory with an upstream, and what the last run said."""

    packages: Path
    fake: FakeUpstream
    events: list[Event] = field(default_factory=list)
    private: tuple[str, ...] = ()
    upstreams: list[Upstream] = field(default_factory=list)

    def sync(
        self,
        *lines: str,
        targets: Sequence[Target] = (UBUNTU, WINDOWS),
        closure: Closure = Closure.CHECK,
        rules: SelectionRules | None = None,
        **options: bool,
    ) -> Summary:
        request = SetRequest(
            "set", read_inputs(lines=lines), tuple(targets), closure, rules or SelectionRules()
        )
        upstreams = self.upstreams or [Upstream("fake", self.fake.url, retries=0)]
        sync_options = SyncOptions(**options)
        frame = RunFrame(
            "sync", "sync", Workspace((self.packages,)), upstreams, self.private, sync_options.dry_run
        )

        def work(mirror: Mirror, report: Report) -> Ending:
            sets = pin_sets(mirror, [request], {"PATH": "/usr/bin"})
            return synchronise(mirror, sets, sync_options, report)

        self.events.clear()
        return run(frame, work, self.events.append)

    def outcomes(self) -> dict[str, str]:
        return {event.name: event.outcome for event in self.events if isinstance(event, FileEvent)}

    def holes(self) -> list[str]:
        return [str(event) for event in self.events if isinstance(event, HoleEvent)]

    def failures(self) -> dict[str, Kind]:
        return {event.project: event.kind for event in self.events if isinstance(event, ProjectEvent)}

    def held(self) -> dict[str, HeldFile]:
        with Repository.open([self.packages], environ={}) as repository:
            return {file.filename: file for file in repository.catalogue.files()}


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    with FakeUpstream() as fake:
        yield Lan(tmp_path / "packages", fake)


def upload(lan: Lan, name: str, version: str, *requires: str) -> None:
    lan.packages.mkdir(exist_ok=True)
    release = Release(name, version, requires)
    body, filename = wheel_bytes(release), wheel_filename(release)
    digester = Digester()
    digester.update(body)
    metadata = Digester()
    metadata.update(release.metadata())
    contents = Contents(digester.digests(), None, metadata.digests().sha256)
    with (
        Repository.open([lan.packages], environ={}) as repository,
        repository.store.temporary() as temporary,
    ):
        temporary.write(body)
        incoming = Incoming(
            parse(filename), contents, Origin(OriginKind.UPLOADED, "user:deploy"), release.metadata()
        )
        publish(repository, temporary, incoming, actor=local_actor())


def test_each_target_gets_its_file_and_the_set_is_proved(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [
        wheel("a", "1.0", tags="cp312-cp312-win_amd64"),
        wheel("a", "1.0", tags="cp312-cp312-manylinux_2_28_x86_64"),
        wheel("a", "1.0", tags="cp312-cp312-macosx_11_0_arm64"),
        sdist("a", "1.0"),
    ]

    summary = lan.sync("a==1.0")

    assert (summary.exit_code, summary.outcome, summary.tally.fetched) == (0, RunOutcome.OK, 2)
    assert lan.outcomes() == {
        "a-1.0-cp312-cp312-win_amd64.whl": "fetched",
        "a-1.0-cp312-cp312-manylinux_2_28_x86_64.whl": "fetched",
    }


def test_a_second_run_keeps_everything_with_one_conditional_request(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0")]
    lan.sync("a==1.0")
    lan.fake.seen.clear()

    summary = lan.sync("a==1.0")

    assert lan.outcomes() == {"a-1.0-py3-none-any.whl": "kept"}
    assert [(seen.path, "If-None-Match" in seen.headers) for seen in lan.fake.seen] == [("/simple/a/", True)]
    assert summary.requests == 1


def test_a_missing_dependency_is_a_hole_for_each_target_that_needs_it(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0", "b>=1", 'w; sys_platform == "win32"')]

    summary = lan.sync("a==1.0")

    assert summary.exit_code == 1
    assert lan.holes() == [
        "missing: set ubuntu: b>=1 (needed by a 1.0)",
        "missing: set windows: b>=1 (needed by a 1.0)",
        "missing: set windows: w (needed by a 1.0)",
    ]


def test_a_target_without_a_file_is_a_hole(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0", tags="cp312-cp312-win_amd64")]

    assert lan.sync("a==1.0").exit_code == 1
    assert lan.holes() == [
        "missing: set ubuntu: a==1.0 (needed by command line:1; fake has it, but no file of it is for"
        " this platform and Python)"
    ]


def test_without_a_closure_only_what_is_named_is_looked_for(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0", "b>=1"), wheel("a", "2.0", tags="cp312-cp312-win_amd64")]

    summary = lan.sync("a", closure=Closure.OFF)

    assert summary.exit_code == 0
    assert lan.outcomes() == {
        "a-1.0-py3-none-any.whl": "fetched",
        "a-2.0-cp312-cp312-win_amd64.whl": "fetched",
    }


def test_what_is_not_pinned_is_refused_with_its_line(lan: Lan) -> None:
    with pytest.raises(InputFaults, match=r"command line:2: `b>=1` names no exact version"):
        lan.sync("a==1.0", "b>=1")


@pytest.mark.process
def test_what_is_not_pinned_is_resolved_with_its_dependencies(lan: Lan) -> None:
    lan.fake.index.offers = {
        "a": [wheel("a", "1.0", "b>=1", 'w; sys_platform == "win32"'), wheel("a", "2.0", "gone")],
        "b": [wheel("b", "1.0"), wheel("b", "1.5")],
        "w": [wheel("w", "1.0")],
    }

    summary = lan.sync("a<2", closure=Closure.RESOLVE)

    assert summary.exit_code == 0
    assert sorted(lan.outcomes()) == [
        "a-1.0-py3-none-any.whl",
        "b-1.5-py3-none-any.whl",
        "w-1.0-py3-none-any.whl",
    ]


def test_one_projects_failure_does_not_stop_the_others(lan: Lan) -> None:
    lan.fake.index.offers = {"a": [wheel("a", "1.0")], "b": [wheel("b", "1.0")], "c": [wheel("c", "1.0")]}
    lan.fake.fail("/simple/b/", respond(404))
    lan.fake.fail("/simple/c/", portal())

    summary = lan.sync("a==1.0", "b==1.0", "c==1.0")

    assert summary.exit_code == 3
    assert lan.outcomes() == {"a-1.0-py3-none-any.whl": "fetched"}
    assert lan.failures() == {"b": Kind.NOT_FOUND, "c": Kind.INVALID}


def test_a_version_that_is_not_offered_fails_its_project(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0")]

    assert lan.sync("a==9").exit_code == 3
    assert lan.failures() == {"a": Kind.NOT_FOUND}


def test_a_build_of_somebodys_own_index_is_said_to_be_one(lan: Lan) -> None:
    lan.fake.index.offers["torch"] = [wheel("torch", "2.8.0")]

    lan.sync("torch==2.8.0+cpu")

    (failed,) = [event for event in lan.events if isinstance(event, ProjectEvent)]
    assert failed.message == (
        "fake has no torch==2.8.0+cpu; `+cpu` is a build of somebody's own index: "
        'name that one as [upstream.NAME] with `projects = ["torch"]`'
    )


def test_when_no_upstream_answers_the_run_says_so(lan: Lan) -> None:
    lan.fake.fail("/simple/", respond(503))

    summary = lan.sync("a==1.0", "b==1.0")

    assert (summary.exit_code, summary.outcome) == (7, RunOutcome.FAILED)


def test_a_quarantined_project_fails_and_what_is_here_stays(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0")]
    lan.sync("a==1.0")
    lan.fake.index.offers["a"] = []
    lan.fake.index.statuses["a"] = ("quarantined", "malware")

    assert lan.sync("a==1.0").exit_code == 3
    assert "malware" in next(event.message for event in lan.events if isinstance(event, ProjectEvent))
    assert list(lan.held()) == ["a-1.0-py3-none-any.whl"]


def test_a_release_that_vanished_upstream_stays_with_a_warning(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0"), wheel("a", "2.0")]
    lan.sync("a==1.0")
    lan.fake.index.offers["a"] = [wheel("a", "2.0")]

    summary = lan.sync("a==1.0")

    assert summary.exit_code == 0
    assert [event.message for event in lan.events if isinstance(event, WarningEvent)] == [
        "fake no longer offers a==1.0; the files here stay"
    ]


def test_other_bytes_under_a_held_name_are_a_conflict_and_no_overwrite(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0")]
    lan.sync("a==1.0")
    before = lan.held()
    lan.fake.index.offers["a"] = [wheel("a", "1.0", "changed")]

    summary = lan.sync("a==1.0")

    assert summary.exit_code == 3
    assert lan.outcomes() == {"a-1.0-py3-none-any.whl": "conflict"}
    assert lan.held() == before


def test_a_file_that_was_copied_in_is_kept_and_noted_as_mirrored(lan: Lan) -> None:
    offer = wheel("a", "1.0")
    lan.fake.index.offers["a"] = [offer]
    lan.packages.mkdir()
    (lan.packages / offer.filename).write_bytes(offer.body)

    lan.sync("a==1.0")

    held = lan.held()[offer.filename]
    assert lan.outcomes() == {offer.filename: "kept"}
    assert lan.fake.paths("/files/") == []
    assert held.origin == Origin(OriginKind.MIRRORED, "fake")
    assert held.upload_time == offer.upload_time


def test_a_yank_comes_and_goes_with_the_upstream(lan: Lan) -> None:
    good, bad = wheel("a", "1.0"), wheel("a", "1.0", yanked="broken")
    yanks = []
    for offer in (good, bad, good):
        lan.fake.index.offers["a"] = [offer]
        lan.sync("a==1.0")
        yanks.append(lan.held()[good.filename].yanked)

    assert yanks == [None, "broken", None]


def test_a_yank_that_people_decided_here_stays(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0")]
    lan.sync("a==1.0")
    with Repository.open([lan.packages], environ={}) as repository:
        yank(repository, "a", "1.0", "ours", local_actor())
    lan.fake.index.offers["a"].append(wheel("a", "2.0"))

    lan.sync("a==1.0")

    assert lan.held()["a-1.0-py3-none-any.whl"].yanked == "ours"


def test_a_private_project_is_never_asked_for(lan: Lan) -> None:
    lan.private = ("acme-*",)
    lan.fake.index.offers = {"acme-core": [wheel("acme-core", "9.0")], "a": [wheel("a", "1.0")]}

    summary = lan.sync("acme-core==9.0", "a==1.0")

    assert summary.exit_code == 1
    assert lan.fake.paths("/simple/acme") == []
    assert "acme-core==9.0" in lan.holes()[0]


def test_an_uploaded_project_is_satisfied_from_the_directory(lan: Lan) -> None:
    upload(lan, "ours", "1.0", "a>=1")
    lan.fake.index.offers = {"ours": [wheel("ours", "1.0", "evil")], "a": [wheel("a", "1.0")]}

    summary = lan.sync("ours==1.0", "a==1.0")

    assert summary.exit_code == 0
    assert lan.fake.paths("/simple/ours") == []
    assert lan.held()["ours-1.0-py3-none-any.whl"].origin.kind is OriginKind.UPLOADED


@pytest.mark.process
def test_resolving_names_no_private_project_to_a_stranger_but_what_it_needs(lan: Lan) -> None:
    upload(lan, "ours", "1.0", "a>=1")
    lan.fake.index.offers = {"a": [wheel("a", "1.0")]}

    summary = lan.sync("ours", closure=Closure.RESOLVE)

    assert summary.exit_code == 0
    assert lan.outcomes() == {"a-1.0-py3-none-any.whl": "fetched"}
    assert lan.fake.paths("/simple/ours") == []


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(lan: Lan) -> None:
    lan.fake.index.offers = {"a": [wheel("a", "1.0", "b")], "b": [wheel("b", "1.0")]}

    summary = lan.sync("a==1.0", "gone==1.0", dry_run=True)

    assert summary.exit_code == 0
    assert [(event.action, event.name) for event in lan.events if isinstance(event, PlanEvent)] == [
        ("get", "a-1.0-py3-none-any.whl")
    ]
    assert not lan.packages.exists()


def test_a_dry_run_over_an_unknown_directory_leaves_no_trace(lan: Lan) -> None:
    offer = wheel("a", "1.0")
    lan.fake.index.offers["a"] = [offer]
    lan.packages.mkdir()
    (lan.packages / offer.filename).write_bytes(offer.body)

    lan.sync("a==1.0", dry_run=True)

    assert [event.action for event in lan.events if isinstance(event, PlanEvent)] == ["keep"]
    assert [path.name for path in lan.packages.iterdir()] == [offer.filename]


def test_a_dry_run_sees_what_was_copied_in_a_moment_ago(lan: Lan) -> None:
    offer = wheel("b", "1.0")
    lan.fake.index.offers = {"a": [wheel("a", "1.0")], "b": [offer]}
    lan.sync("a==1.0")
    (lan.packages / offer.filename).write_bytes(offer.body)

    lan.sync("b==1.0", dry_run=True)

    assert [(event.action, event.name) for event in lan.events if isinstance(event, PlanEvent)] == [
        ("keep", offer.filename)
    ]


def test_a_dry_run_over_a_known_directory_changes_nothing(lan: Lan) -> None:
    lan.fake.index.offers = {"a": [wheel("a", "1.0")], "b": [wheel("b", "1.0")]}
    lan.sync("a==1.0")
    before = {path: path.stat().st_mtime_ns for path in lan.packages.rglob("*") if path.is_file()}

    lan.sync("a==1.0", "b==1.0", dry_run=True)

    assert [(event.action, event.name) for event in lan.events if isinstance(event, PlanEvent)] == [
        ("keep", "a-1.0-py3-none-any.whl"),
        ("get", "b-1.0-py3-none-any.whl"),
    ]
    after = {path: path.stat().st_mtime_ns for path in lan.packages.rglob("*") if path.is_file()}
    assert {path for path in after if not path.name.endswith(("-shm", "-wal"))} == {
        path for path in before if not path.name.endswith(("-shm", "-wal"))
    }
    assert all(after[path] == before[path] for path in before if path.suffix in (".whl", ".jsonl", ".sqlite"))


def test_offline_nothing_is_asked_and_what_is_missing_is_a_hole(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0", "b")]
    lan.sync("a==1.0")
    lan.fake.seen.clear()

    summary = lan.sync("a==1.0", offline=True)

    assert summary.exit_code == 1
    assert lan.holes()[0].endswith("b (needed by a 1.0)")
    assert lan.fake.seen == []


@pytest.mark.parametrize(
    "dialect", [Dialect(json=False, etags=False), Dialect(upload_times=False, sizes=False)]
)
def test_a_poorer_upstream_does(lan: Lan, dialect: Dialect) -> None:
    lan.fake.index.dialect = dialect
    lan.fake.index.offers["a"] = [wheel("a", "1.0")]

    assert lan.sync("a==1.0").exit_code == 0
    assert lan.sync("a==1.0").tally.kept == 1


def test_without_a_sha256_a_file_is_refused_unless_allowed(lan: Lan) -> None:
    lan.fake.index.dialect = Dialect(hashes=False)
    lan.fake.index.offers["a"] = [wheel("a", "1.0")]

    assert lan.sync("a==1.0").exit_code == 3
    assert lan.failures() == {"a": Kind.INVALID}
    lan.upstreams = [Upstream("fake", lan.fake.url, allow_unhashed=True)]
    assert lan.sync("a==1.0").exit_code == 0


def test_locked_nothing_is_asked_of_what_was_planned_before(lan: Lan) -> None:
    lan.fake.index.offers = {"a": [wheel("a", "1.0")], "b": [wheel("b", "1.0")]}
    lan.sync("a==1.0")
    lan.fake.seen.clear()

    summary = lan.sync("a==1.0", locked=True)

    assert (summary.exit_code, summary.tally.kept, summary.requests) == (0, 1, 0)
    assert lan.fake.seen == []


def test_locked_a_known_but_missing_file_is_fetched_by_its_remembered_address(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0")]
    lan.sync("a==1.0")
    (lan.packages / "a-1.0-py3-none-any.whl").unlink()
    lan.fake.seen.clear()

    lan.sync("a==1.0", locked=True)

    assert lan.fake.paths() == ["/files/a-1.0-py3-none-any.whl"]
    assert list(lan.held()) == ["a-1.0-py3-none-any.whl"]


def test_locked_only_what_no_run_has_planned_asks_for_a_page(lan: Lan) -> None:
    lan.fake.index.offers = {"a": [wheel("a", "1.0")], "b": [wheel("b", "1.0")]}
    lan.sync("a==1.0")
    lan.fake.index.offers["a"].append(wheel("a", "1.1"))
    lan.fake.seen.clear()

    lan.sync("a==1.0", "b==1.0", locked=True)
    assert lan.fake.paths("/simple/") == ["/simple/b/"]

    lan.sync("a==1.1", "b==1.0", locked=True)
    assert lan.fake.paths("/simple/") == ["/simple/b/", "/simple/a/"]


def test_a_run_is_recorded(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0")]

    summary = lan.sync("a==1.0")

    assert summary.run == 1
    assert (lan.packages / ".pypitool" / "mirror.sqlite").exists()


def test_a_stop_ends_the_run_as_interrupted(lan: Lan) -> None:
    lan.fake.index.offers["a"] = [wheel("a", "1.0")]
    stop = threading.Event()
    stop.set()
    upstreams = [Upstream("fake", lan.fake.url)]
    request = SetRequest("set", read_inputs(lines=["a==1.0"]), (UBUNTU,))
    frame = RunFrame("sync", "sync", Workspace((lan.packages,)), upstreams, stop=stop)

    def work(mirror: Mirror, report: Report) -> Ending:
        sets = pin_sets(mirror, [request], {})
        return synchronise(mirror, sets, SyncOptions(), report)

    summary = run(frame, work, lan.events.append)

    assert (summary.exit_code, summary.outcome) == (130, RunOutcome.INTERRUPTED)
    assert lan.held() == {}

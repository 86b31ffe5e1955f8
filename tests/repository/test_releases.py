"""What people decide about releases is recorded, effective at once in every process, and survives."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from pypitool.catalogue.catalogue import FileFact
from pypitool.catalogue.facts import FactsUnwritable
from pypitool.catalogue.sqlite import SqliteCatalogue
from pypitool.core.errors import Kind, NoSpace, RecordedOnly
from pypitool.core.fact import Actor
from pypitool.core.model import COPIED_IN, ProjectStatus
from pypitool.core.names import normalize
from pypitool.repository.releases import (
    NotHeld,
    PlanOutdated,
    delete,
    delete_release,
    plan_delete,
    set_status,
    unyank,
    yank,
)
from pypitool.repository.repository import Repository
from tests.support.repositories import open_repository, paths, publish_wheel, scan
from tests.support.wheels import build_sdist, build_wheel

ROOT = Actor("local:root", means="local")
ACME = normalize("acme")
WHEEL, SDIST = "acme-1.0-py3-none-any.whl", "acme-1.0.tar.gz"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with open_repository(tmp_path, roots=2) as repository:
        build_wheel(repository.roots[0], "acme", "1.0")
        build_sdist(repository.roots[0] / "old", "acme", "1.0")
        build_wheel(repository.roots[0], "acme", "2.0")
        scan(repository)
        yield repository


def yanks(repository: Repository) -> dict[str, str | None]:
    return {file.filename: file.yanked for file in repository.catalogue.files()}


def test_a_yank_holds_for_every_file_of_the_release(repository: Repository) -> None:
    change = yank(repository, "ACME", "1.0.0", "broken", ROOT)

    assert (change.project, change.changed, change.unchanged) == ("acme", (WHEEL, SDIST), ())
    assert yanks(repository) == {WHEEL: "broken", SDIST: "broken", "acme-2.0-py3-none-any.whl": None}


def test_a_second_yank_changes_nothing_and_a_new_reason_does(repository: Repository) -> None:
    yank(repository, "acme", "1.0", "broken", ROOT)
    serial = repository.catalogue.serial()

    same = yank(repository, "acme", "1.0", "broken", ROOT)
    assert (same.changed, same.unchanged) == ((), (WHEEL, SDIST))
    assert repository.catalogue.serial() == serial

    assert yank(repository, "acme", "1.0", None, ROOT).changed == (WHEEL, SDIST)
    assert yanks(repository)[WHEEL] == ""


def test_unyank_takes_it_back(repository: Repository) -> None:
    yank(repository, "acme", "1.0", None, ROOT)

    first, second = (unyank(repository, "acme", "1.0", ROOT) for _ in range(2))

    assert (first.changed, second.changed) == ((WHEEL, SDIST), ())
    assert yanks(repository)[WHEEL] is None


def test_a_yank_survives_that_the_file_is_touched(repository: Repository) -> None:
    yank(repository, "acme", "1.0", "broken", ROOT)
    (repository.roots[0] / WHEEL).touch()

    scan(repository)

    assert yanks(repository)[WHEEL] == "broken"


@pytest.mark.parametrize(
    ("project", "version", "sentence"),
    [("other", "1.0", "there is no project `other`"), ("acme", "3.0", "there is no release 3.0 of `acme`")],
)
def test_what_is_not_held_is_named(repository: Repository, project: str, version: str, sentence: str) -> None:
    with pytest.raises(NotHeld) as raised:
        yank(repository, project, version, None, ROOT)

    assert (str(raised.value), raised.value.kind) == (sentence, Kind.NOT_FOUND)


def test_deleting_a_release_removes_its_files_and_signatures_everywhere(repository: Repository) -> None:
    (repository.roots[0] / f"{WHEEL}.asc").write_bytes(b"signature")
    build_wheel(repository.roots[1], "acme", "1.0")
    scan(repository)

    gone = delete(repository, plan_delete(repository, "acme", "1.0"), ROOT)
    scan(repository)

    assert gone == (WHEEL, SDIST)
    assert paths(repository) == ["acme-2.0-py3-none-any.whl"]
    assert not list(repository.roots[0].glob("*.asc"))


def test_deleting_one_file_leaves_the_release(repository: Repository) -> None:
    delete(repository, plan_delete(repository, "acme", "1.0", SDIST), ROOT)

    assert paths(repository) == [WHEEL, "acme-2.0-py3-none-any.whl"]


def test_deleting_a_project_leaves_nothing(repository: Repository) -> None:
    delete(repository, plan_delete(repository, "acme"), ROOT)

    assert repository.catalogue.project_names() == ()
    with pytest.raises(NotHeld):
        plan_delete(repository, "acme")


def test_a_plan_is_not_carried_out_when_the_project_has_changed(repository: Repository) -> None:
    plan = plan_delete(repository, "acme")
    publish_wheel(repository, "acme", "3.0")

    with pytest.raises(PlanOutdated):
        delete(repository, plan, ROOT)

    assert len(paths(repository)) == 4


def test_a_release_is_deleted_whatever_happens_to_others_meanwhile(repository: Repository) -> None:
    versions = [f"9.{number}" for number in range(30)]
    for version in versions:
        publish_wheel(repository, "acme", version)
    stop = threading.Event()

    def publish_others() -> None:
        for number in count():
            if stop.is_set():
                return
            publish_wheel(repository, "acme", f"8.{number}")

    others = threading.Thread(target=publish_others)
    others.start()
    try:
        for version in versions:
            delete_release(repository, "Acme", version, ROOT)
    finally:
        stop.set()
        others.join()

    assert not [path for path in paths(repository) if "-9." in path]
    with pytest.raises(NotHeld):
        delete_release(repository, "acme", "9.1", ROOT)


def test_a_file_that_does_not_belong_to_the_release_is_not_planned(repository: Repository) -> None:
    with pytest.raises(NotHeld, match=r"there is no file `other\.whl` of `acme`"):
        plan_delete(repository, "acme", filename="other.whl")


def test_a_deleted_file_that_is_copied_in_again_is_as_new(repository: Repository) -> None:
    publish_wheel(repository, "acme", "3.0")
    body = (repository.roots[0] / "acme-3.0-py3-none-any.whl").read_bytes()
    yank(repository, "acme", "3.0", "broken", ROOT)

    delete(repository, plan_delete(repository, "acme", "3.0"), ROOT)
    (repository.roots[0] / "acme-3.0-py3-none-any.whl").write_bytes(body)
    scan(repository)

    file = next(file for file in repository.catalogue.files() if file.version == "3.0")
    assert (file.origin, file.yanked) == (COPIED_IN, None)


def test_a_status_is_kept_with_its_reason(repository: Repository) -> None:
    first = set_status(repository, "acme", ProjectStatus.ARCHIVED, "use acme2", ROOT)
    second = set_status(repository, "acme", ProjectStatus.ARCHIVED, "use acme2", ROOT)

    project = repository.catalogue.project(ACME)

    assert (first.changed, second.changed) == (True, False)
    assert project is not None
    assert (project.status, project.status_reason) == (ProjectStatus.ARCHIVED, "use acme2")


def test_a_quarantine_that_comes_in_between_is_not_lifted(repository: Repository) -> None:
    """Who archives looks at the state, and somebody quarantines before he has set his own."""
    quarantine = threading.Thread(
        target=set_status, args=(repository, "acme", ProjectStatus.QUARANTINED, "malware", ROOT)
    )

    def looked(before: ProjectStatus) -> None:
        assert before is ProjectStatus.ACTIVE
        quarantine.start()
        quarantine.join(1.0)  # where it waits for us it comes after

    set_status(repository, "acme", ProjectStatus.ARCHIVED, None, ROOT, permit=looked)
    quarantine.join()

    assert repository.catalogue.status(ACME) == (ProjectStatus.QUARANTINED, "malware")
    assert [fact.status for fact in repository.facts.replay()] == ["archived", "quarantined"]


def test_a_status_outlives_the_files_and_can_still_be_taken_back(repository: Repository) -> None:
    set_status(repository, "acme", ProjectStatus.ARCHIVED, "use acme2", ROOT)
    delete(repository, plan_delete(repository, "acme"), ROOT)

    change = set_status(repository, "Acme", ProjectStatus.ACTIVE, None, ROOT)

    assert change.changed
    assert repository.catalogue.status(ACME) == (ProjectStatus.ACTIVE, None)
    with pytest.raises(NotHeld):
        set_status(repository, "acme", ProjectStatus.ARCHIVED, None, ROOT)


def test_every_decision_is_in_the_log_before_it_holds(repository: Repository) -> None:
    yank(repository, "acme", "2.0", "broken", ROOT)
    unyank(repository, "acme", "2.0", ROOT)
    set_status(repository, "acme", ProjectStatus.DEPRECATED, None, ROOT)
    delete(repository, plan_delete(repository, "acme", "2.0"), ROOT)

    lines = [json.loads(line) for line in repository.facts.path.read_text().splitlines()]

    assert [(line["what"], line["who"], line["project"]) for line in lines] == [
        ("yank", "local:root", "acme"),
        ("unyank", "local:root", "acme"),
        ("status", "local:root", "acme"),
        ("delete", "local:root", "acme"),
    ]


def test_a_lost_catalogue_brings_every_decision_back(tmp_path: Path, repository: Repository) -> None:
    publish_wheel(repository, "acme", "3.0", upload_time="2020-01-01T00:00:00.000000Z")
    yank(repository, "acme", "1.0", "broken", ROOT)
    set_status(repository, "acme", ProjectStatus.DEPRECATED, None, ROOT)
    before = list(repository.catalogue.files())
    repository.close()
    for file in repository.state.glob("catalogue.sqlite*"):
        file.unlink()

    with open_repository(tmp_path, roots=2) as rebuilt:
        scan(rebuilt)

        project = rebuilt.catalogue.project(ACME)
        assert list(rebuilt.catalogue.files()) == before
        assert project is not None
        assert project.status is ProjectStatus.DEPRECATED


@pytest.mark.process
def test_a_decision_of_another_process_is_effective_at_once(repository: Repository) -> None:
    stamp = repository.catalogue.stamp()
    code = (
        "import sys; from pathlib import Path; from pypitool.catalogue.facts import local_actor\n"
        "from pypitool.repository.releases import yank\n"
        "from tests.support.repositories import open_repository\n"
        "with open_repository(Path(sys.argv[1]), roots=2) as repository:\n"
        "    yank(repository, 'acme', '1.0', 'broken', local_actor())"
    )

    subprocess.run([sys.executable, "-c", code, str(repository.roots[0].parent)], check=True)

    assert repository.catalogue.stamp() != stamp
    assert yanks(repository)[WHEEL] == "broken"


@pytest.mark.parametrize("name", ["facts.jsonl", "catalogue.lock", "catalogue.queue"])
def test_no_decision_is_written_through_a_link(tmp_path: Path, repository: Repository, name: str) -> None:
    target, link = tmp_path / "of root alone", repository.state / name
    link.unlink(missing_ok=True)
    link.symlink_to(target)

    with pytest.raises((FactsUnwritable, OSError), match="it is a link, and none is followed there"):
        yank(repository, "acme", "1.0", "broken", ROOT)

    assert not target.exists()


class FullCatalogue(SqliteCatalogue):
    """A disk on which the log of facts still had room, and the catalogue has none."""

    def decide(self, *facts: FileFact) -> None:
        """Refuse."""
        raise NoSpace("the catalogue")


def test_a_decision_that_only_the_log_had_room_for_is_said_to_be_recorded(
    repository: Repository,
) -> None:
    full = replace(repository, catalogue=FullCatalogue(repository.files.catalogue))

    with pytest.raises(RecordedOnly, match="no space left") as raised:
        yank(full, "acme", "1.0", "broken", ROOT)
    full.catalogue.close()

    assert raised.value.hint is not None
    assert "is recorded" in raised.value.hint
    with Repository.open(repository.roots, repository.state) as again:
        assert {file.yanked for file in again.catalogue.held(ACME) if file.version == "1.0"} == {"broken"}

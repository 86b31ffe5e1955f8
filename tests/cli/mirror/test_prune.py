from __future__ import annotations

import json

import pytest

from pypitool.core.state_files import StateFiles
from pypitool.mirror.record import MirrorRecord
from pypitool.mirror.run import lock_directory
from tests.cli.mirror.conftest import Site, lines, wheel
from tests.support.offers import copy_in, upload
from tests.support.upstream import Answer, Handler, respond

OLD, NEW = "a-1.0-py3-none-any.whl", "a-1.1-py3-none-any.whl"


def pins(site: Site, *requirements: str) -> None:
    site.write("backend.txt", "".join(f"{one}\n" for one in requirements))


def synchronised(site: Site, *requirements: str) -> None:
    pins(site, *requirements)
    assert site.run("sync").code == 0


@pytest.fixture
def moved(site: Site) -> Site:
    """A set that wanted a 1.0 and wants 1.1 now; both are here."""
    site.offer(wheel("a", "1.0"), wheel("a", "1.1"))
    for version in ("1.0", "1.1"):
        pins(site, f"a=={version}")
        site.run("sync")
    return site


def listed(site: Site, *words: str) -> list[str]:
    return [line.split()[1] for line in site.run("prune", *words).out.splitlines() if "delete " in line]


def test_what_no_set_wants_any_more_is_listed_and_stays(moved: Site) -> None:
    ended = moved.run("prune")

    first, last = ended.out.splitlines()
    size = (moved.packages / OLD).stat().st_size
    assert (ended.code, first) == (0, f"delete {OLD}  {size} B")
    assert last.startswith(f"prune: 1 file would be deleted with --execute ({size} B), 0 failed")
    assert moved.files() == [OLD, NEW]


def test_executed_it_is_deleted_with_a_word_in_the_audit_trail(moved: Site) -> None:
    ended = moved.run("prune", "--execute")

    assert ended.code == 0
    assert f"deleted {OLD}" in ended.err
    assert ended.out.startswith("prune: 1 deleted, 0 failed, ")
    assert moved.files() == [NEW]
    facts = (moved.packages / ".pypitool" / "facts.jsonl").read_text().splitlines()
    (fact,) = (fact for fact in map(json.loads, facts) if fact["what"] == "delete")
    assert (fact["file"], fact["reason"]) == (OLD, "pruned: no set wants it")
    assert moved.run("prune").out.startswith("prune: 0 files would be deleted")


def test_a_dry_run_wins_over_execute(moved: Site) -> None:
    assert listed(moved, "--execute", "-n") == [OLD]
    assert moved.files() == [OLD, NEW]


def test_json_lists_the_plan_and_what_was_deleted(moved: Site) -> None:
    plan, summary = lines(moved.run("prune", "--json"))
    assert (plan["type"], plan["action"], plan["name"], plan["version"]) == ("plan", "delete", OLD, "1.0")
    assert (summary["command"], summary["deleted"], summary["run"]) == ("prune", 0, None)
    assert (summary["planned"], summary["planned_bytes"]) == (1, plan["bytes"])

    file, summary = lines(moved.run("prune", "--execute", "--json"))
    assert (file["type"], file["outcome"], file["name"]) == ("file", "deleted", OLD)
    assert (summary["deleted"], summary["bytes"], summary["requests"]) == (1, file["bytes"], 0)


def test_without_any_set_it_is_a_wrong_configuration(moved: Site) -> None:
    config = moved.write("none.toml", f'[server]\npackages = "{moved.packages}"\n')

    ended = moved.bare("prune", "--config", str(config))

    assert ended.code == 8
    assert "the configuration has no sets" in ended.err


def test_an_unreadable_input_lists_nothing(moved: Site) -> None:
    moved.more = '[set.other]\nrequirements = "nowhere.txt"'

    ended = moved.run("prune", "--execute")

    assert (ended.code, ended.out) == (1, "")
    assert "nowhere.txt" in ended.err
    assert moved.files() == [OLD, NEW]


def test_another_run_keeps_it_out(moved: Site) -> None:
    with lock_directory(moved.packages, "pypitool sync"):
        assert moved.run("prune").code == 0
        assert moved.run("prune", "--execute").code == 6

    assert moved.files() == [OLD, NEW]


def test_what_only_download_brought_is_never_listed(moved: Site) -> None:
    moved.offer(wheel("b", "1.0"))
    moved.run("download", "b==1.0", "--exact", "-d", str(moved.packages), "-i", moved.fake.url)

    assert listed(moved) == [OLD]


def test_what_people_uploaded_or_copied_in_is_never_listed(moved: Site) -> None:
    upload(moved.packages, wheel("b", "1.0"))
    copy_in(moved.packages, wheel("c", "1.0"))

    assert listed(moved) == [OLD]


def test_hashes_that_cannot_be_compared_here_are_no_reason_to_let_go(moved: Site) -> None:
    pins(moved, "a==1.0", f"a==1.0 --hash=sha512:{'0' * 128}")

    assert listed(moved) == []


def test_what_is_newer_than_all_that_is_wanted_stays(moved: Site) -> None:
    pins(moved, "a==1.0")

    assert listed(moved) == []


def test_what_is_newer_than_a_pin_that_is_not_here_yet_stays(moved: Site) -> None:
    pins(moved, "a==1.0.5")

    assert listed(moved) == [OLD]


def test_a_project_that_no_set_wants_goes_as_a_whole(moved: Site) -> None:
    moved.offer(wheel("b", "1.0"))
    synchronised(moved, "b==1.0")

    assert listed(moved) == [OLD, NEW]


def test_a_set_that_is_gone_wants_nothing(moved: Site) -> None:
    moved.more = '[set.other]\nrequirements = "other.txt"'
    moved.write("other.txt", "b==1.0\n")
    moved.offer(wheel("b", "1.0"))
    moved.run("sync")
    moved.more = ""

    assert listed(moved) == [OLD, "b-1.0-py3-none-any.whl"]


def test_what_another_set_wants_stays(moved: Site) -> None:
    moved.more = '[set.other]\nrequirements = "other.txt"'
    moved.write("other.txt", "a==1.0\n")

    assert listed(moved) == []


def test_a_target_that_is_gone_wants_nothing(site: Site) -> None:
    site.offer(
        wheel("a", "1.0", tags="cp312-cp312-win_amd64"), wheel("a", "1.0", tags="cp312-abi3-linux_x86_64")
    )
    pins(site, "a==1.0")
    site.run("sync")

    site.more = 'targets = ["linux"]'
    site.run("sync")

    assert listed(site) == ["a-1.0-cp312-cp312-win_amd64.whl"]


def test_what_a_set_needs_without_naming_it_stays(moved: Site) -> None:
    moved.offer(wheel("b", "1.0"), wheel("c", "1.0", "b"))
    pins(moved, "a==1.1", "b==1.0", "c==1.0")
    moved.run("sync")
    pins(moved, "a==1.1", "c==1.0")

    assert listed(moved) == [OLD]


def test_younger_than_asked_for_stays(moved: Site) -> None:
    assert listed(moved, "--older-than", "30d") == []
    assert listed(moved, "--older-than", "0") == [OLD]
    assert moved.run("prune", "--older-than", "30").code == 2


def test_the_newest_releases_stay(moved: Site) -> None:
    moved.offer(wheel("b", "1.0"))
    synchronised(moved, "b==1.0")

    assert listed(moved, "--keep", "1") == [OLD]
    assert listed(moved, "--keep", "2") == []


def test_what_is_wanted_while_it_is_pruned_counts_as_wanted_then(moved: Site) -> None:
    record = MirrorRecord(StateFiles(moved.packages / ".pypitool").mirror)
    record.want("backend", [NEW], "2020-01-01T00:00:00+00:00")
    record.close()

    moved.run("prune", "--execute")
    moved.offer(wheel("b", "1.0"))
    synchronised(moved, "b==1.0")

    assert listed(moved, "--older-than", "30d") == []
    assert listed(moved) == [NEW]


RESOLVED = 'closure = "resolve"'


@pytest.mark.process
def test_a_resolved_set_wants_what_it_wanted_when_it_was_synchronised(site: Site) -> None:
    site.more = RESOLVED
    pins(site, "a")
    site.offer(wheel("a", "1.0", "b"), wheel("b", "1.0"))
    site.run("sync")
    assert listed(site) == []

    site.offer(wheel("a", "1.1"))
    site.run("sync")

    assert listed(site) == [OLD, "b-1.0-py3-none-any.whl"]


def failing_for_us(handler: Handler, answer: Answer) -> None:
    """Answer uv, which resolves, and fail whoever fetches then."""
    if handler.headers.get("User-Agent", "").startswith("uv/"):
        handler.send(answer)
    else:
        respond(503)(handler, answer)


@pytest.mark.process
def test_what_a_failing_project_had_is_not_given_up(site: Site) -> None:
    site.more = RESOLVED
    pins(site, "a", "b")
    site.offer(wheel("a", "1.0"), wheel("b", "1.0"))
    site.run("sync")
    site.offer(wheel("a", "1.1"))
    site.fake.fail("/simple/b/", failing_for_us)

    assert site.run("sync").code == 3
    pins(site, "a")

    assert listed(site) == [OLD]


def test_a_resolved_set_that_was_never_synchronised_stops_it(moved: Site) -> None:
    moved.more = '[set.other]\nrequirements = "other.txt"\nclosure = "resolve"'
    moved.write("other.txt", "a\n")

    ended = moved.run("prune", "--execute")

    assert (ended.code, ended.out) == (1, "")
    assert "nobody knows what `other` wants" in ended.err
    assert moved.files() == [OLD, NEW]


def test_a_lost_record_lists_nothing(moved: Site) -> None:
    for path in (moved.packages / ".pypitool").glob("mirror.sqlite*"):
        path.unlink()

    assert listed(moved) == []


def test_a_job_prunes(moved: Site) -> None:
    moved.more = '[job.tidy]\nrun = "prune --execute"\ncron = "0 3 * * *"'

    assert moved.run("schedule", "run", "tidy").code == 0
    assert moved.files() == [NEW]

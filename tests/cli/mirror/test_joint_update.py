from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.mirror.conftest import Site, lines, wheel
from tests.support.offers import copy_in, sdist, upload
from tests.support.upstream import Offer, other_bytes, respond

pytestmark = pytest.mark.process

BOTOCORE = (
    wheel("botocore", "1.34.134", "urllib3<3"),
    wheel("botocore", "1.35.0", "urllib3<2"),
    wheel("urllib3", "1.26.18"),
    wheel("urllib3", "2.6.0"),
)


def synced(site: Site, pins: str, *offers: Offer, more: str = "") -> Path:
    """Let the set be synchronised, and the upstream have newer releases then."""
    file = site.write("backend.txt", pins)
    site.more = more
    site.offer(*offers)
    ended = site.run("sync")
    assert ended.code == 0, ended
    return file


def held(site: Site, *words: str) -> dict[str, list[dict[str, object]]]:
    told = lines(site.run("update", "--json", *words))
    return {line["project"]: line["held"] for line in told if line["type"] == "update"}


def test_a_set_is_moved_as_one_and_goes_on_installing(site: Site) -> None:
    file = synced(site, "botocore==1.34.134\nurllib3==1.26.18\n", *BOTOCORE)

    ended = site.run("update", "-x", "--write", str(file))

    assert ended.code == 0
    assert file.read_text() == "botocore==1.35.0\nurllib3==1.26.18\n"
    assert ended.out.splitlines()[:2] == [
        "botocore 1.34.134 -> 1.35.0",
        "held urllib3 2.6.0: constraint (urllib3<2 of botocore 1.35.0)",
    ]
    assert "backend installs without the internet on linux, windows" in ended.out
    assert site.run("check").code == 0


def test_what_excludes_a_release_is_in_the_document(site: Site) -> None:
    file = synced(site, "botocore==1.34.134\nurllib3==1.26.18\n", *BOTOCORE)

    told = lines(site.run("update", "-x", "--write", str(file), "--json"))

    (urllib3,) = (line for line in told if line.get("project") == "urllib3" and line["type"] == "update")
    assert urllib3["new"] is None
    assert urllib3["set"] == "backend"
    assert urllib3["held"] == [
        {
            "version": "2.6.0",
            "reason": "constraint",
            "requirement": "urllib3<2",
            "required_by": "botocore 1.35.0",
        }
    ]


def test_an_exact_requirement_moves_along_and_not_ahead(site: Site) -> None:
    pins = "pydantic==2.11.0\npydantic-core==2.33.0\n"
    file = synced(
        site,
        pins,
        wheel("pydantic", "2.11.0", "pydantic-core==2.33.0"),
        wheel("pydantic", "2.12.5", "pydantic-core==2.41.5"),
        wheel("pydantic-core", "2.33.0"),
        wheel("pydantic-core", "2.41.5"),
        wheel("pydantic-core", "2.42.0"),
    )

    ended = site.run("update", "-x", "--write", str(file))

    assert ended.code == 0
    assert file.read_text() == "pydantic==2.12.5\npydantic-core==2.41.5\n"
    assert "held pydantic-core 2.42.0: constraint (pydantic-core==2.41.5 of pydantic 2.12.5)" in ended.out


def test_plain_update_resolves_nothing_and_marks_what_the_set_excludes(site: Site) -> None:
    synced(site, "a==1.0\nb==1.0\n", wheel("a", "1.0", "b<2"), wheel("b", "1.0"), wheel("b", "2.0"))
    site.fake.seen.clear()

    ended = site.run("update")

    assert ended.out == "held b 2.0: constraint (b<2 of a 1.0)\n"
    assert sorted(site.fake.paths()) == ["/simple/a/", "/simple/b/"]


def test_what_a_new_release_needs_is_added_below_its_pin_with_hashes(site: Site) -> None:
    old, new, dep, deeper, win = (
        wheel("a", "1.0"),
        wheel("a", "1.1", "dep>=1", 'win; sys_platform == "win32"'),
        wheel("dep", "1.5", "deeper"),
        wheel("deeper", "3.0"),
        wheel("win", "1.0", tags="py3-none-win_amd64"),
    )
    last = f"z==1.0 --hash=sha256:{wheel('z', '1.0').digest}\n"
    pins = f"a==1.0 \\\n    --hash=sha256:{old.digest}\n    # via us\n{last}"
    file = synced(site, pins, old, wheel("z", "1.0"), new, dep, deeper, win)

    ended = site.run("update", "-x", "--write", str(file))

    assert ended.code == 0, ended
    assert file.read_text() == (
        f"a==1.1 \\\n    --hash=sha256:{new.digest}\n    # via us\n"
        f"dep==1.5 \\\n    --hash=sha256:{dep.digest}  # needed by a\n"
        f"deeper==3.0 \\\n    --hash=sha256:{deeper.digest}  # needed by dep\n"
        f'win==1.0 ; sys_platform == "win32" \\\n    --hash=sha256:{win.digest}  # needed by a\n'
        f"{last}"
    )
    assert f"rewrote {file}: a; added deeper, dep, win" in ended.err
    assert site.run("sync").code == 0
    assert site.run("check").code == 0


def test_without_execute_the_proof_reads_metadata_and_fetches_no_file(site: Site) -> None:
    file = synced(site, "a==1.0\n", wheel("a", "1.0"), wheel("a", "1.1", "dep"), wheel("dep", "1.0"))
    site.fake.seen.clear()

    ended = site.run("update", "--write", str(file))

    assert ended.code == 0
    assert file.read_text() == "a==1.1\ndep==1.0  # needed by a\n"
    assert all(path.endswith(".metadata") for path in site.fake.paths("/files/"))


def test_a_release_that_needs_what_nobody_has_is_held_back(site: Site) -> None:
    file = synced(site, "alpha==1.0\n", wheel("alpha", "1.0"), wheel("alpha", "1.1", "newdep>=1"))

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_text()) == (0, "alpha==1.0\n")
    assert ended.out.splitlines()[0] == "held alpha 1.1: constraint (newdep>=1 of alpha 1.1)"


def test_lines_that_are_no_pins_and_constraints_limit_the_others(site: Site) -> None:
    limits = site.write("limits.txt", "b<1.5\n")
    file = synced(
        site, f"-c {limits.name}\na==1.0\nb==1.0\nc<2\n",
        wheel("a", "1.0"), wheel("a", "1.1"), wheel("b", "1.0"), wheel("b", "1.4"), wheel("b", "1.6"),
        wheel("c", "1.0"), wheel("c", "2.0"),
        more='closure = "resolve"',
    )  # fmt: skip

    ended = site.run("update", "-x", "--write", str(file))

    assert ended.code == 0, ended
    assert file.read_text() == f"-c {limits.name}\na==1.1\nb==1.4\nc<2\n"
    assert f"held b 1.6: constraint (b<1.5 of {limits}:1)" in ended.out
    assert f"held c 2.0: constraint (c<2 of {file}:4)" in ended.out


def test_max_and_ignored_names_limit_the_others(site: Site) -> None:
    file = synced(
        site, "a==1.0\nb==1.0\nc==1.0\n",
        wheel("a", "1.0"), wheel("a", "1.1", "c>=1"), wheel("a", "2.0"), wheel("b", "1.0"), wheel("b", "1.1"),
        wheel("c", "1.0"), wheel("c", "1.1"),
    )  # fmt: skip
    ignored = site.write("ignored.txt", "b\n")
    site.fake.seen.clear()

    ended = site.run(
        "update", "-x", "--write", str(file), "--max", "minor", "--ignorelist-file", str(ignored)
    )

    assert ended.code == 0
    assert file.read_text() == "a==1.1\nb==1.0\nc==1.1\n"
    assert "held a 2.0: max" in ended.out
    assert "/simple/b/" not in site.fake.paths()


def test_a_named_project_moves_and_the_others_only_where_they_have_to(site: Site) -> None:
    file = synced(
        site, "a==1.0\nb==1.0\nc==1.0\n",
        wheel("a", "1.0", "b<2"), wheel("a", "2.0", "b>=2"), wheel("b", "1.0"), wheel("b", "2.0"),
        wheel("b", "2.1"), wheel("c", "1.0"), wheel("c", "1.1"),
    )  # fmt: skip

    ended = site.run("update", "a", "-x", "--write", str(file))

    assert ended.code == 0
    assert file.read_text().splitlines()[0] == "a==2.0"
    assert file.read_text().splitlines()[2] == "c==1.0"
    assert "c-1.1-py3-none-any.whl" not in site.files()
    assert ended.out.splitlines()[0] == "a 1.0 -> 2.0"


def test_a_project_that_is_ours_stays_and_the_others_move(site: Site) -> None:
    copy_in(site.packages, wheel("acme-core", "1.0", "a<2"), wheel("acme-core", "1.1"))
    upload(site.packages, wheel("mine", "1.0"))
    file = synced(
        site, "a==1.0\nacme-core==1.0\nmine==1.0\n",
        wheel("a", "1.0"), wheel("a", "1.1"), wheel("a", "2.0"), wheel("acme-core", "9.0"),
        wheel("mine", "9.0"),
        more='[policy]\nprivate = ["acme-*"]',
    )  # fmt: skip
    site.fake.seen.clear()

    ended = site.run("update", "-x", "--write", str(file))

    assert ended.code == 0, ended
    assert file.read_text() == "a==1.1\nacme-core==1.0\nmine==1.0\n"
    assert "held a 2.0: constraint (a<2 of acme-core 1.0)" in ended.out
    assert not [path for path in site.fake.paths() if "acme" in path or "mine" in path]


@pytest.mark.parametrize(("status", "code"), [(404, 3), (503, 3)])
def test_a_project_whose_page_fails_stays_and_the_others_move(site: Site, status: int, code: int) -> None:
    file = synced(
        site, "a==1.0\nb==1.0\n",
        wheel("a", "1.0"), wheel("a", "1.1", "b==1.0"), wheel("a", "2.0", "b>1"), wheel("b", "1.0"),
    )  # fmt: skip
    site.fake.fail("/simple/b/", respond(status))

    ended = site.run("update", "-x", "--write", str(file))

    assert ended.code == code
    assert file.read_text() == "a==1.1\nb==1.0\n"


def test_what_was_copied_in_and_nobody_has_stays_and_is_no_failure(site: Site) -> None:
    copy_in(site.packages, wheel("ours", "1.0"))
    site.offer(wheel("a", "1.0"))
    file = site.write("backend.txt", "a==1.0\nours==1.0\n")
    site.run("sync")
    site.offer(wheel("a", "1.1", "ours"))

    ended = site.run("update", "-x", "--write", str(file))

    assert ended.code == 0, ended
    assert file.read_text() == "a==1.1\nours==1.0\n"
    assert "no upstream has ours, which was copied in" in ended.err


def test_a_file_that_does_not_arrive_holds_back_who_needs_it_and_the_rest_moves(site: Site) -> None:
    file = synced(
        site, "a==1.0\nb==1.0\nc==1.0\n",
        wheel("a", "1.0"), wheel("b", "1.0"), wheel("c", "1.0"),
        wheel("a", "2.0", "b>=2"), wheel("b", "2.0"), wheel("c", "2.0"),
    )  # fmt: skip
    site.fake.fail("/files/b-2.0.*whl$", other_bytes())

    ended = site.run("update", "-x", "--write", str(file))

    assert ended.code == 3
    assert file.read_text() == "a==1.0\nb==1.0\nc==2.0\n"
    assert site.run("check").code == 0


def test_where_the_page_of_something_new_fails_who_needs_it_stays(site: Site) -> None:
    file = synced(
        site, "a==1.0\nc==1.0\n",
        wheel("a", "1.0"), wheel("c", "1.0"), wheel("a", "2.0", "dep"), wheel("c", "2.0"),
    )  # fmt: skip
    site.fake.fail("/simple/dep/", respond(503))

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_text()) == (3, "a==1.0\nc==2.0\n")
    assert "held a 2.0: constraint (dep of a 2.0)" in ended.out
    assert "/simple/dep/: it answers 503" in ended.err


def test_where_what_is_new_does_not_arrive_who_needs_it_stays(site: Site) -> None:
    file = synced(
        site, "a==1.0\nc==1.0\n",
        wheel("a", "1.0"), wheel("c", "1.0"), wheel("a", "2.0", "dep"), wheel("c", "2.0"),
        wheel("dep", "1.0"),
    )  # fmt: skip
    site.fake.fail("/files/dep.*whl$", respond(503))

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_text()) == (3, "a==1.0\nc==2.0\n")
    assert site.run("check").code == 0


def test_where_the_rest_cannot_be_proven_nothing_is_written(site: Site) -> None:
    before = "a==1.0\nb==1.0\n"
    file = synced(site, before, wheel("a", "1.0"), wheel("b", "1.0"), wheel("a", "2.0"), wheel("b", "2.0"))
    (site.packages / "b-1.0-py3-none-any.whl").unlink()
    site.fake.fail("/files/b-2.0.*whl$", other_bytes())

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_text()) == (3, before), ended
    assert f"{file} stays as it is" in ended.err


def test_without_any_solution_the_file_stays_and_the_run_ends_with_1(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b<2"), wheel("a", "1.1", "b<2"), wheel("b", "2.0"), wheel("b", "2.1"))
    copy_in(site.packages, wheel("a", "1.0", "b<2"), wheel("b", "2.0"))
    body = b"a==1.0\r\nb==2.0"
    file = site.path / "backend.txt"
    file.write_bytes(body)

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_bytes()) == (1, body)
    assert "error: backend: no set of versions satisfies the requirements:\n" in ended.err
    assert "b<2" in ended.err
    assert "error: backend: no set of versions" in site.run("runs", "1").out


def test_a_file_that_its_own_proof_refutes_stays(site: Site) -> None:
    # Its metadata was there for the resolver; what is in the wheel is something else.
    site.offer(wheel("a", "1.0"))
    file = site.write("backend.txt", "a==1.0\n")
    site.run("sync")
    liar = wheel("a", "1.1", "never-heard-of")
    site.offer(Offer(liar.filename, liar.body, metadata=wheel("a", "1.1").metadata))

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_text()) == (1, "a==1.0\n")
    assert "missing: backend linux: never-heard-of (needed by a 1.1" in ended.out
    assert f"{file} stays as it is" in ended.err


def test_nothing_to_move_is_nothing_wrong_and_nothing_is_resolved(site: Site) -> None:
    file = synced(site, "a==1.0\nb==1.0\n", wheel("a", "1.0"), wheel("b", "1.0"))
    site.offer(wheel("a", "1.1", yanked="bad"))
    site.fake.seen.clear()

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_text()) == (0, "a==1.0\nb==1.0\n")
    assert ended.out.splitlines()[0] == "held a 1.1: yanked"
    assert sorted(site.fake.paths()) == ["/simple/a/", "/simple/b/"]


OTHER = '[set.web]\nrequirements = "web.txt"'


def test_what_one_environment_fails_at_stops_no_other(site: Site) -> None:
    web = site.write("web.txt", "x==1.0\ny==2.0\n")
    site.offer(wheel("x", "1.0", "y<2"), wheel("y", "2.0"))
    copy_in(site.packages, wheel("x", "1.0", "y<2"), wheel("y", "2.0"))
    site.offer(wheel("a", "1.0"))
    backend = site.write("backend.txt", "a==1.0\n")
    site.more = OTHER
    site.run("sync", "backend")
    site.offer(wheel("a", "1.1"))

    ended = site.run("update", "-x", "--write", str(web), "--write", str(backend))

    assert ended.code == 1
    assert (web.read_text(), backend.read_text()) == ("x==1.0\ny==2.0\n", "a==1.1\n")
    assert "web: no set of versions" in ended.err
    assert "backend installs without the internet on linux, windows" in ended.out


def test_a_project_of_two_environments_gets_a_release_for_each(site: Site) -> None:
    web = site.write("web.txt", "a==1.0\n")
    backend = synced(
        site, "a==1.0\nb==1.0\n",
        wheel("a", "1.0"), wheel("b", "1.0", "a<2"), wheel("a", "1.5"), wheel("a", "2.0"),
        more=OTHER,
    )  # fmt: skip

    told = lines(site.run("update", "-x", "--write", str(web), "--write", str(backend), "--json"))

    assert (web.read_text(), backend.read_text()) == ("a==2.0\n", "a==1.5\nb==1.0\n")
    (a,) = (line for line in told if line["type"] == "update" and line["project"] == "a")
    assert (a["new"], a["set"]) == ("2.0", "web")
    fetched = {line["name"] for line in told if line.get("outcome") == "fetched"}
    assert fetched == {"a-1.5-py3-none-any.whl", "a-2.0-py3-none-any.whl"}
    (warning,) = (line["message"] for line in told if line["type"] == "warning")
    assert warning == "backend gets a 1.5, not 2.0 (a<2 of b 1.0)"


def test_a_file_of_two_sets_is_written_for_both(site: Site) -> None:
    common = site.write("common.txt", "a==1.0\n")
    site.write("web.txt", "-r common.txt\nb==1.0\n")
    synced(
        site, "-r common.txt\n",
        wheel("a", "1.0"), wheel("b", "1.0", "a<2"), wheel("a", "1.5"), wheel("a", "2.0"),
        more=OTHER,
    )  # fmt: skip

    ended = site.run("update", "-x", "--write", str(common))

    # The first set alone would take 2.0, which the second cannot have.
    assert (ended.code, common.read_text()) == (0, "a==1.5\n")
    assert site.run("check").code == 0


def test_a_file_of_two_sets_stays_where_one_of_them_has_no_solution(site: Site) -> None:
    common = site.write("common.txt", "a==1.0\n")
    site.write("web.txt", "-r common.txt\nx==1.0\ny==2.0\n")
    copy_in(site.packages, wheel("x", "1.0", "y<2"), wheel("y", "2.0"))
    site.offer(wheel("x", "1.0", "y<2"), wheel("y", "2.0"), wheel("a", "1.0"), wheel("a", "1.5"))
    site.write("backend.txt", "-r common.txt\n")
    site.more = OTHER
    site.run("sync")

    ended = site.run("update", "-x", "--write", str(common))

    assert (ended.code, common.read_text()) == (1, "a==1.0\n")
    assert f"{common} stays as it is: another set that has it cannot be moved" in ended.err


def test_a_file_of_two_sets_is_proved_for_both_before_anything_is_fetched(site: Site) -> None:
    common = site.write("common.txt", "a==1.0\n")
    site.write("web.txt", "-r common.txt\nb==1.0\n")
    synced(site, "-r common.txt\nc==1.0\n", *(wheel(name, "1.0") for name in "abc"), more=OTHER)
    site.offer(wheel("a", "1.1", "b; sys_platform == 'win32'", "dep"), wheel("dep", "1.0"))

    ended = site.run("update", "--write", str(common))

    assert ended.code == 0, ended
    assert common.read_text() == (
        'a==1.1\nb==1.0 ; sys_platform == "win32"  # needed by a\ndep==1.0  # needed by a\n'
    )


GONE = 'gone; sys_platform == "darwin"'  # on no machine of ours: no answer for all platforms


def test_without_a_solution_for_all_platforms_each_target_is_asked(site: Site) -> None:
    file = synced(
        site, "a==1.0\n",
        wheel("a", "1.0", GONE), wheel("a", "1.1", GONE, "dep", 'win; sys_platform == "win32"'),
        wheel("dep", "1.0"), wheel("win", "1.0"),
    )  # fmt: skip

    ended = site.run("update", "-x", "--write", str(file))

    assert ended.code == 0, ended
    assert file.read_text() == (
        "a==1.1\ndep==1.0  # needed by a\nwin==1.0 ; sys_platform == 'win32'  # needed by a\n"
    )
    assert site.run("check").code == 0


@pytest.mark.parametrize("needs", [(), (GONE,)], ids=["universal", "by-target"])
def test_what_would_differ_between_targets_stays_and_the_rest_moves(
    site: Site, needs: tuple[str, ...]
) -> None:
    file = synced(
        site, "a==1.0\nb==1.0\n",
        wheel("a", "1.0", *needs), wheel("b", "1.0"),
        wheel("a", "1.1", *needs, 'b<2; sys_platform == "win32"', 'b>=1; sys_platform != "win32"'),
        wheel("b", "2.0"),
    )  # fmt: skip

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_text()) == (0, "a==1.1\nb==1.0\n"), ended
    assert "held b 2.0: constraint (b<2 of a 1.1)" in ended.out


def test_an_update_that_writes_no_file_fetches_what_installs_together(site: Site) -> None:
    file = synced(site, "botocore==1.34.134\nurllib3==1.26.18\n", *BOTOCORE)

    ended = site.run("update", "-x")

    assert (ended.code, file.read_text()) == (0, "botocore==1.34.134\nurllib3==1.26.18\n")
    assert [name for name in site.files() if "1.35.0" in name or "2.6.0" in name] == [
        "botocore-1.35.0-py3-none-any.whl"
    ]


def test_new_files_of_a_set_go_to_another_directory(site: Site) -> None:
    file = synced(site, "a==1.0\nb==1.0\n", wheel("a", "1.0"), wheel("b", "1.0"), wheel("a", "1.1", "b", "c"))
    site.offer(wheel("c", "1.0"))
    apart = site.path / "apart"

    ended = site.run("update", "-x", "-d", str(apart), "--write", str(file))

    assert ended.code == 0, ended
    assert file.read_text() == "a==1.1\nc==1.0  # needed by a\nb==1.0\n"
    assert {path.name for path in apart.glob("*.whl")} == {
        "a-1.1-py3-none-any.whl",
        "c-1.0-py3-none-any.whl",
    }


def test_a_closure_that_is_off_has_no_dependencies(site: Site) -> None:
    file = synced(
        site, "a==1.0\n", wheel("a", "1.0", "never"), wheel("a", "1.1", "ever"), more='closure = "off"'
    )

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_text()) == (0, "a==1.1\n"), ended


def test_a_resolved_set_moves_with_what_its_lines_do_not_pin(site: Site) -> None:
    file = synced(
        site, "a==1.0\n", wheel("a", "1.0", "dep<2"), wheel("dep", "1.0"), more='closure = "resolve"'
    )
    site.offer(wheel("a", "1.1", "dep<2"), wheel("dep", "1.5"), wheel("dep", "2.0"))

    ended = site.run("update", "-x")

    assert ended.code == 0, ended
    assert "a 1.0 -> 1.1" in ended.out
    assert "dep 1.0 -> 1.5" in ended.out
    assert "held dep 2.0: constraint (dep<2 of a 1.1)" in ended.out
    assert file.read_text() == "a==1.0\n"


def test_what_no_set_wants_is_moved_by_itself(site: Site) -> None:
    copy_in(site.packages, wheel("free", "1.0"), wheel("loner", "1.0"))
    synced(site, "a==1.0\n", wheel("a", "1.0", "loner<2"), wheel("loner", "1.0"))
    site.offer(wheel("free", "1.0"), wheel("free", "2.0"), wheel("loner", "2.0"))

    ended = site.run("update", "-x")

    assert "free 1.0 -> 2.0" in ended.out
    assert "held loner 2.0: constraint (loner<2 of a 1.0)" in ended.out
    assert "free-2.0-py3-none-any.whl" in site.files()


def test_a_file_that_is_in_no_set_is_an_environment_of_its_own(site: Site) -> None:
    site.write("backend.txt", "")
    copy_in(site.packages, wheel("botocore", "1.34.134", "urllib3<3"), wheel("urllib3", "1.26.18"))
    site.offer(*BOTOCORE)
    file = site.write("mine.txt", "botocore==1.34.134\nurllib3==1.26.18\n")

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_text()) == (0, "botocore==1.35.0\nurllib3==1.26.18\n")


def test_included_files_are_not_touched_and_their_pins_hold(site: Site) -> None:
    base = site.write("base.txt", "b==1.0\n")
    file = synced(
        site, "-r base.txt\na==1.0\n",
        wheel("a", "1.0"), wheel("b", "1.0"), wheel("a", "1.1", "b==1.0"), wheel("a", "2.0", "b>=2"),
        wheel("b", "2.0"),
    )  # fmt: skip

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, base.read_text()) == (0, "b==1.0\n")
    assert file.read_text() == "-r base.txt\na==1.1\n"
    assert f"held b 2.0: constraint (b==1.0 of {base}:1)" in ended.out


def test_a_release_without_a_file_for_a_target_of_ours_is_not_chosen(site: Site) -> None:
    file = synced(
        site, "a==1.0\n",
        wheel("a", "1.0"), wheel("a", "2.0", tags="cp312-cp312-win_amd64"), wheel("a", "1.1"),
    )  # fmt: skip

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_text()) == (0, "a==1.1\n")
    assert "held a 2.0: no-file" in ended.out


def test_a_cooldown_holds_for_what_a_new_release_needs_too(site: Site) -> None:
    young = "2999-01-01T00:00:00Z"
    file = synced(
        site, "a==1.0\n",
        wheel("a", "1.0"), wheel("a", "1.1", "dep"), wheel("dep", "1.0"),
        wheel("dep", "1.1", upload_time=young),
    )  # fmt: skip

    ended = site.run("update", "-x", "--write", str(file), "--cooldown", "7d")

    assert (ended.code, file.read_text()) == (0, "a==1.1\ndep==1.0  # needed by a\n")


def test_a_dry_run_says_what_would_come_and_writes_nothing(site: Site) -> None:
    file = synced(site, "botocore==1.34.134\nurllib3==1.26.18\n", *BOTOCORE)
    before = site.files()

    ended = site.run("update", "-x", "-n", "--write", str(file))

    assert ended.code == 0
    assert "get botocore-1.35.0-py3-none-any.whl" in ended.out
    assert "urllib3-2.6.0" not in ended.out
    assert (site.files(), file.read_text()) == (before, "botocore==1.34.134\nurllib3==1.26.18\n")


def test_sets_that_cannot_be_read_stop_a_move_and_no_look(site: Site) -> None:
    copy_in(site.packages, wheel("a", "1.0"))
    site.offer(wheel("a", "1.0"), wheel("a", "1.1"))

    looked, moved = site.run("update"), site.run("update", "-x")

    assert (looked.code, looked.out) == (0, "a 1.0 -> 1.1\n")
    assert "backend.txt:1: cannot be read" in looked.err
    assert (moved.code, site.files()) == (1, ["a-1.0-py3-none-any.whl"])


def test_what_cannot_install_on_all_targets_alike_stays(site: Site) -> None:
    file = synced(
        site, "a==1.0\nb==1.0\n",
        wheel("a", "1.0"), wheel("b", "1.0"), wheel("b", "1.1"),
        wheel("a", "1.1", requires_python=">=3.8"), wheel("a", "1.1", "gone; sys_platform == 'darwin'"),
    )  # fmt: skip

    ended = site.run("update", "-x", "--write", str(file))

    assert ended.code == 0
    assert "b==1.1" in file.read_text()


def test_what_is_known_only_when_it_is_built_stays_and_the_others_move(site: Site) -> None:
    file = synced(site, "a==1.0\nb==1.0\n", sdist("a", "1.0"), wheel("b", "1.0"))
    site.offer(sdist("a", "1.1"), wheel("b", "1.1", "a"))

    ended = site.run("update", "-x", "--write", str(file))

    assert (ended.code, file.read_text()) == (0, "a==1.0\nb==1.1\n"), ended
    assert "held a 1.1: constraint" in ended.out
    assert "a-1.0.tar.gz: what it depends on is unknown until it is built" in ended.err


LOCK = """
lock-version = "1.0"
created-by = "somebody"
requires-python = ">=3.14"

[[packages]]
name = "a"
version = "1.0"
wheels = [{ url = "x/a-1.0-py3-none-any.whl", hashes = { sha256 = "00" } }]
"""


def test_a_set_that_is_for_no_target_is_no_environment(site: Site) -> None:
    site.write("backend.txt", "")
    site.write("pylock.toml", LOCK)
    site.more = 'lock = "pylock.toml"'
    copy_in(site.packages, wheel("a", "1.0"))
    site.offer(wheel("a", "1.0"), wheel("a", "1.1"))

    ended = site.run("update", "-x")

    assert (ended.code, ended.out.splitlines()[0]) == (0, "a 1.0 -> 1.1"), ended

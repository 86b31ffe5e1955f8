from __future__ import annotations

import json
import os
from pathlib import Path

from tests.cli.conftest import Run
from tests.support.wheels import build_sdist, build_wheel


def test_rescan_says_what_it_found(run: Run, packages: Path) -> None:
    assert run("rescan").err == "5 read, 0 gone, 0 unchanged\n"
    (packages / "other-0.1-py3-none-any.whl").unlink()
    build_wheel(packages, "new", "1.0")

    ended = run("rescan")

    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "1 read, 1 gone, 4 unchanged\n"


def test_rescan_names_what_is_not_listed_and_ends_with_3(run: Run, packages: Path) -> None:
    (packages / "broken-1.0.tar.gz").write_bytes(b"nonsense")

    ended = run("rescan")

    assert ended.code == 3
    assert ended.out.startswith("not listed: broken-1.0.tar.gz: ")


def test_rescan_names_an_sdist_that_speaks_of_another_release(run: Run, packages: Path) -> None:
    build_sdist(packages, "bar", "1.0", filename="foo-1.0.tar.gz")

    ended = run("rescan")
    again = run("rescan", "--json")

    assert ended.code == again.code == 0
    assert (
        "foo-1.0.tar.gz is listed, though pip refuses it: its metadata names the project `bar`" in ended.err
    )
    (misnamed,) = again.document["misnamed"]
    assert misnamed == {
        "root": 0, "path": "foo-1.0.tar.gz", "reason": "its metadata names the project `bar`",
    }  # fmt: skip
    assert "foo-1.0.tar.gz" in run("list", "foo").out


def test_rescan_has_a_json_form(run: Run, packages: Path) -> None:
    (packages / "broken-1.0.tar.gz").write_bytes(b"nonsense")

    ended = run("rescan", "--json")

    assert ended.code == 3
    (problem,) = ended.document["problems"]
    assert ended.document["listed"] == 5
    assert problem["path"] == "broken-1.0.tar.gz"


def test_verify_finds_nothing_where_nothing_is_wrong(run: Run) -> None:
    run("rescan")

    ended = run("verify")

    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("verify: 5 files, 0 differ, 0 failed, ")


def test_verify_names_a_file_whose_bytes_changed_behind_its_times(run: Run, packages: Path) -> None:
    run("rescan")
    file = packages / "other-0.1-py3-none-any.whl"
    spoil(file)

    ended = run("verify")

    assert ended.code == 1
    assert ended.out.startswith("other-0.1-py3-none-any.whl: ")


def test_verify_prints_json_lines_with_a_summary(run: Run, packages: Path) -> None:
    run("rescan")
    (packages / "other-0.1-py3-none-any.whl").unlink()

    ended = run("verify", "--json")

    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 1
    assert [(line["type"], line.get("name")) for line in lines] == [
        ("file", "other-0.1-py3-none-any.whl"),
        ("summary", None),
    ]
    assert lines[0]["message"] == "it is missing"
    assert (lines[1]["outcome"], lines[1]["exit_code"], lines[1]["failed"]) == ("failed", 1, 1)


def test_a_backup_brings_back_what_people_decided(run: Run, tmp_path: Path) -> None:
    run("yank", "acme-core", "1.1", "--reason", "bad")
    file = tmp_path / "backup.tar"
    assert run("backup", str(file)).code == 0
    run("unyank", "acme-core", "1.1")

    ended = run("restore", str(file))

    assert ended.code == 0
    assert ended.err.startswith(f"restored {file}: 5 files of 2 projects, ")
    assert run("show", "acme-core", "1.1", "--json").document["files"][0]["yanked"] == "bad"


def test_a_backup_is_told_in_json(run: Run, tmp_path: Path) -> None:
    run("rescan")

    document = run("backup", str(tmp_path / "b.tar"), "--json").document

    assert (document["file"], document["projects"], document["files"]) == (str(tmp_path / "b.tar"), 2, 5)
    assert document["bytes"] == (tmp_path / "b.tar").stat().st_size


def test_restoring_something_else_changes_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    file.write_bytes(b"nonsense")

    ended = run("restore", str(file))

    assert ended.code == 1
    assert "cannot be restored" in ended.err


def test_restore_mends_a_state_that_cannot_be_opened(run: Run, packages: Path, tmp_path: Path) -> None:
    run("yank", "acme-core", "1.1")
    file = tmp_path / "b.tar"
    run("backup", str(file))
    (packages / ".pypitool" / "facts.jsonl").write_text('{"v":99}\n')
    for part in (packages / ".pypitool").glob("catalogue.sqlite*"):
        part.unlink()
    assert run("list").code == 8

    assert run("restore", str(file)).code == 0

    assert run("list", "--json").document["projects"][0]["latest"] == "1.0"


def test_a_backup_to_nowhere_is_a_sentence(run: Run, tmp_path: Path) -> None:
    ended = run("backup", str(tmp_path / "no" / "b.tar"))

    assert ended.code == 1
    assert ended.err.startswith("error: cannot write to ")
    assert "Traceback" not in ended.err


def spoil(file: Path) -> None:
    """Change a byte of a file, and nothing that `stat` tells but the time of that change."""
    before = file.stat()
    body = bytearray(file.read_bytes())
    body[-1] ^= 1
    file.write_bytes(bytes(body))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

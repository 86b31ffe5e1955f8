from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pypitool.core.state_files import StateFiles
from pypitool.mirror.unchanged import (
    VARIABLE_PREFIX,
    Stamp,
    digest_of,
    digest_of_text,
    read_stamp,
    stats_of,
    write_stamp,
)

QUESTION = digest_of("sync", ["backend"])


@pytest.fixture
def stamped(tmp_path: Path) -> Path:
    (tmp_path / "r.txt").write_text("a==1\n")
    (tmp_path / "a.whl").write_text("wheel")
    inputs = {str(tmp_path / "r.txt"): hashlib.sha256(b"a==1\n").hexdigest()}
    write_stamp(tmp_path, Stamp(QUESTION, inputs, stats_of([tmp_path / "a.whl"]), 1, [{"type": "hole"}]))
    return tmp_path


def test_an_unchanged_set_has_its_stamp_with_the_proof(stamped: Path) -> None:
    stamp = read_stamp(stamped, QUESTION, {})

    assert stamp is not None
    assert (stamp.exit_code, list(stamp.holes)) == (1, [{"type": "hole"}])


def test_another_question_has_no_stamp(stamped: Path) -> None:
    assert read_stamp(stamped, digest_of("sync", ["frontend"]), {}) is None


def test_a_changed_variable_breaks_the_stamp(tmp_path: Path) -> None:
    inputs = {f"{VARIABLE_PREFIX}VERSION": digest_of_text("1.0")}
    write_stamp(tmp_path, Stamp(QUESTION, inputs, {}, 0))

    assert read_stamp(tmp_path, QUESTION, {"VERSION": "1.0"}) is not None
    assert read_stamp(tmp_path, QUESTION, {"VERSION": "2.0"}) is None


def test_a_changed_input_breaks_the_stamp(stamped: Path) -> None:
    (stamped / "r.txt").write_text("a==2\n")

    assert read_stamp(stamped, QUESTION, {}) is None


@pytest.mark.parametrize("change", ["removed", "touched", "longer"])
def test_a_changed_file_breaks_the_stamp(stamped: Path, change: str) -> None:
    wheel = stamped / "a.whl"
    if change == "removed":
        wheel.unlink()
    elif change == "touched":
        os.utime(wheel, ns=(1, 1))
    else:
        before = wheel.stat()
        wheel.write_text("wheel!")
        os.utime(wheel, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert read_stamp(stamped, QUESTION, {}) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"inputs": 1}', "\xff"])
def test_a_damaged_stamp_is_none(stamped: Path, text: str) -> None:
    (StateFiles(stamped).stamps / f"{QUESTION}.json").write_bytes(text.encode("latin-1"))

    assert read_stamp(stamped, QUESTION, {}) is None

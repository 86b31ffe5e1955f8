"""The log of facts: durable lines that are read back as they were decided."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from pypitool.catalogue.facts import FactLog, FactsTooNew, FactsUnwritable, Skipped, local_actor
from pypitool.core.errors import NoSpace, http_status
from pypitool.core.fact import Actor, Fact, What, from_document, to_document
from pypitool.core.model import Origin, OriginKind
from pypitool.core.text import timestamp
from tests.support.disks import make_read_only, mounted_disk
from tests.support.imports import ROOT
from tests.support.waiting import LONGEST

NOW = 1767225600.0  # 2026-01-01
DEPLOY = Actor("user:deploy", "10.0.0.7", "password")
UPLOAD = Fact(
    What.UPLOAD,
    DEPLOY,
    project=canonicalize_name("foo"),
    version="1.0",
    filename="foo-1.0.tar.gz",
    sha256="0" * 64,
    upload_time="2026-01-01T00:00:00.000001Z",
    origin=Origin(OriginKind.UPLOADED, "user:deploy"),
)
YANK = Fact(What.YANK, Actor("local:root", means="local"), canonicalize_name("foo"), "1.0", "foo-1.0.tar.gz")


@pytest.fixture
def log(tmp_path: Path) -> FactLog:
    return FactLog(tmp_path / "facts.jsonl", clock=lambda: NOW)


def lines(log: FactLog) -> list[str]:
    return log.path.read_text().splitlines()


def test_a_line_is_as_the_audit_promises(log: FactLog) -> None:
    log.append(UPLOAD)

    assert json.loads(lines(log)[0]) == {
        "v": 1,
        "at": "2026-01-01T00:00:00.000000Z",
        "what": "upload",
        "who": "user:deploy",
        "from": "10.0.0.7",
        "with": "password",
        "project": "foo",
        "version": "1.0",
        "file": "foo-1.0.tar.gz",
        "sha256": "0" * 64,
        "upload_time": "2026-01-01T00:00:00.000001Z",
        "origin": {"kind": "uploaded", "detail": "user:deploy"},
    }


def test_what_is_absent_is_absent(log: FactLog) -> None:
    log.append(YANK)

    assert list(json.loads(lines(log)[0])) == ["v", "at", "what", "who", "with", "project", "version", "file"]


def test_facts_come_back_in_their_order(log: FactLog) -> None:
    log.append(UPLOAD)
    log.append(YANK, replace(YANK, what=What.UNYANK))

    replayed = list(log.replay())

    at = timestamp(NOW)
    assert replayed == [replace(fact, at=at) for fact in (UPLOAD, YANK, replace(YANK, what=What.UNYANK))]


def test_the_facts_since_an_offset_are_those_appended_since(log: FactLog) -> None:
    log.append(UPLOAD)
    offset = log.size()
    log.append(YANK)

    assert [fact.what for fact in log.replay(offset)] == [What.YANK]


def test_there_is_nothing_to_replay_without_a_log(log: FactLog) -> None:
    assert list(log.replay()) == []
    assert log.size() == 0


def test_other_kinds_of_facts_are_kept_with_all_they_have(log: FactLog) -> None:
    token = Fact("token-mint", DEPLOY, details={"token": {"id": "0a1b", "may": ["upload"]}})

    log.append(token)

    assert list(log.replay()) == [replace(token, at=timestamp(NOW))]


texts = st.text() | st.none()


@given(
    what=st.text(),
    who=st.text(),
    address=texts,
    reason=texts,
    origin=st.none() | st.builds(Origin, st.sampled_from(OriginKind), st.text()),
)
def test_any_text_survives_the_line(
    what: str, who: str, address: str | None, reason: str | None, origin: Origin | None
) -> None:
    fact = Fact(what, Actor(who, address), reason=reason, origin=origin, at="now")

    line = json.dumps(to_document(fact))

    assert "\n" not in line
    assert from_document(json.loads(line)) == fact


@pytest.mark.parametrize(
    "torn",
    [b'{"v":1,"at":"2026', b"\0\0\0\0", b"\xff\xfe", b"[]", b"17", b'{"v":1}', b'{"v":"x","what":1}'],
    ids=ascii,
)
def test_a_torn_last_line_is_skipped_and_reported(log: FactLog, torn: bytes) -> None:
    log.append(UPLOAD)
    size = log.size()
    with log.path.open("ab") as file:
        file.write(torn)
    skipped: list[Skipped] = []

    replayed = list(log.replay(skipped=skipped.append))

    assert len(replayed) == 1
    assert [one.offset for one in skipped] == [size]
    assert f"the line at byte {size} is skipped" in str(skipped[0])


def test_a_fact_after_a_torn_line_is_whole(log: FactLog) -> None:
    log.append(UPLOAD)
    with log.path.open("ab") as file:
        file.write(b'{"v":1,"at":"2026')

    log.append(YANK)

    assert [fact.what for fact in log.replay(skipped=lambda _: None)] == [What.UPLOAD, What.YANK]


def test_a_torn_line_is_logged(log: FactLog, caplog: pytest.LogCaptureFixture) -> None:
    log.path.write_bytes(b'{"v":1,')

    assert list(log.replay()) == []

    assert "is skipped: it is not a fact, cut off in the middle" in caplog.text


def test_facts_of_a_newer_program_are_refused_with_a_sentence(log: FactLog) -> None:
    log.path.write_text('{"v":2,"what":"upload","who":"user:deploy"}\n')

    with pytest.raises(FactsTooNew, match="holds facts of version 2, written by a newer pypitool"):
        list(log.replay())


@pytest.mark.process
def test_many_writers_lose_and_mix_nothing(log: FactLog) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from pypitool.catalogue.facts import FactLog; from pypitool.core.fact import Actor, Fact\n"
        "for number in range(50):\n"
        "    FactLog(Path(sys.argv[1])).append(Fact('n', Actor(sys.argv[2]), reason=str(number)))"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", script, str(log.path), str(number)], cwd=ROOT)
        for number in range(2)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: log.append(replace(YANK, reason=str(number))), range(200)))
    codes = [other.wait(LONGEST) for other in others]

    facts = list(log.replay())

    assert codes == [0, 0]
    assert len(facts) == 300
    assert {fact.reason for fact in facts if fact.what == What.YANK} == {str(n) for n in range(200)}
    for number in ("0", "1"):
        own = [fact.reason for fact in facts if fact.actor.who == number]
        assert own == [str(n) for n in range(50)]


def test_appends_wait_while_the_log_is_locked(log: FactLog) -> None:
    log.append(UPLOAD)
    with ThreadPoolExecutor(1) as pool:
        with log.locked() as size:
            appending = pool.submit(log.append, YANK)
            waited = not wait([appending], timeout=0.1).done
            during = log.size()
        appending.result(5)

    assert waited
    assert during == size
    assert log.size() > size


def test_an_append_that_waited_goes_to_the_log_that_took_the_place(log: FactLog, tmp_path: Path) -> None:
    log.append(UPLOAD)
    other = FactLog(tmp_path / "other.jsonl")
    other.append(UPLOAD)
    with ThreadPoolExecutor(1) as pool:
        with log.locked():
            appending = pool.submit(log.append, YANK)
            other.path.replace(log.path)
        appending.result(5)

    assert [fact.what for fact in log.replay()] == [What.UPLOAD, What.YANK]


def test_a_full_disk_is_507_and_takes_none_of_the_facts(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "tiny", megabytes=1) as disk:
        log = FactLog(disk / "facts.jsonl")
        log.append(UPLOAD)
        many = 11 * [replace(YANK, reason="x" * 100_000)]

        with pytest.raises(NoSpace) as caught:
            log.append(*many)

        assert http_status(caught.value) == 507
        assert [fact.what for fact in log.replay()] == [What.UPLOAD]
        log.append(YANK)
        assert [fact.what for fact in log.replay()] == [What.UPLOAD, What.YANK]


def test_a_disk_that_is_read_only_is_503(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "disk", megabytes=1) as disk:
        log = FactLog(disk / "facts.jsonl")
        log.append(UPLOAD)
        make_read_only(disk)

        with pytest.raises(FactsUnwritable, match=r"cannot write .*facts\.jsonl: Read-only") as caught:
            log.append(YANK)

        assert http_status(caught.value) == 503


def test_the_log_is_not_for_everybody(log: FactLog) -> None:
    before = os.umask(0o022)
    try:
        log.append(UPLOAD)
    finally:
        os.umask(before)

    assert log.path.stat().st_mode & 0o777 == 0o640


def test_the_local_actor_is_the_login_of_the_process() -> None:
    actor = local_actor()

    assert actor.who.startswith("local:")
    assert (actor.address, actor.means) == (None, "local")

"""The log of facts: durable lines that are read back as they were decided."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from pypitool.catalogue.facts import FactLog, FactsTooNew, FactsUnwritable, Skipped, local_actor
from pypitool.core.errors import NoSpace, http_status
from pypitool.core.fact import Actor, Fact, What, did_not_come_about, from_document, to_document
from pypitool.core.fact_line import to_line
from pypitool.core.model import Origin, OriginKind
from pypitool.core.state_files import torn_of
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

    line = json.loads(lines(log)[0])
    assert re.fullmatch("[0-9a-f]{8}", line.pop("sum"))
    assert line == {
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

    keys = ["v", "at", "what", "who", "with", "project", "version", "file", "sum"]
    assert list(json.loads(lines(log)[0])) == keys


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
    # The known kinds have to have more: hypothesis finds their names in the source.
    what=st.text().filter(lambda what: what not in list(What)),
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


@pytest.mark.parametrize("torn", [b'{"v":1,"at":"2026', b"\0" * 4096, b"{"], ids=ascii)
def test_a_torn_line_is_set_aside_by_the_next_writer_and_said_once(
    log: FactLog, caplog: pytest.LogCaptureFixture, torn: bytes
) -> None:
    log.append(UPLOAD)
    before = log.size()
    with log.path.open("ab") as file:
        file.write(torn)
    counted = log.size()  # as a catalogue may have it, that has replayed up to here

    with log.locked():
        pass
    log.append(YANK)

    skipped: list[Skipped] = []
    assert [fact.what for fact in log.replay(skipped=skipped.append)] == [What.UPLOAD, What.YANK]
    assert [fact.what for fact in log.replay(counted)] == [What.YANK]
    assert skipped == []
    assert log.path.read_bytes()[before:counted].strip() == b""
    assert torn_of(log.path).read_bytes() == torn + b"\n"
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        "its last line was cut off before anybody was told that it is done; "
        "it is set aside in facts.jsonl.torn"
    ]


def test_a_line_that_somebody_wrote_without_an_end_is_none(log: FactLog) -> None:
    log.append(UPLOAD)
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + whole.rstrip(b"\n"))

    log.append(YANK)

    assert [fact.what for fact in log.replay()] == [What.UPLOAD, What.UPLOAD, What.YANK]
    assert not torn_of(log.path).exists()


def test_a_line_that_is_damaged_and_has_its_end_stays(log: FactLog) -> None:
    log.path.write_bytes(b'{"v":1,"at":"2026\n')

    log.append(YANK)

    assert log.path.read_bytes().startswith(b'{"v":1,"at":"2026\n')
    assert not torn_of(log.path).exists()


def test_a_torn_line_is_logged(log: FactLog, caplog: pytest.LogCaptureFixture) -> None:
    log.path.write_bytes(b'{"v":1,')

    assert list(log.replay()) == []

    assert "is skipped: it is not a fact, cut off in the middle" in caplog.text


def test_facts_of_a_newer_program_are_refused_with_a_sentence(log: FactLog) -> None:
    log.path.write_text('{"v":2,"what":"upload","who":"user:deploy"}\n')

    with pytest.raises(FactsTooNew, match="holds facts of version 2, written by a newer pypitool"):
        list(log.replay())


def test_a_line_ends_with_the_sum_of_what_is_before_it(log: FactLog) -> None:
    log.append(UPLOAD)

    before, _, end = lines(log)[0].rpartition(',"sum":"')

    assert end == f'{crc32(before.encode()):08x}"}}'


def test_a_line_without_a_sum_is_older_and_counts(log: FactLog) -> None:
    log.path.write_text(json.dumps(to_document(UPLOAD)) + "\n")

    assert list(log.replay()) == [UPLOAD]


def test_a_flipped_bit_anywhere_is_damage_and_never_another_fact(log: FactLog) -> None:
    log.append(YANK)
    whole = log.path.read_bytes()
    (fact,) = log.replay()

    for position in range(len(whole) - 1):
        for bit in range(7):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            log.path.write_bytes(flipped)
            skipped: list[Skipped] = []
            read = list(log.replay(skipped=skipped.append))

            # Of a flipped name of the sum nothing is left but a member that says nothing.
            assert [replace(one, details={}) for one in read] == [fact][: len(read)]
            assert skipped or read
            assert all(one.is_damaged for one in skipped)


def test_a_flipped_version_is_damage_and_no_newer_program(log: FactLog) -> None:
    log.append(UPLOAD, YANK)
    log.path.write_bytes(log.path.read_bytes().replace(b'"v":1', b'"v":9', 1))
    skipped: list[Skipped] = []

    replayed = list(log.replay(skipped=skipped.append))

    assert [fact.what for fact in replayed] == [What.YANK]
    assert [(one.what, one.is_damaged) for one in skipped] == [("upload", True)]
    assert "its sum is wrong" in str(skipped[0])


def test_a_line_of_a_newer_program_has_a_right_sum_too(log: FactLog) -> None:
    log.path.write_bytes(to_line({"v": 2, "what": "upload", "who": "user:deploy"}))

    with pytest.raises(FactsTooNew):
        list(log.replay())


def test_what_did_not_come_about_says_so(log: FactLog) -> None:
    log.append(UPLOAD, YANK)

    log.undo(lambda fact: fact.filename == UPLOAD.filename, "foo-1.0")

    at = timestamp(NOW)
    assert list(log.replay()) == [replace(UPLOAD, at=at, undone=at), replace(YANK, at=at)]
    line = json.loads(lines(log)[2])
    assert (line["what"], line["of"]) == ("undone", json.loads(lines(log)[0])["sum"])


def test_what_is_undone_is_the_last_of_its_kind_that_was_not(log: FactLog) -> None:
    first, second = (replace(UPLOAD, at=f"2026-01-0{day}T00:00:00.000000Z") for day in (1, 2))
    log.append(first, second)

    for _ in range(3):
        log.undo(lambda fact: True, "foo-1.0")

    assert len(lines(log)) == 4
    assert [fact.undone is not None for fact in log.replay()] == [True, True]


def test_a_fact_before_the_offset_comes_when_it_is_undone_after_it(log: FactLog) -> None:
    log.append(UPLOAD, YANK)
    offset = log.size()
    log.append(YANK)
    log.undo(lambda fact: True, "foo-1.0")

    at = timestamp(NOW)
    assert list(log.replay(offset)) == [replace(YANK, at=at), replace(UPLOAD, at=at, undone=at)]


def test_a_line_that_undoes_none_that_is_there_is_passed_on(log: FactLog) -> None:
    undone = did_not_come_about("0" * 8, DEPLOY)
    log.append(YANK, undone)

    assert list(log.replay()) == [replace(fact, at=timestamp(NOW)) for fact in (YANK, undone)]


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

"""Following the file of the configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pypitool.access.rules_file import RulesWatch
from pypitool.access.rules_record import RulesRecord, note_rules, read_record, write_record
from pypitool.catalogue.facts import FactLog
from pypitool.config.live import ConfigSource
from pypitool.core.fact import Actor, Fact

ACTOR = Actor("local:root", means="local")
LATER_NS = 3_600 * 10**9


def rules(*who: str) -> str:
    return "\n".join(f"[[rule]]\nwho = ['{name}']\nmay = ['list']" for name in who)


class Followed:
    """A file, and what follows it an hour later: its stat is trusted at once."""

    def __init__(self, folder: Path, *, later_ns: int = LATER_NS) -> None:
        self.file = folder / "config.toml"
        self.file.write_text(rules("ann"))
        source = ConfigSource.of({}, {}, self.file, system_file=folder / "none")
        began = source.load().settings
        self.watch = RulesWatch(source, began, clock_ns=lambda: os.stat(folder).st_mtime_ns + later_ns)
        self.look()

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def look(self, times: int = 2) -> list[bool]:
        return [self.watch.look() for _ in range(times)]

    @property
    def named(self) -> list[str]:
        return [rule.who[0] for rule in self.watch.settings.rules]


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def test_a_change_counts_at_the_second_look_that_finds_it(followed: Followed) -> None:
    followed.write(rules("ann", "bob"))

    assert followed.look(3) == [False, True, False]
    assert followed.named == ["ann", "bob"]


def test_a_file_that_is_still_being_written_is_not_read(followed: Followed) -> None:
    seen = []
    for text in (rules("eve"), rules("eve", "x"), rules("eve", "x", "y")):  # each is right by itself
        followed.write(text)
        seen += followed.look(1)

    assert seen == [False, False, False]
    assert followed.named == ["ann"]
    followed.look(1)
    assert followed.named == ["eve", "x", "y"]


FAULTY = {
    "a right": "[[rule]]\nwho = ['ann']\nmay = ['fly']",
    "TOML": "[[rule",
    "a type": "auth.owners = 7",
    "no UTF-8": "\xff",
}


@pytest.mark.parametrize("text", FAULTY.values(), ids=FAULTY)
def test_a_faulty_file_changes_nothing_and_is_told_once(followed: Followed, text: str) -> None:
    followed.file.write_bytes(text.encode("latin-1"))

    told = followed.look(4)

    assert told == [False, True, False, False]
    assert followed.named == ["ann"]
    assert followed.watch.fault is not None
    assert str(followed.file) in followed.watch.fault


def test_a_file_that_is_mended_counts_again(followed: Followed) -> None:
    followed.write("nonsense")
    followed.look()

    followed.write(rules("bob"))

    assert followed.look() == [False, True]
    assert followed.watch.fault is None
    assert followed.named == ["bob"]


def test_a_file_that_vanishes_opens_nothing(followed: Followed) -> None:
    followed.file.unlink()
    followed.look()

    assert followed.named == ["ann"]
    assert str(followed.watch.fault).endswith("has vanished")
    followed.write(rules("bob"))
    followed.look()
    assert followed.named == ["bob"]


def test_a_file_that_is_replaced_is_seen(followed: Followed) -> None:
    new = followed.file.with_suffix(".new")
    new.write_text(rules("bob"))
    os.utime(new, ns=(followed.file.stat().st_atime_ns, followed.file.stat().st_mtime_ns))
    new.replace(followed.file)

    followed.look()

    assert followed.named == ["bob"]


def test_other_keys_wait_for_a_signal_and_are_named(followed: Followed) -> None:
    followed.write("server.port = 9\n" + rules("bob"))
    told = followed.look(4)

    assert told == [False, True, False, False]
    assert followed.named == ["bob"]
    assert list(followed.watch.waiting) == ["server.port"]
    assert followed.watch.settings.server.port == 8080

    followed.write(rules("bob"))
    followed.look()
    assert not followed.watch.waiting


def test_a_young_file_is_read_again_because_its_stat_may_not_tell(tmp_path: Path) -> None:
    followed = Followed(tmp_path, later_ns=0)
    followed.write(rules("bob"))
    stat = followed.file.stat()
    followed.look()
    followed.write(rules("eve"))
    os.utime(followed.file, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    followed.look(4)

    assert followed.named == ["eve"]


def test_what_is_said_of_the_rules_is_read_back(tmp_path: Path) -> None:
    record = RulesRecord("abc", "it is faulty", ("server.port",))

    assert read_record(tmp_path) is None
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    (tmp_path / "rules.json").write_text("[]")
    assert read_record(tmp_path) is None


def test_other_rules_are_on_record_once(tmp_path: Path) -> None:
    facts = FactLog(tmp_path / "facts.jsonl")
    noted = []

    for digest in ("a", "a", "b", "b", "a"):
        write_record(tmp_path, RulesRecord(digest))
        note_rules(tmp_path, facts)  # each time as a keeper that has just begun
        noted.append(len(list(facts.replay())))

    assert noted == [1, 1, 2, 2, 3]
    assert [fact.details["digest"] for fact in facts.replay()] == ["a", "b", "a"]


def test_the_last_fact_of_a_kind_is_found_among_others(tmp_path: Path) -> None:
    facts = FactLog(tmp_path / "facts.jsonl")
    assert facts.last("rules") is None

    facts.append(*(Fact("rules", ACTOR, details={"digest": digest}) for digest in "ab"))
    facts.append(Fact("yank", ACTOR, reason='"what":"rules"'))
    with facts.path.open("a") as file:
        file.write('{"v":1,"what":"rules"')  # a crash cut it off

    last = facts.last("rules")
    assert last is not None
    assert last.details == {"digest": "b"}
    assert facts.last("status") is None

"""Two logs of facts become one."""

from __future__ import annotations

from typing import Any

from pypitool.core.fact_line import sum_of, to_line
from pypitool.core.fact_merge import FactLine, only_in, read_line, to_append

EARLY, MIDDLE, LATE = (
    "2026-01-01T00:00:00.000000Z",
    "2026-02-01T00:00:00.000000Z",
    "2026-03-01T00:00:00.000000Z",
)


def line(what: str, at: str, **said: Any) -> FactLine:
    read = read_line(to_line({"v": 1, "at": at, "what": what, "who": "user:ann", **said}))
    assert read is not None
    return read


def file(what: str, at: str) -> FactLine:
    return line(what, at, project="acme", file="acme-1.0.whl")


def told(lines: list[FactLine]) -> list[tuple[str, str]]:
    return [(one.document["what"], one.at) for one in lines]


def test_only_what_the_other_has_is_missing_in_order_of_time() -> None:
    both, early, late = file("upload", EARLY), file("yank", MIDDLE), file("unyank", LATE)

    assert only_in([late, both, early], [both]) == [early, late]


def test_a_line_without_a_sum_is_the_same_as_one_with_it() -> None:
    new = file("yank", EARLY)
    old = read_line(new.body.replace(f',"sum":"{sum_of(new.body)}"'.encode(), b""))

    assert old is not None
    assert only_in([old], [new]) == []


def test_which_rules_counted_is_nothing_that_somebody_decided() -> None:
    assert only_in([line("rules", EARLY, digest="12")], []) == []


def test_what_is_damaged_is_no_line() -> None:
    assert read_line(file("yank", EARLY).body.replace(b"yank", b"yanc")) is None
    assert read_line(b"{}\n") is None


def test_what_was_decided_here_later_is_said_again_behind() -> None:
    own = [file("upload", EARLY), file("yank", LATE)]

    appended = to_append(own, [file("unyank", MIDDLE)])

    assert told(appended) == [("unyank", MIDDLE), ("yank", LATE)]


def test_what_was_decided_there_later_has_the_last_word() -> None:
    assert told(to_append([file("yank", EARLY)], [file("unyank", MIDDLE)])) == [("unyank", MIDDLE)]


def test_other_subjects_are_not_said_again() -> None:
    own = [line("status", LATE, project="acme", status="archived"), line("owner", LATE, project="other")]

    assert told(to_append(own, [file("yank", EARLY)])) == [("yank", EARLY)]


def test_what_did_not_come_about_here_is_not_said_again() -> None:
    deleted = file("delete", LATE)
    own = [deleted, line("undone", LATE, of=sum_of(deleted.body))]

    assert told(to_append(own, [file("upload", EARLY)])) == [("upload", EARLY)]


def test_a_token_that_was_revoked_here_stays_so_whenever_it_was_made_there() -> None:
    revoked, made = line("token-revoke", EARLY, hash="ab"), line("token-create", LATE, hash="ab")

    assert told(to_append([revoked], [made])) == [("token-create", LATE), ("token-revoke", EARLY)]


def test_a_token_that_was_revoked_there_stays_so_whenever_it_was_made_there() -> None:
    made, revoked = line("token-create", LATE, hash="ab"), line("token-revoke", EARLY, hash="ab")

    assert told(to_append([], only_in([made, revoked], []))) == [
        ("token-create", LATE),
        ("token-revoke", EARLY),
    ]

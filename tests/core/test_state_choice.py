"""Which state is begun with: a row for each case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pypitool.core.state_choice import (
    FoundState,
    KnownDirectory,
    RecordedDirectory,
    Relation,
    choose,
    relation,
)
from pypitool.core.state_choice import StateVerdict as Verdict

HERE, THERE, NEW = Path("/srv/packages"), Path("/mnt/packages"), Path("/srv/new")
ONE, TWO = "1" * 32, "2" * 32


def found(**known: Any) -> FoundState:
    return FoundState(Path("/var/lib/state"), **{"relation": Relation.OURS, **known})


@pytest.mark.parametrize(
    ("asked", "others", "verdict"),
    [
        pytest.param(found(), [], Verdict.BEGIN, id="nobody decided anything"),
        pytest.param(found(relation=Relation.NOBODYS), [], Verdict.BEGIN, id="it is new"),
        pytest.param(found(), [found(has_facts=True)], Verdict.ADOPT, id="the other one has facts"),
        pytest.param(
            found(), [found(has_facts=True, relation=Relation.NOBODYS)], Verdict.ADOPT, id="it has no record"
        ),
        pytest.param(found(), [found(), found(has_facts=True)], Verdict.ADOPT, id="the second one has facts"),
        pytest.param(
            found(), [found(has_facts=True, relation=Relation.OTHERS)], Verdict.BEGIN, id="it is of others"
        ),
        pytest.param(
            found(), [found(has_facts=True, relation=Relation.OTHERS, has_one_of_these=True)],
            Verdict.REFUSE_PARTLY, id="it has one of these directories",
        ),
        pytest.param(
            found(),
            [found(has_facts=True, relation=Relation.OTHERS, has_one_of_these=True, is_expendable=True)],
            Verdict.BEGIN, id="it has one of these directories, and nobody decided anything",
        ),
        pytest.param(
            found(has_facts=True), [found(has_facts=True, relation=Relation.OTHERS, has_one_of_these=True)],
            Verdict.BEGIN, id="both have facts, and the other one has one of these directories",
        ),
        pytest.param(
            found(), [found(has_facts=True, trouble="in use")], Verdict.REFUSE_OTHER, id="it is in use"
        ),
        pytest.param(
            found(has_facts=True), [found(has_facts=True)], Verdict.BEGIN, id="both have facts"
        ),
        pytest.param(
            found(has_facts=True), [found(has_facts=True, trouble="in use")], Verdict.BEGIN,
            id="both have facts, and the other is in use",
        ),
        pytest.param(found(relation=Relation.OTHERS), [], Verdict.TAKE, id="of others, without facts"),
        pytest.param(
            found(relation=Relation.OTHERS, trouble="in use"), [], Verdict.REFUSE_OWNER,
            id="of others, who use it",
        ),
        pytest.param(
            found(relation=Relation.OTHERS), [found(has_facts=True)], Verdict.ADOPT,
            id="of others without facts, and there is one with facts",
        ),
        pytest.param(
            found(relation=Relation.OTHERS, has_facts=True), [], Verdict.REFUSE_OWNER, id="of others"
        ),
        pytest.param(
            found(relation=Relation.OTHERS, has_facts=True, is_expendable=True), [], Verdict.TAKE,
            id="of others, and nobody decided anything",
        ),
        pytest.param(
            found(relation=Relation.OTHERS, has_facts=True, is_deserted=True), [found(has_facts=True)],
            Verdict.TAKE, id="of its own empty directories",
        ),
        pytest.param(found(relation=Relation.TWICE), [], Verdict.REFUSE_TWICE, id="of two with one mark"),
        pytest.param(
            found(relation=Relation.TWICE, has_facts=True), [], Verdict.REFUSE_TWICE, id="of two, with facts"
        ),
    ],
)  # fmt: skip
def test_what_is_done(asked: FoundState, others: list[FoundState], verdict: Verdict) -> None:
    assert choose(asked, others).verdict is verdict


@pytest.mark.parametrize(
    ("asked", "others", "verdict"),
    [
        pytest.param(found(), [], Verdict.REFUSE_LOST, id="nothing is known here"),
        pytest.param(found(has_facts=True), [], Verdict.BEGIN, id="this one has facts"),
        pytest.param(found(), [found(has_facts=True)], Verdict.ADOPT, id="another one has facts"),
    ],
)
def test_what_is_done_where_the_note_leads_nowhere(
    asked: FoundState, others: list[FoundState], verdict: Verdict
) -> None:
    assert choose(asked, others, note_is_lost=True).verdict is verdict


def test_the_other_state_is_named_where_both_have_facts() -> None:
    other = found(has_facts=True)

    assert choose(found(has_facts=True), [other]).other is other


@pytest.mark.parametrize(
    ("recorded", "asked", "expected"),
    [
        pytest.param(
            RecordedDirectory(HERE), KnownDirectory(HERE), Relation.OURS, id="by path, without marks"
        ),
        pytest.param(
            RecordedDirectory(HERE, ONE, ONE), KnownDirectory(HERE, ONE), Relation.OURS, id="by both"
        ),
        pytest.param(
            RecordedDirectory(HERE, ONE), KnownDirectory(HERE), Relation.OURS, id="the mark was lost"
        ),
        pytest.param(
            RecordedDirectory(HERE, ONE, TWO), KnownDirectory(HERE, TWO), Relation.OTHERS,
            id="another one in its place",
        ),
        pytest.param(
            RecordedDirectory(HERE, ONE, TWO, is_around=True), KnownDirectory(HERE, TWO), Relation.OURS,
            id="the state lies in it",
        ),
        pytest.param(
            RecordedDirectory(HERE, ONE), KnownDirectory(THERE, ONE), Relation.OURS, id="mounted elsewhere"
        ),
        pytest.param(
            RecordedDirectory(HERE, ONE, ONE), KnownDirectory(THERE, ONE), Relation.TWICE, id="both are there"
        ),
        pytest.param(
            RecordedDirectory(HERE, ONE), KnownDirectory(THERE, TWO), Relation.OTHERS, id="another mark"
        ),
        pytest.param(
            RecordedDirectory(HERE), KnownDirectory(THERE), Relation.OTHERS, id="another path, without marks"
        ),
    ],
)  # fmt: skip
def test_a_directory_is_known_by_its_mark_and_by_its_path_where_there_is_none(
    recorded: RecordedDirectory, asked: KnownDirectory, expected: Relation
) -> None:
    assert relation([recorded], [asked]) is expected


def test_a_list_of_another_length_is_of_others() -> None:
    assert relation([RecordedDirectory(HERE)], [KnownDirectory(HERE), KnownDirectory(NEW)]) is Relation.OTHERS


def test_without_a_record_it_is_nobodys() -> None:
    assert relation(None, [KnownDirectory(HERE)]) is Relation.NOBODYS

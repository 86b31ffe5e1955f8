"""What a stretch of `facts.jsonl` comes to, once the later lines have overruled the earlier ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from packaging.utils import NormalizedName

from pypitool.catalogue.catalogue import Catalogue, Decisions, FileFact
from pypitool.catalogue.facts import FactLog
from pypitool.core.errors import PypitoolError
from pypitool.core.fact import Fact, What, created_token, revoked_token, takes_away
from pypitool.core.filenames import release_key_of
from pypitool.core.guard import Guard
from pypitool.core.model import Origin, OriginKind, ProjectStatus
from pypitool.core.text import printable

_log = logging.getLogger(__name__)

_CHUNK = 10_000


def fold(facts: Iterable[Fact]) -> Decisions:
    """Return what holds after all of `facts`."""
    outcome = Decisions()
    for fact in facts:
        _fold_one(outcome, fact)
    return outcome


def replay_missed(catalogue: Catalogue, facts: FactLog) -> None:
    """Replay the facts that a catalogue may have missed, where a crash came between the two.

    Called at each start, and by the keeper at each walk so that a start has little to replay.
    """
    if facts.size() == catalogue.facts_end():
        return
    # No append meanwhile: what we replay as the last word must not have been overruled already.
    with facts.locked():
        replay_locked(catalogue, facts)


def replay_locked(catalogue: Catalogue, facts: FactLog) -> None:
    """Replay what a catalogue may have missed, for somebody who holds off appends."""
    known, end = catalogue.facts_end(), facts.size()
    if known == end:
        return
    start = known if known <= end else 0  # a shorter log is another one
    apply_all(facts.replay(start), lambda outcome: catalogue.replay(outcome, start))
    note_replayed(catalogue, facts)


def note_replayed(catalogue: Catalogue, facts: FactLog) -> None:
    """Record that a catalogue has all that the log has, for somebody who holds off appends."""
    catalogue.replay(Decisions(), facts.size())


def note_reserved(catalogue: Catalogue, deletion: Fact) -> None:
    """Let a deletion that was just recorded keep its name, for somebody who holds off appends."""
    catalogue.replay(Decisions(reserved=fold([deletion]).reserved), catalogue.facts_end())


@dataclass(frozen=True, slots=True)
class WholeLog:
    """What only the log knows, where an older catalogue did not take it down."""

    uploaded: dict[NormalizedName, bool]  # names under which something was uploaded; False: given up since
    reserved: dict[tuple[str, str], bool]  # see `Decisions`


def read_whole(facts: FactLog) -> WholeLog:
    """Read the whole log for that."""
    whole = WholeLog({}, {})

    def note(outcome: Decisions) -> None:
        whole.uploaded.update(outcome.uploaded)
        whole.reserved.update(outcome.reserved)

    apply_all(facts.replay(), note)
    return whole


def apply_all(facts: Iterator[Fact], apply: Callable[[Decisions], None]) -> None:
    """Apply facts in transactions of many; a line that cannot be applied is passed over, and said so."""
    while chunk := list(islice(facts, _CHUNK)):
        Guard.run(partial(_apply, apply, chunk), partial(_apply_singly, apply, chunk))


def _apply_singly(apply: Callable[[Decisions], None], chunk: Sequence[Fact], _fault: PypitoolError) -> None:
    for fact in chunk:
        Guard.run(partial(_apply, apply, [fact]), partial(_tell_passed_over, fact))


def _apply(apply: Callable[[Decisions], None], chunk: Sequence[Fact]) -> None:
    apply(fold(chunk))


def _tell_passed_over(fact: Fact, fault: PypitoolError) -> None:
    about = " ".join(filter(None, (fact.what, fact.filename or fact.project, fact.at)))
    level = logging.ERROR if takes_away(fact.what, fact.status) else logging.WARNING
    _log.log(level, "the fact `%s` is passed over: %s", printable(about), fault)


def _fold_one(outcome: Decisions, fact: Fact) -> None:
    if fact.undone is not None:
        _fold_undone(outcome, fact)
    elif fact.what in (What.TOKEN_CREATE, What.TOKEN_REVOKE):
        _fold_token(outcome, fact)
    elif fact.project is None:
        return
    elif fact.what == What.STATUS and fact.status in {status.value for status in ProjectStatus}:
        outcome.statuses[fact.project] = (ProjectStatus(fact.status), fact.reason)
    elif fact.what == What.OWNER:
        outcome.owners[fact.project] = tuple(map(str, fact.details.get("owners", ())))
    elif fact.what == What.GIVE_UP_NAME:
        outcome.uploaded[fact.project] = False
    elif fact.filename is not None:
        _fold_file(outcome, fact, fact.project, fact.filename)


def _fold_token(outcome: Decisions, fact: Fact) -> None:
    token, revoked = created_token(fact), revoked_token(fact)
    if token is not None:
        outcome.tokens[token.hash] = token
    if revoked is not None:
        outcome.revoked.setdefault(*revoked)


def _fold_file(outcome: Decisions, fact: Fact, project: NormalizedName, filename: str) -> None:
    if fact.what == What.DELETE:
        _fold_delete(outcome, filename, fact.sha256)
    elif fact.what == What.YANK:
        outcome.yanks[filename] = FileFact(filename, project, yanked=fact.reason or "")
    elif fact.what == What.UNYANK:
        outcome.yanks[filename] = FileFact(filename, project)
    elif fact.what in (What.UPLOAD, What.OVERWRITE) and fact.sha256 is not None:
        if fact.what == What.UPLOAD:
            _forget_deleted(outcome, filename)
        arrival = _arrival(fact, project, filename, fact.sha256)
        # Taken out first: the last bytes to arrive are the last of the dictionary.
        arrivals = outcome.arrivals.setdefault(filename, {})
        arrivals.pop(fact.sha256, None)
        arrivals[fact.sha256] = arrival
        if arrival.origin is not None and arrival.origin.kind is OriginKind.UPLOADED:
            outcome.uploaded[project] = True
        if fact.yanked is not None:
            outcome.yanks[filename] = arrival


def _fold_delete(outcome: Decisions, filename: str, sha256: str | None) -> None:
    # Of one that does not say which bytes it had, none are known to be the same.
    outcome.reserved[release_key_of(filename), sha256 or ""] = True
    if sha256 is None:
        _forget(outcome, filename, None)
    else:
        outcome.deleted.add((filename, sha256))


def _forget_deleted(outcome: Decisions, filename: str) -> None:
    """Forget what was deleted under a name: who uploads it anew has found it free."""
    outcome.arrived.add(filename)
    for deleted in [one for one in outcome.deleted if one[0] == filename]:
        outcome.deleted.discard(deleted)
        _forget(outcome, *deleted)


def _forget(outcome: Decisions, filename: str, sha256: str | None) -> None:
    outcome.forgotten.add((filename, sha256))
    outcome.yanks.pop(filename, None)
    if sha256 is None:
        outcome.arrivals.pop(filename, None)
    else:
        outcome.arrivals.get(filename, {}).pop(sha256, None)


def _fold_undone(outcome: Decisions, fact: Fact) -> None:
    if fact.project is None or fact.filename is None or fact.sha256 is None:
        return
    if fact.what == What.DELETE:
        outcome.not_deleted.add((fact.filename, fact.sha256))
        outcome.reserved[release_key_of(fact.filename), fact.sha256] = False
    else:
        outcome.not_arrived.append(_arrival(fact, fact.project, fact.filename, fact.sha256))


def _arrival(fact: Fact, project: NormalizedName, filename: str, sha256: str) -> FileFact:
    origin = fact.origin or Origin(OriginKind.UPLOADED, fact.actor.who)
    return FileFact(filename, project, sha256, fact.upload_time or fact.at, origin, fact.yanked)

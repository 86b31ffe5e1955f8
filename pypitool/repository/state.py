"""Where the state lives: the catalogue, the activity and the log of facts of one list of directories.

What to do where there may be two is decided by `core.state_choice`: here is looked, and done.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pypitool.core.container import User, state_hint
from pypitool.core.errors import PypitoolError, of_the_machine
from pypitool.core.state_choice import Choice, FoundState, Relation, StateVerdict, choose
from pypitool.core.state_files import SERVICE, HiddenFiles, StateFiles
from pypitool.host import file_system, hand_over, is_network
from pypitool.repository.state_errors import (
    ForeignState,
    OtherState,
    PackagesMissing,
    StateClosed,
    StateLost,
    StateTwice,
    StateUnusable,
)
from pypitool.repository.state_owner import (
    is_same,
    known,
    lead_to,
    noted_state,
    record,
    recorded,
    refuse_link,
    relation_of,
    shares,
)


@dataclass(frozen=True, slots=True)
class Survey:
    """The state that is asked for, and what is to be done with it."""

    roots: tuple[Path, ...]
    asked: FoundState
    choice: Choice

    @property
    def second(self) -> Path | None:
        """Another state of these directories that has facts."""
        return self.choice.other.directory if self.choice.other is not None else None

    @property
    def adopts(self) -> bool:
        """Whether the next opening takes over the other state."""
        return self.choice.verdict is StateVerdict.ADOPT

    @property
    def holding(self) -> Path:
        """Where what is known lies now: in the other one, as long as that is yet to be adopted."""
        other = self.choice.other if self.choice.verdict is StateVerdict.ADOPT else None
        return self.asked.directory if other is None else other.directory

    def refuse(self) -> None:
        """Raise what keeps this state from being begun."""
        verdict, directory = self.choice.verdict, self.asked.directory
        refuse_link(directory)
        owners = [one.path for one in recorded(StateFiles(directory)) or ()]
        if verdict is StateVerdict.REFUSE_OWNER:
            raise ForeignState(directory, owners, [root.resolve() for root in self.roots])
        if verdict is StateVerdict.REFUSE_PARTLY and self.second is not None:
            partly = [one.path for one in recorded(StateFiles(self.second)) or ()]
            raise ForeignState(self.second, partly, [root.resolve() for root in self.roots])
        if verdict is StateVerdict.REFUSE_TWICE:
            pairs = zip(recorded(StateFiles(directory)) or (), known(self.roots), strict=True)
            owner, copy = next(pair for pair in pairs if pair[0].relation(pair[1]) is Relation.TWICE)
            raise StateTwice(directory, owner.path, copy.path)
        if verdict is StateVerdict.REFUSE_LOST:
            noted = noted_state(self.roots[0])
            assert noted is not None
            raise StateLost(self.roots[0], noted, HiddenFiles(self.roots[0].absolute()).pointer)
        if verdict is StateVerdict.REFUSE_OTHER and self.choice.other is not None:
            other = self.choice.other
            raise OtherState(directory, other.directory, self.roots, other.trouble or "")


def locate_state(
    roots: Sequence[Path], explicit: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path:
    """Return the state directory of these package directories, made or adopted if it was not there."""
    for root in roots:
        if not root.is_dir():
            raise PackagesMissing(root)
    try:
        return _located(roots, explicit, environ)
    except (StateLost, StateUnusable) as error:
        error.hint = _hint_in_container(error, environ) or error.hint
        raise


def _hint_in_container(error: StateLost | StateUnusable, environ: Mapping[str, str]) -> str | None:
    if isinstance(error, StateLost):
        return state_hint(environ, error.noted)
    there = os.path.isdir(error.directory)
    is_closed = there and not os.statvfs(error.directory).f_flag & os.ST_RDONLY
    return state_hint(environ, closed_to=User(os.geteuid(), os.getegid()) if is_closed else None)


def _located(roots: Sequence[Path], explicit: Path | None, environ: Mapping[str, str]) -> Path:
    found = survey(roots, explicit, environ)
    found.refuse()
    directory = found.asked.directory
    if _finished(StateFiles(directory)):
        found = survey(roots, explicit, environ)
    is_new = make_state(directory, roots)
    verdict = found.choice.verdict
    other = found.second if verdict is StateVerdict.ADOPT else None
    take(found, other, is_new=is_new, moves=verdict is StateVerdict.TAKE)
    return directory


def make_state(directory: Path, roots: Sequence[Path]) -> bool:
    """Make a state directory, unless it is there; tell whether it was made."""
    refuse_link(directory)
    is_new = not directory.exists()
    if is_new:
        _refuse_foreign(directory, roots[0])
        _make(directory)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise StateUnusable(directory, "it cannot be written")
    refuse_network(directory)
    return is_new


def take(found: Survey, other: Path | None = None, *, is_new: bool = False, moves: bool = False) -> None:
    """Let a state adopt another one, or have new directories; put on record whose it is."""
    directory, roots = found.asked.directory, found.roots
    files = StateFiles(directory)
    if other is not None:
        from pypitool.repository.adopt import adopt  # most starts need none of it

        try:
            adopt(files, StateFiles(other))
        except (OSError, PypitoolError) as error:
            if is_new:
                _unmake(files)
            reason = str(error) if isinstance(error, PypitoolError) else error.strerror or str(error)
            raise OtherState(directory, other, roots, reason) from error
    elif moves:
        from pypitool.catalogue.facts import FactLog
        from pypitool.catalogue.rebuild import make_anew

        # What it says of files is about those of the directories that it had.
        make_anew(files.catalogue, FactLog(files.facts))
    record(files, roots)
    lead_to(directory, roots[0])


def _finished(files: StateFiles) -> bool:
    """Finish an adoption that was cut off, and tell whether there was one."""
    if not files.adopting.is_dir():
        return False
    from pypitool.repository.adopt import finish_adopting

    return finish_adopting(files)


def find_state(
    roots: Sequence[Path], explicit: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path | None:
    """Return the state directory that these package directories have, None for none yet; nothing is made.

    Of one that is to be adopted, where it still is.
    """
    found = survey(roots, explicit, environ)
    found.refuse()
    is_anothers = found.choice.verdict is StateVerdict.TAKE  # in which nobody decided anything
    return found.holding if found.holding.is_dir() and not is_anothers else None


def choose_state(
    roots: Sequence[Path], explicit: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path:
    """Return where the state of these package directories lives, without looking whether it can."""
    if explicit is not None:
        return explicit.absolute()
    # systemd: "$STATE_DIRECTORY … multiple directories are separated by a colon".
    given = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given).absolute()
    hidden = HiddenFiles(roots[0].absolute()).directory
    return _pointed_to(roots) or _service(roots) or hidden


def _pointed_to(roots: Sequence[Path]) -> Path | None:
    """Follow the note that a state elsewhere left: a shell knows nothing of the server's $STATE_DIRECTORY."""
    noted = noted_state(roots[0])
    if noted is None:
        return None
    files, found = StateFiles(noted), relation_of(StateFiles(noted), roots)
    if found is Relation.NOBODYS:  # its record was lost, and what was decided was not
        return noted if begins_with_facts(files) else None
    return None if found is Relation.OTHERS else noted


def _service(roots: Sequence[Path], service: Path = SERVICE) -> Path | None:
    """Return the state of the service for root, whose shell knows nothing of it either: a directory that the
    service may only read has no note."""
    if os.geteuid() != 0 or not service.is_dir():
        return None
    return service if relation_of(StateFiles(service), roots) is Relation.OURS else None


def survey(
    roots: Sequence[Path], explicit: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Survey:
    """Look at the state that is asked for and at others of the same directories; nothing is changed."""
    directory = choose_state(roots, explicit, environ)
    asked = _asked(StateFiles(directory), roots)
    others = [
        _other(StateFiles(one), roots, closely=not asked.has_facts or asked.is_expendable)
        for one in _other_places(roots)
        if not is_same(one, directory)
    ]
    return Survey(tuple(roots), asked, choose(asked, others, note_is_lost=note_is_lost(roots)))


def note_is_lost(roots: Sequence[Path]) -> bool:
    """Tell whether the note in the first directory leads to no state."""
    noted = noted_state(roots[0])
    try:
        files = None if noted is None else StateFiles(noted)
        return files is not None and not (files.roots.exists() or begins_with_facts(files))
    except PermissionError:
        return False


def _other_places(roots: Sequence[Path]) -> Iterator[Path]:
    noted = noted_state(roots[0])
    if noted is not None:
        yield noted
    yield HiddenFiles(roots[0].absolute()).directory


def _asked(files: StateFiles, roots: Sequence[Path]) -> FoundState:
    try:
        if not files.directory.is_dir():
            return FoundState(files.directory)
        found = relation_of(files, roots)
        has_facts = begins_with_facts(files)
    except PermissionError as error:
        raise StateClosed(files.directory, "it cannot be read") from error
    if found is not Relation.OTHERS:
        return FoundState(files.directory, has_facts, found)
    return FoundState(
        files.directory,
        has_facts,
        found,
        is_expendable=_is_expendable(files),
        is_deserted=_is_deserted(files),
        trouble=trouble_with(files),
    )


def _other(files: StateFiles, roots: Sequence[Path], *, closely: bool) -> FoundState:
    try:
        if not files.directory.is_dir():
            return FoundState(files.directory)
        has_facts, found = begins_with_facts(files), relation_of(files, roots)
    except (OSError, StateUnusable):
        # Nobody can tell what is in it: as long as that is so, it may be everything.
        return FoundState(
            files.directory, has_facts=closely, relation=Relation.OURS, trouble="it cannot be read"
        )
    if not (closely and has_facts):
        return FoundState(files.directory, has_facts, found)
    if found is Relation.OTHERS:
        mixed, expendable = shares(files, roots), _is_expendable(files)
        return FoundState(files.directory, has_facts, found, expendable, has_one_of_these=mixed)
    return FoundState(files.directory, has_facts, found, trouble=trouble_with(files))


def trouble_with(files: StateFiles) -> str | None:
    """Return why a state cannot be taken over, None if it can."""
    if files.facts.exists() and not os.access(files.facts, os.R_OK):
        return "it cannot be read"
    if not os.access(files.directory, os.W_OK | os.X_OK):
        return "it cannot be written, so its log cannot be set aside"
    from pypitool.repository.contact import is_in_use  # the fast answer of `sync` needs none of it

    try:
        return "a server or a keeper is at work with it" if is_in_use(files) else None
    except OSError:
        return "it cannot be seen whether a server is at work with it"


def begins_with_facts(files: StateFiles) -> bool:
    """Tell whether a state has facts: one line at least."""
    try:
        with files.facts.open("rb") as file:
            return bool(file.read(4096).strip())
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_expendable(files: StateFiles) -> bool:
    from pypitool.catalogue.facts import FactLog
    from pypitool.core.fact import What

    facts = FactLog(files.facts).replay(skipped=lambda _: None)
    return all(fact.what == What.RULES for fact in facts)


def _is_deserted(files: StateFiles) -> bool:
    """Tell whether a state belongs to empty directories in itself, such as the service makes unasked."""
    here = files.directory.resolve()
    owners = [one.path for one in recorded(files) or ()]
    # First where they are: of those elsewhere nothing may be seen by us, not even that they are there.
    return all(one.is_relative_to(here) and one.is_dir() and not _has_files(one) for one in owners)


def _has_files(root: Path) -> bool:
    return any(not entry.name.startswith(".") for entry in os.scandir(root))


def _refuse_foreign(directory: Path, root: Path) -> None:
    owner = root.stat().st_uid
    # Root hands what it makes over to the owner; anybody else would leave files that the owner's own
    # server cannot write.
    if directory.parent == root.absolute() and os.geteuid() not in (0, owner):
        raise StateUnusable(
            directory, f"{root} belongs to another user (number {owner}), and this is {os.geteuid()}"
        )


def _make(directory: Path) -> None:
    try:
        # Who uploaded from which address is not for everybody.
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        hand_over(directory)
    except OSError as error:
        raise of_the_machine(error, str(directory)) or StateUnusable(
            directory, error.strerror or str(error)
        ) from error


def _unmake(files: StateFiles) -> None:
    """Remove a state directory that was made for an adoption that failed."""
    for file in files.directory.iterdir():
        file.unlink(missing_ok=True)
    files.directory.rmdir()


def refuse_network(directory: Path) -> None:
    """Refuse a network file system: locks and shared memory mean nothing there."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    except OSError:  # not Linux
        return
    kind = file_system(directory.resolve(), mounts)
    if is_network(kind):
        raise StateUnusable(directory, f"it is on a network file system ({kind})")

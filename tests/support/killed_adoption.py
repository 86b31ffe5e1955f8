"""Kill an adoption before each of its steps, and look what is left; prints what is wrong, a line each.

    python -m tests.support.killed_adoption HOME

HOME/whole has `packages` with a state in it, which `var` is to adopt. A step is whatever changes a file or
opens one. A process is killed in a child of its own, as a power failure would: nothing of it is finished.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from pypitool.core.state_files import StateFiles
from pypitool.repository.repository import Repository
from pypitool.repository.state import begins_with_facts, find_state
from tests.support.states import decided

STEPS = frozenset({
    "open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.chown",
    "os.truncate", "shutil.rmtree", "sqlite3.connect", "fcntl.flock",
})  # fmt: skip
KILLED = 9


def main() -> int:
    """Kill before the first step, the second, and so on, until the adoption comes to its end."""
    home = Path(sys.argv[1])
    step, is_killed = 0, True
    while is_killed:
        step += 1
        copy = home / "copy"
        shutil.copytree(home / "whole", copy, symlinks=True)
        is_killed = killed_before(step, copy)
        for fault in faults(copy, home / "whole"):
            print(f"step {step}: {fault}")
        shutil.rmtree(copy)
    print(f"{step} steps")
    return 0


def killed_before(step: int, place: Path) -> bool:
    """Adopt in a child that is killed before a step; tell whether it came so far."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) == KILLED
    left = [step]

    def hook(event: str, _arguments: object) -> None:
        left[0] -= event in STEPS
        if left[0] == 0:
            os._exit(KILLED)

    os.closerange(0, 3)
    sys.addaudithook(hook)
    open_state(place).close()
    os._exit(0)


def open_state(place: Path) -> Repository:
    """Open the directories as the service does."""
    return Repository.open([place / "packages"], None, {"STATE_DIRECTORY": str(place / "var")})


def faults(place: Path, whole: Path) -> Iterator[str]:
    """Say what is lost: before anybody opens the state again, and after."""
    expected = decided(whole / "packages" / ".pypitool")
    holding = find_state([place / "packages"], None, {"STATE_DIRECTORY": str(place / "var")})
    if holding is None or decided(holding) != expected:
        yield f"whoever only looks finds {holding}"
    with open_state(place) as repository:
        if decided(repository.state) != expected or repository.state != place / "var":
            yield "the log is not whole"
        if [file.yanked for file in repository.catalogue.files()] != ["bad"]:
            yield "the yank is lost"
    old, new = StateFiles(place / "packages" / ".pypitool"), StateFiles(place / "var")
    if begins_with_facts(old) or not old.moved_facts.exists():
        yield "the other log is not set aside"
    if new.adopting.exists() or new.adopting_from.exists():
        yield "a copy is left"


if __name__ == "__main__":
    raise SystemExit(main())

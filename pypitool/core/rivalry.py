"""One filename in several places: with the same bytes no matter, with other bytes something to report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from pypitool.core.model import HeldFile, Problem, offered

_REASON = "a file of the same name with other bytes comes first: "


def rival_problems(files: Iterable[HeldFile]) -> list[Problem]:
    """Report every file that another one of its name, with other bytes, hides; see `model.offered`."""
    by_name: dict[str, list[HeldFile]] = defaultdict(list)
    for file in files:
        by_name[file.filename].append(file)
    return [problem for rivals in by_name.values() for problem in _hidden(rivals)]


def is_rival_problem(problem: Problem) -> bool:
    """Tell whether `rival_problems` reported it."""
    return problem.reason.startswith(_REASON)


def _hidden(rivals: list[HeldFile]) -> list[Problem]:
    (first,) = offered(rivals)
    reason = f"{_REASON}`{first.location.path}`"
    if first.location.root:
        reason += f" of directory {first.location.root + 1}"
    digest = first.contents.digests.sha256
    return [
        Problem(file.location, reason, file.stat) for file in rivals if file.contents.digests.sha256 != digest
    ]

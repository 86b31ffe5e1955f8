"""Other indexes: whether they answer, what time they have, and which of our names they know."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from packaging.utils import NormalizedName

from pypitool.core.diagnosis.finding import Finding, error, info, warning
from pypitool.core.names import is_private

CLOCK_OFF_BY = 60.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What an index answered when it was asked for nothing in particular."""

    name: str
    index: str  # without credentials
    failure: str | None = None
    content_type: str = ""  # of its list of projects, which not every index has
    skew: float | None = None  # seconds that its clock is ahead of ours; None: it does not say


def of_upstream(heard: Heard) -> Iterator[Finding]:
    """Judge an upstream by its answer."""
    if heard.failure is not None:
        yield warning(
            "upstream-unreachable", heard.name, heard.failure, "the mirror gets nothing from it",
            f"look whether {heard.index} can be reached from here: name, proxy, certificate, password",
        )  # fmt: skip
        return
    if heard.content_type:
        speaks = "JSON (PEP 691)" if "json" in heard.content_type else "HTML (PEP 503)"
        yield info("upstream-speaks", heard.name, f"{heard.index} speaks {speaks}", "it can be mirrored")
    if heard.skew is not None and abs(heard.skew) > CLOCK_OFF_BY:
        way = "behind" if heard.skew > 0 else "ahead"
        yield warning(
            "clock-off", heard.name, f"the clock here is {abs(heard.skew):.0f} s {way}",
            "tokens, certificates, cooldowns and the audit depend on it", "let NTP set the clock",
        )  # fmt: skip


def unprotected(
    uploaded: Iterable[NormalizedName], private: Collection[str], *, others: bool
) -> list[NormalizedName]:
    """Return our own projects whose names could be taken elsewhere; `others`: somebody looks there."""
    return [name for name in sorted(set(uploaded)) if others and not is_private(name, private)]


def of_unprotected(names: Iterable[NormalizedName]) -> Iterator[Finding]:
    """Judge names that are uploaded here and looked for elsewhere too."""
    for name in names:
        yield warning(
            "name-unprotected", name, "it is uploaded here, and no glob of `private` holds it",
            "who takes the name elsewhere may get a package of theirs installed instead",
            f'add `"{name}"` or a glob to `private` under `[policy]`',
        )  # fmt: skip


def name_taken(name: NormalizedName, index: str) -> Finding:
    """Say that somebody has a name of ours."""
    return error(
        "name-taken", name, f"{index} has a project of this name",
        "installers may take theirs for yours (dependency confusion)",
        f'find out whose it is, and add `"{name}"` to `private` under `[policy]`',
    )  # fmt: skip

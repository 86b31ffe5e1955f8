"""What each exit code means: one table for the help of every command and for the README."""

from __future__ import annotations

from pypitool.core.errors import EXIT_INTERRUPTED, EXIT_PARTIAL, EXIT_UPDATE_OFFERED

MEANINGS: dict[int, str] = {
    0: "done, also when there was nothing to do",
    1: "failed",
    2: "wrong usage",
    EXIT_PARTIAL: "partial: some items failed, the rest are done",
    4: "not authenticated, or not allowed",
    5: "no such project, release, file or user",
    6: "exists with different content, or is locked",
    7: "a server could not be reached; trying again may help",
    8: "the configuration is wrong",
    EXIT_UPDATE_OFFERED: "an update is offered, and `--exit-code` was given",
    EXIT_INTERRUPTED: "interrupted",
}
# What any command can end with.
ALWAYS = (0, 1, 2, 8, EXIT_INTERRUPTED)


def exit_table(special: dict[int, str]) -> list[tuple[str, str]]:
    """Return the codes of one command with their meanings; `special` adds some, or words them better."""
    meanings = {code: MEANINGS[code] for code in ALWAYS} | {
        code: text or MEANINGS[code] for code, text in special.items()
    }
    return [(str(code), meanings[code]) for code in sorted(meanings)]

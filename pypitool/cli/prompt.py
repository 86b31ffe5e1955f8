"""What people are asked while a command runs: passwords, and whether they agree."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from pypitool.core.errors import PypitoolError

_LONGEST_PASSWORD_LINE = 4096


def password_line() -> str:
    """Read a password from standard input."""
    # The line end is not part of it; everything else is, spaces too.
    return sys.stdin.readline(_LONGEST_PASSWORD_LINE).rstrip("\r\n")


def login_prompt() -> Callable[[str, bool], str] | None:
    """Return what asks people for a user name or a password; without a terminal nobody can be asked."""
    return _ask if sys.stdin.isatty() else None


def agree(question: str, *, nobody: PypitoolError, no: PypitoolError) -> None:
    """Ask people; raise `nobody` where there is no terminal, and `no` where that was the answer."""
    if not sys.stdin.isatty():
        raise nobody
    if not click.confirm(question, default=False, err=True):
        raise no


def _ask(question: str, hidden: bool) -> str:
    asked: str = click.prompt(question, default="", show_default=False, hide_input=hidden, err=True)
    return asked

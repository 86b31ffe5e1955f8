"""Password files as htpasswd writes them, with cheap bcrypt so that a test need not wait."""

from __future__ import annotations

import functools
from pathlib import Path

import bcrypt

CHEAPEST = 4


def write_htpasswd(path: Path, accounts: dict[str, str]) -> Path:
    """Write a password file with one bcrypt line for each user."""
    path.write_text("".join(htpasswd_line(user, password) for user, password in accounts.items()))
    return path


def htpasswd_line(user: str, password: str, *, rounds: int = CHEAPEST) -> str:
    """Write one line of a password file; htpasswd itself would take 5 rounds, we take 12 for real users."""
    return f"{user}:{_hashed(password, rounds)}\n"


@functools.cache
def _hashed(password: str, rounds: int) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=rounds)).decode()

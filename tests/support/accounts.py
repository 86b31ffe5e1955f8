"""Password files as htpasswd writes them, with cheap bcrypt so that a test need not wait."""

from __future__ import annotations

from pathlib import Path

import bcrypt


def write_htpasswd(path: Path, accounts: dict[str, str]) -> Path:
    """Write a password file with one bcrypt line for each user."""
    lines = [f"{user}:{_bcrypt(password)}\n" for user, password in accounts.items()]
    path.write_text("".join(lines))
    return path


def _bcrypt(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4)).decode()

"""What a file of pins is, by its content: names are what people make of them.

A pylock is read here; a lock of uv's own can be turned into one; of the others it is said what does that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any


class LockKind(str, Enum):
    """Whose lock it is."""

    PYLOCK = "pylock"
    UV = "uv"
    POETRY = "poetry"
    PDM = "pdm"
    PIPENV = "pipenv"
    PROJECT = "pyproject"


UV_EXPORT = "uv export --frozen --no-emit-project --all-extras --no-default-groups --format pylock.toml"
# What no lock of ours is, and the command whose output can be read here.
_OTHERS = {
    LockKind.UV: ("a lock of uv without its pyproject.toml", f"{UV_EXPORT} -o pylock.toml"),
    LockKind.POETRY: ("a lock of poetry", "poetry export -f requirements.txt -o requirements.txt"),
    LockKind.PDM: ("a lock of pdm", "pdm export -f requirements -o requirements.txt"),
    LockKind.PIPENV: ("a lock of pipenv", "pipenv requirements --hash > requirements.txt"),
    LockKind.PROJECT: ("a pyproject.toml, and no lock", "uv pip compile pyproject.toml -o requirements.txt"),
}
# A line that some lock has and no file of requirements: so that those are not parsed for nothing.
_HINT = re.compile(
    r"""\A\s*\{|^\s*(?:(?:lock-version|created-by)\s*=\s*["']|\[+(?:packages?|metadata|project|build-system|tool)[].])""",
    re.MULTILINE,
)


def may_be_lock(text: str) -> bool:
    """Tell whether it is worth parsing a text to learn whether it is a lock."""
    return _HINT.search(text) is not None


def lock_kind(document: Mapping[str, Any]) -> LockKind | None:
    """Return whose lock a document is, as TOML or JSON gives it; None: nobody's that we know."""
    # PEP 751 demands all three; with one of the others missing it is a broken pylock, and no other file.
    if "lock-version" in document and ("packages" in document or "created-by" in document):
        return LockKind.PYLOCK
    if "_meta" in document:
        return LockKind.PIPENV
    metadata = document.get("metadata")
    if isinstance(metadata, Mapping) and "package" in document:
        return LockKind.PDM if "lock_version" in metadata else LockKind.POETRY
    if "version" in document and ("package" in document or "requires-python" in document):
        return LockKind.UV
    return LockKind.PROJECT if {"project", "build-system", "tool"} & document.keys() else None


def refusal_of(kind: LockKind) -> str:
    """Say what a lock is that is not read, and which command makes one of it that is."""
    what, command = _OTHERS[kind]
    return f"is {what}: name what `{command}` writes"

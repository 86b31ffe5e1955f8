"""Tokens as the catalogue keeps them; what writes runs inside a transaction of its caller."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from pypitool.core.rights.rulebook import Right
from pypitool.core.rights.tokens import Token, in_order

COLUMNS = "hash, name, owner, projects, may, created, expires, revoked"


def from_row(row: Sequence[Any]) -> Token:
    """Return the token of a row."""
    token_hash, name, owner, projects, may, created, expires, revoked = row
    return Token(
        token_hash,
        name,
        tuple(json.loads(projects)),
        frozenset(map(Right, json.loads(may))),
        created,
        expires,
        owner,
        revoked,
    )


def add(connection: sqlite3.Connection, token: Token) -> None:
    """Record a token, unless it is known. Nobody has to be told: nobody remembers that it was unknown."""
    row = (
        token.hash,
        token.name,
        token.owner,
        json.dumps(token.projects),
        json.dumps(in_order(token.may)),
        token.created,
        token.expires,
        token.revoked,
    )
    connection.execute(f"INSERT OR IGNORE INTO token ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def revoke(connection: sqlite3.Connection, token_hash: str, at: str) -> None:
    """Record that a token was revoked, and let every worker look again."""
    changed = connection.execute(
        "UPDATE token SET revoked = ? WHERE hash = ? AND revoked IS NULL", (at, token_hash)
    )
    if changed.rowcount:
        announce_rights(connection)


def forget(connection: sqlite3.Connection, before: str, minted_before: str) -> None:
    """Forget the tokens that ended before a moment, and the minted ones before another."""
    connection.execute(
        "DELETE FROM token WHERE revoked < :before OR expires < :before "
        "OR (owner GLOB 'publisher:*' AND expires < :minted)",
        {"before": before, "minted": minted_before},
    )


def announce_rights(connection: sqlite3.Connection) -> None:
    """Let whoever remembers what somebody may look again."""
    # A serial and not a count of its own: it is never the same again in another history of the catalogue.
    connection.execute("UPDATE head SET serial = serial + 1, rights_serial = serial + 1")

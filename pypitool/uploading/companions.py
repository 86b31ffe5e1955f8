"""What goes along with a package: a signature, and attestations."""

from __future__ import annotations

import json
from pathlib import Path

_LARGEST = 64 * 1024
_ARMOUR = b"-----BEGIN PGP SIGNATURE-----"


class Unusable(Exception):
    """What is wrong with a file, said by a part that does not name it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_signature(path: Path) -> bytes:
    """Return a signature as it is sent, or raise `Unusable`."""
    body = _read(path, _LARGEST)
    if not body.lstrip().startswith(_ARMOUR):
        raise Unusable("it is no signature in armour (gpg --armor --detach-sign)")
    return body


def read_attestation(path: Path) -> object:
    """Return an attestation (PEP 740), or raise `Unusable`; what it attests is for the index to verify."""
    try:
        document = json.loads(_read(path, 16 * _LARGEST))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Unusable("it is no JSON object")
    return document


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        body = file.read(limit + 1)
    if len(body) > limit:
        raise Unusable(f"it has more than {limit:,} bytes")
    return body

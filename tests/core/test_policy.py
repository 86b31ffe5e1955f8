"""What never leaves the house."""

from __future__ import annotations

from pypitool.core.names import is_private, normalize


def test_a_private_glob_covers_every_spelling() -> None:
    assert is_private(normalize("Acme.Core"), ["acme_*"])
    assert not is_private(normalize("requests"), ["acme_*"])

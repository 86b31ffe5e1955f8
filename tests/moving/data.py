"""What devpi, bandersnatch and pypiserver have made, unpacked; `make_data` is the recipe."""

from __future__ import annotations

import tarfile
from pathlib import Path

HERE = Path(__file__).parent


def unpacked(name: str, place: Path) -> Path:
    """Unpack what a program has made, and return its folder."""
    with tarfile.open(HERE / f"{name}.tar.gz") as tar:
        top = tar.getnames()[0]
        tar.extractall(place, filter="data")
    return place / top

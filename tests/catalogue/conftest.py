"""Each test of the suite runs over every implementation of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pypitool.catalogue.catalogue import Catalogue
from pypitool.catalogue.facts import FactLog
from pypitool.catalogue.rebuild import open_catalogue

OpenCatalogue = Callable[[], Catalogue]


@pytest.fixture(params=["sqlite"])
def open_another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenCatalogue]:
    """Open the same catalogue once more, as another process would."""
    with ExitStack() as stack:

        def open_it() -> Catalogue:
            catalogue: Catalogue = _OPENERS[request.param](tmp_path)
            stack.callback(catalogue.close)
            return catalogue

        yield open_it


@pytest.fixture
def catalogue(open_another: OpenCatalogue) -> Catalogue:
    """An empty catalogue."""
    return open_another()


def _open_sqlite(directory: Path) -> Catalogue:
    return open_catalogue(directory / "catalogue.sqlite", FactLog(directory / "facts.jsonl"))


_OPENERS = {"sqlite": _open_sqlite}

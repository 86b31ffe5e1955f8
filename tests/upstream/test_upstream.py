from __future__ import annotations

from pypi_simple import PYPI_SIMPLE_ENDPOINT

from pypitool.upstream.html_odd import imported_endpoint
from pypitool.upstream.upstream import default_index


def test_the_address_of_the_public_index_is_the_one_that_pypi_simple_knows() -> None:
    assert default_index() == imported_endpoint() == PYPI_SIMPLE_ENDPOINT

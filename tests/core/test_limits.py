"""No limit is met by what the public index holds."""

from __future__ import annotations

import pytest

from pypitool.core import limits
from pypitool.core.limits import Limit

TABLE = {name: value for name, value in vars(limits).items() if isinstance(value, Limit)}


@pytest.mark.parametrize("limit", TABLE.values(), ids=TABLE.keys())
def test_a_limit_is_four_times_the_largest_that_is_known(limit: Limit) -> None:
    assert limit.most > 0
    assert limit.largest is None or limit.most >= 4 * limit.largest
    assert limit.note

"""What publishers demand of the other keys, and of each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pypitool.config.faults import Fault
from pypitool.config.sources import Gathered

_AUDIENCE = "auth.oidc-audience"


def publisher_faults(gathered: Gathered, faulty: Collection[str]) -> Iterator[Fault]:
    """Yield what is wrong between publishers; what stands at a `faulty` path has been reported."""
    paths = [path for path in gathered.tables if path.startswith("publisher[")]
    if paths and not gathered.value(_AUDIENCE) and _AUDIENCE not in faulty:
        yield Fault(gathered.tables[paths[0]], paths[0], "needs `oidc-audience` under `[auth]`")
    first: dict[str, str] = {}
    for path in paths:
        name = gathered.value(f"{path}.name")
        if name is not None and first.setdefault(name, path) != path:
            # Which of the two would say what its tokens may?
            message = f"is the name of {first[name]} already"
            yield Fault(gathered.tables[path], f"{path}.name", message)

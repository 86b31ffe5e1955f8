from __future__ import annotations

import threading

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import FileKind
from pypitool.mirror.offered_metadata import OfferedFile, read_dependencies
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import Stopped

NOWHERE = "http://127.0.0.1:9"  # the port of `discard`, where nobody listens


def offered(number: int) -> OfferedFile:
    name = f"p{number}-1.0-py3-none-any.whl"
    project = canonicalize_name(f"p{number}")
    url = f"{NOWHERE}/{name}"
    candidate = Candidate(name, project, Version("1.0"), FileKind.WHEEL, url=url, metadata_sha256=str(number))
    return OfferedFile(candidate, "lan")


def test_where_nobody_can_be_reached_the_rest_is_not_asked_for() -> None:
    session = UpstreamSession(Upstream("lan", f"{NOWHERE}/simple/", retries=0, workers=1))

    found = read_dependencies(map(offered, range(10)), [session], threading.Event())

    assert (len(found), set(found.values())) == (10, {None})
    assert session.requests == 3


def test_an_order_to_stop_ends_it() -> None:
    stop = threading.Event()
    stop.set()
    session = UpstreamSession(Upstream("lan", f"{NOWHERE}/simple/", workers=1), stop)

    with pytest.raises(Stopped):
        read_dependencies([offered(1)], [session], stop)

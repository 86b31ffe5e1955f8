from __future__ import annotations

import threading

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import FileKind
from pypitool.mirror.offered_metadata import OfferedFile, read_dependencies
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import Stopped
from tests.support.upstream import FakeUpstream, Offer
from tests.support.wheels import Release, wheel_bytes, wheel_filename

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


def test_the_metadata_of_a_wheel_of_thousands_of_files_is_found_before_its_long_directory() -> None:
    release = Release("large", "1.0", ["b<2"])
    files = {f"large/{'data' * 20}/{number:04}.json": bytes([number % 256]) for number in range(3000)}
    body = wheel_bytes(release, extra_files=files)
    with FakeUpstream() as fake:
        fake.index.offers["large"] = [Offer(wheel_filename(release), body)]
        session = UpstreamSession(Upstream("fake", fake.url))
        url = f"{fake.root}/files/{wheel_filename(release)}"
        candidate = Candidate(
            wheel_filename(release), canonicalize_name("large"), Version("1.0"), FileKind.WHEEL, url=url
        )

        found = read_dependencies([OfferedFile(candidate, "fake")], [session], threading.Event())

    assert found == {candidate.filename: (Requirement("b<2"),)}
    assert [seen.headers["Range"] for seen in fake.seen] == ["bytes=-262144", "bytes=-2097152"]


def test_an_order_to_stop_ends_it() -> None:
    stop = threading.Event()
    stop.set()
    session = UpstreamSession(Upstream("lan", f"{NOWHERE}/simple/", workers=1), stop)

    with pytest.raises(Stopped):
        read_dependencies([offered(1)], [session], stop)

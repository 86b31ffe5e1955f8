from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cli.mirror.conftest import Site, lines, wheel
from tests.support.disks import mounted_disk
from tests.support.upstream import Dialect


@pytest.fixture
def full(site: Site) -> Iterator[Site]:
    """A site whose packages have a disk of their own, too small for what is wanted."""
    site.offer(wheel("a", "1.0", extra=os.urandom(24 * 1024**2)))
    site.write("backend.txt", "a==1.0\n")
    with mounted_disk(site.packages, megabytes=20):
        yield site


def test_what_is_known_not_to_fit_is_a_failure_and_no_silent_upstream(full: Site) -> None:
    ended = full.run("sync", "--json")

    file, *_, summary = lines(ended)
    assert (ended.code, file["outcome"], summary["outcome"]) == (3, "failed", "partial")
    assert "no space left on the disk" in file["message"]
    assert full.fake.paths("/files/") == []


def test_a_disk_that_fills_on_the_way_fails_the_file_in_hand_and_shows_nothing(full: Site) -> None:
    full.fake.index.dialect = Dialect(sizes=False)

    ended = full.run("sync")

    assert ended.code == 3
    assert "no space left on the disk" in ended.err
    assert full.files() == []
    (partial,) = (path for path in full.packages.glob(".pypitool/partial/*") if not path.suffix)
    assert partial.stat().st_size > 10**6

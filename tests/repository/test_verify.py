"""Verifying reads every file again and names what differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pypitool.catalogue.catalogue import ScanBatch
from pypitool.repository.repository import Repository
from pypitool.repository.verify import verify
from tests.support.repositories import open_repository, scan
from tests.support.wheels import build_wheel


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with open_repository(tmp_path) as repository:
        for number in range(3):
            build_wheel(repository.roots[0], "acme", f"1.{number}")
        scan(repository)
        yield repository


def test_a_sound_directory_has_no_differences(repository: Repository) -> None:
    steps: list[tuple[int, int]] = []

    result = verify(repository, lambda done, total: steps.append((done, total)))

    sizes = [path.stat().st_size for path in repository.roots[0].glob("*.whl")]
    assert (result.files, result.bytes, result.differences) == (3, sum(sizes), ())
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_what_differs_is_named_with_its_reason(repository: Repository) -> None:
    first, second, third = sorted(repository.roots[0].glob("*.whl"))
    first.unlink()
    second.write_bytes(b"x" * second.stat().st_size)
    third.touch()

    result = verify(repository)

    assert [(found.file.filename, found.reason) for found in result.differences] == [
        (first.name, "it is missing"),
        (second.name, "it was changed, and not read again yet"),
    ]


def test_bytes_that_rot_are_found_though_the_stat_is_the_same(repository: Repository) -> None:
    file = next(repository.catalogue.files())
    digests = replace(file.contents.digests, sha256="0" * 64)
    was = replace(file, contents=replace(file.contents, digests=digests))
    repository.catalogue.apply_scan(ScanBatch(changed=[was]))

    (found,) = verify(repository).differences

    assert found.file.filename == file.filename
    assert found.reason.startswith("its bytes have changed (sha256 ")
    assert found.reason.endswith("instead of 000000000000…), though its size and times have not")

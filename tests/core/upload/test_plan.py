"""What is to be done with a file, by what the index has under its name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest
from packaging.utils import NormalizedName

from pypitool.core.names import normalize
from pypitool.core.upload.plan import Listed, Standing, rounds, standing


@dataclass(frozen=True)
class File:
    name: str
    project: NormalizedName


def digest_of(algorithm: str) -> str:
    return hashlib.new(algorithm, b"here").hexdigest()


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_hash_that_is_listed_decides(algorithm: str) -> None:
    assert standing(Listed("u", {algorithm: digest_of(algorithm)}), digest_of) is Standing.SAME
    assert standing(Listed("u", {algorithm: "0" * 64}), digest_of) is Standing.OTHER


def test_nothing_under_the_name_is_absent_and_no_hash_is_unknown() -> None:
    assert standing(None, digest_of) is Standing.ABSENT
    assert standing(Listed("u", {}), digest_of) is Standing.UNKNOWN
    assert standing(Listed("u", {"md5": digest_of("md5")}), digest_of) is Standing.UNKNOWN


def test_the_files_of_a_project_wait_for_its_first() -> None:
    files = [File(name, normalize(name[0])) for name in ("a1", "b1", "a2", "a3", "c1")]
    a1, b1, a2, a3, c1 = files

    assert list(rounds(files)) == [(a1, (a2, a3)), (b1, ()), (c1, ())]

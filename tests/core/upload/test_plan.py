"""What is to be done with a file, by what the index has under its name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest
from packaging.utils import NormalizedName

from pypitool.core.names import normalize
from pypitool.core.upload.plan import IndexedFile, Presence, presence_of, rounds


@dataclass(frozen=True)
class File:
    name: str
    project: NormalizedName


def digest_of(algorithm: str) -> str:
    return hashlib.new(algorithm, b"here").hexdigest()


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_hash_that_is_listed_decides(algorithm: str) -> None:
    assert presence_of(IndexedFile("u", {algorithm: digest_of(algorithm)}), digest_of) is Presence.SAME
    assert presence_of(IndexedFile("u", {algorithm: "0" * 64}), digest_of) is Presence.OTHER


def test_nothing_under_the_name_is_absent_and_no_hash_is_unknown() -> None:
    assert presence_of(None, digest_of) is Presence.ABSENT
    assert presence_of(IndexedFile("u", {}), digest_of) is Presence.UNKNOWN
    assert presence_of(IndexedFile("u", {"md5": digest_of("md5")}), digest_of) is Presence.UNKNOWN


def test_the_files_of_a_project_wait_for_its_first() -> None:
    files = [File(name, normalize(name[0])) for name in ("a1", "b1", "a2", "a3", "c1")]
    a1, b1, a2, a3, c1 = files

    assert list(rounds(files)) == [(a1, (a2, a3)), (b1, ()), (c1, ())]

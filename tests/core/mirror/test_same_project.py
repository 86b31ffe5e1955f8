from __future__ import annotations

from dataclasses import replace

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.selection import Candidate
from pypitool.core.mirror.update_choice import is_same_project
from pypitool.core.model import COPIED_IN, FileKind, HeldFile, Origin, OriginKind
from tests.core.held import held

A = canonicalize_name("a")
MIRRORED = Origin(OriginKind.MIRRORED, "pypi")


def file(origin: Origin, version: str = "1.0") -> HeldFile:
    return replace(held(f"a-{version}.tar.gz"), origin=origin)


def offer(version: str, sha256: str | None) -> Candidate:
    hashes = frozenset({f"sha256:{sha256}"} if sha256 else ())
    return Candidate(f"a-{version}.tar.gz", A, Version(version), FileKind.SDIST, hashes=hashes)


def test_what_came_from_this_upstream_is_the_same_project() -> None:
    assert is_same_project([file(MIRRORED)], [offer("2.0", None)], "pypi")


def test_a_file_of_ours_with_its_bytes_tells_the_same_project() -> None:
    ours = file(COPIED_IN)

    assert is_same_project([ours], [offer("1.0", ours.contents.digests.sha256)], "pypi")


@pytest.mark.parametrize(
    "origin", [COPIED_IN, Origin(OriginKind.MIRRORED, "corp")], ids=["copied", "elsewhere"]
)
def test_other_bytes_or_none_tell_a_stranger(origin: Origin) -> None:
    ours = file(origin)

    assert not is_same_project([ours], [offer("1.0", "00" * 32), offer("2.0", None)], "pypi")
    assert not is_same_project([ours], [], "pypi")

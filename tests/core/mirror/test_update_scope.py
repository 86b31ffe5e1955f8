from __future__ import annotations

from dataclasses import replace

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.selection import Candidate
from pypitool.core.mirror.update_choice import Ownership, is_same_project, ownership_of
from pypitool.core.model import COPIED_IN, FileKind, HeldFile, Origin, OriginKind
from tests.core.held import held

A = canonicalize_name("a")
MIRRORED = Origin(OriginKind.MIRRORED, "pypi")
UPLOADED = Origin(OriginKind.UPLOADED, "user:deploy")


def file(origin: Origin, version: str = "1.0") -> HeldFile:
    return replace(held(f"a-{version}.tar.gz"), origin=origin)


def offer(version: str, sha256: str | None) -> Candidate:
    hashes = frozenset({f"sha256:{sha256}"} if sha256 else ())
    return Candidate(f"a-{version}.tar.gz", A, Version(version), FileKind.SDIST, hashes=hashes)


@pytest.mark.parametrize(
    ("origins", "standing"),
    [
        ([MIRRORED], Ownership.MIRRORED),
        ([COPIED_IN], Ownership.COPIED),
        ([COPIED_IN, MIRRORED], Ownership.MIRRORED),
        ([MIRRORED, COPIED_IN, UPLOADED], Ownership.UPLOADED),
    ],
)
def test_origin_decides(origins: list[Origin], standing: Ownership) -> None:
    assert ownership_of(A, [file(origin) for origin in origins], ["acme-*"]) is standing


def test_a_private_name_is_ours_whatever_its_origin() -> None:
    standing = ownership_of(canonicalize_name("acme-core"), [file(MIRRORED)], ["Acme_*"])

    assert standing is Ownership.PRIVATE
    assert standing.is_ours


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

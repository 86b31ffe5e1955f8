from __future__ import annotations

from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.config.config_files import parse_toml
from pypitool.core.mirror.lock_document import LockDocument, LockedFile, LockedRelease, preferring
from pypitool.core.mirror.selection import Candidate
from pypitool.core.model import FileKind

A, B = canonicalize_name("a"), canonicalize_name("b")


def file(filename: str, url: str = "") -> LockedFile:
    return LockedFile(url, {"sha256": "00"}, 7, "2026-01-01T00:00:00.000000Z", filename)


def test_a_lock_is_written_as_the_standard_wants_it() -> None:
    release = LockedRelease(
        A, "1.0", 'sys_platform == "win32"', ">=3.9", file("a-1.0.tar.gz", "https://x/a"),
        (file("w1", 'https://x/"w'), file("w2", "https://x/w2\x7f")),
    )  # fmt: skip

    document = parse_toml(LockDocument((release,), ">=3.10").text())

    assert (document["lock-version"], document["requires-python"]) == ("1.0", ">=3.10")
    (package,) = document["packages"]
    assert package["marker"] == 'sys_platform == "win32"'
    assert package["sdist"]["hashes"] == {"sha256": "00"}
    assert [wheel["url"] for wheel in package["wheels"]] == ['https://x/"w', "https://x/w2\x7f"]
    assert package["wheels"][0]["upload-time"].year == 2026


def test_it_gets_the_addresses_of_a_server() -> None:
    lock = LockDocument((LockedRelease(A, "1.0", wheels=(file("a-1.0+x.whl", "https://x/y"),)),))

    for url in ("http://m/p", "http://m/p/", "http://m/p/simple", "http://m/p/simple/"):
        assert lock.served_at(url).releases[0].wheels[0].url == "http://m/p/packages/a-1.0%2Bx.whl"


def test_what_nobody_else_has_is_told_apart() -> None:
    ours, theirs = LockedRelease(A, "1.0", wheels=(file("a"),)), LockedRelease(B, "1.0", sdist=file("b", "u"))

    public, names = LockDocument((ours, theirs)).public()

    assert public.releases == (theirs,)
    assert names == (A,)


def test_of_two_sdists_it_has_the_tar_file() -> None:
    files = (
        Candidate(name, A, Version("1.0"), FileKind.SDIST, url=f"https://x/{name}#sha256=0")
        for name in ("a-1.0.zip", "a-1.0.tar.gz")
    )

    release = LockedRelease(A, "1.0").with_files(files)

    assert release.sdist is not None
    assert (release.sdist.filename, release.sdist.url) == ("a-1.0.tar.gz", "https://x/a-1.0.tar.gz")


def test_a_preference_is_a_lock_with_names_and_versions() -> None:
    document = parse_toml(preferring({B: "2", A: "1"}))

    assert document["packages"] == [{"name": "a", "version": "1"}, {"name": "b", "version": "2"}]

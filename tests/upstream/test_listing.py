from __future__ import annotations

from urllib.parse import urljoin

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.model import FileKind
from pypitool.upstream.listing import ListedFile, Listing, joined

A = canonicalize_name("a-b")
PAGE = "https://index.example/simple/a-b/"
SHA256, SHA384 = "A" * 64, "b" * 96
WHEEL = ListedFile(
    "a_b-1.0-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "../../files/a.whl",
    {"SHA256": SHA256, "sha384": SHA384, "md5": "c" * 32, "sha512": "short", "sha224": 3},
    7,
    ">=3.9",
    "broken",
    "2026-01-01T00:00:00Z",
    "d" * 64,
)


def listing(*filenames: str) -> Listing:
    return Listing(A, PAGE, tuple(ListedFile(name, name, {}) for name in filenames))


def test_an_entry_says_everything_that_a_choice_needs() -> None:
    (found,) = Listing(A, PAGE, (WHEEL,)).candidates()

    assert (found.version, found.kind, found.build) == (Version("1.0"), FileKind.WHEEL, (1, ""))
    assert {str(tag) for tag in found.tags} == {
        "cp312-cp312-manylinux_2_17_x86_64",
        "cp312-cp312-manylinux2014_x86_64",
    }
    assert found.url == "https://index.example/files/a.whl"
    assert found.hashes == {f"sha256:{SHA256.lower()}", f"sha384:{SHA384}"}
    assert (found.size, found.requires_python, found.yanked) == (7, ">=3.9", "broken")
    assert (found.upload_time, found.metadata_sha256) == ("2026-01-01T00:00:00.000000Z", "d" * 64)


def test_a_listing_comes_back_as_it_was() -> None:
    before = Listing(A, PAGE, (WHEEL, ListedFile("a-b-1.0.tar.gz", "https://x.example/y", {})))

    assert Listing.unpack(A, before.pack()) == before


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-02T03:04:05.678901Z", "2026-01-02T03:04:05.678901Z"),
        ("2026-02-30T03:04:05.678901Z", None),
        ("2026-01-02T25:04:05.678901Z", None),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-02T03:04:05.6789Z", "2026-01-02T03:04:05.678900Z"),
        ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456Z"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05.000000Z"),
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-02 03:04:05.5", "2026-01-02T03:04:05.500000Z"),
        ("2026-01-02T03:04:05,25-0130", "2026-01-02T04:34:05.250000Z"),
        ("2026-01-02t03:04:05z", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-02 03:04:05+02", "2026-01-02T01:04:05.000000Z"),
        ("2026-01-02 03:04:05 UTC", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-02T03:04Z", "2026-01-02T03:04:00.000000Z"),
        ("2026-01-02", None),
        ("2026-13-02T03:04:05Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_upload_times_are_written_in_one_way(written: str | None, read: str | None) -> None:
    entry = ListedFile("a-b-1.0.tar.gz", "", {}, upload_time=written)

    (found,) = Listing(A, PAGE, (entry,)).candidates()

    assert found.upload_time == read


# However a version and a name are spelled, looking at the text alone must lose no file.
FILENAMES = (
    "a_b-1.0-py3-none-any.whl",
    "a_b-1.0.0-py3-none-any.whl",
    "A.B-1.0-2-py3-none-any.whl",
    "a_b-1!1.0-py3-none-any.whl",
    "a_b-1.0rc1-py3-none-any.whl",
    "a-b-1.0.tar.gz",
    "a_b-1.0.zip",
    "A.B-1.0.TAR.GZ",
    "a-b-1.0-2.tar.gz",
    "a-b-1.0.dev-2011.tar.gz",
    "a-b-1.0-alpha.1.tar.gz",
    "a-b-c-1.0.tar.gz",
    "a-1.0.tar.gz",
    "a-b-2.tar.gz",
    "a-b-v1.0.tar.gz",
    "a-b-1.0+local.tar.gz",
    "a-b-1.0.egg",
    "a-b-custom.tar.gz",
    "../a-b-1.0.tar.gz",
)


@pytest.mark.parametrize(
    "text", ["==1.0", "===1.0", "==1.0.post2", "==2", ">=1", "==1.0a1", "==1!1.0", "==1.*"]
)
def test_looking_for_versions_finds_what_reading_every_name_finds(text: str) -> None:
    specifier, held = SpecifierSet(text), listing(*FILENAMES)

    found = held.candidates(lambda version: specifier.contains(version, prereleases=True))

    assert found == tuple(
        candidate
        for candidate in held.candidates()
        if specifier.contains(candidate.version, prereleases=True)
    )


def test_files_are_found_by_name() -> None:
    held = listing("a_b-1.0-py3-none-any.whl", "a-b-1.0.tar.gz", "a-b-1.0.egg")

    found = held.named({"a-b-1.0.tar.gz": 1, "a-b-1.0.egg": 2, "a-b-9.tar.gz": 3})

    assert [candidate.filename for candidate in found] == ["a-b-1.0.tar.gz"]


ODD_NAMES = (
    "a_b-1.0-py3-none-any.whl",
    "a_b-1.0-py3-none-any.WHL",
    "A_B-1.0-py3-none-any.whl",
    "b-1.0-py3-none-any.whl",
    "a_b-1.0-1-py3-none-any.whl",
    "a_b-1.0-x-py3-none-any.whl",
    "a_b-v1-py3-none-any.whl",
    "a_b-1.0-py3-none-an y.whl",
    "a_b-1.0-3py-none-any.whl",
    "a_b-1.0-py2.py3-none-any.whl",
    "a_b-1.0.tar.gz",
    "a_b-1.0-2.tar.gz",
    "a_b-1.0.tar.bz2",
    "a_b-1.0-py3.8.egg",
    "a_b-\u0661.0-py3-none-any.whl",
    "..-1.0-py3-none-any.whl",
    f"a_b-1.0+{'x' * 190}-py3-none-any.whl",
)


def test_a_name_reads_the_same_whatever_was_read_before_it() -> None:
    alone = [file for name in ODD_NAMES for file in listing(name).candidates()]
    together = listing(*ODD_NAMES, *ODD_NAMES).candidates()

    assert list(together) == alone + alone
    assert len(alone) == 7


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example/a/b-1.0%2Bx.whl",
        "http://files.example:8080/a#sha256=00",
        "https://files.example/../a",
        "https://files.example/a b",
        "//files.example/a",
        "../../a?x=1#y",
        "https://[::1]/a",
    ],
)
def test_an_address_is_joined_as_the_standard_says(url: str) -> None:
    assert joined("https://index.example/simple/a/", url) == urljoin("https://index.example/simple/a/", url)

"""Which files a command line means, and what goes along with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.upload.named_files import FileFault, NamedFile, named_files

WHEEL = "a-1.0-py3-none-any.whl"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    for name in (WHEEL, f"{WHEEL}.asc", f"{WHEEL}.publish.attestation", f"{WHEEL}.build.attestation"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_what_lies_beside_a_file_goes_along(dist: Path) -> None:
    named = named_files([str(dist / WHEEL)])

    attestations = (dist / f"{WHEEL}.build.attestation", dist / f"{WHEEL}.publish.attestation")
    assert named.files == (NamedFile(dist / WHEEL, dist / f"{WHEEL}.asc", attestations),)
    assert named.faults == ()


def test_what_is_named_with_a_file_goes_along_once(dist: Path) -> None:
    assert named_files(str(path) for path in dist.iterdir()) == named_files([str(dist / WHEEL)])


def test_companions_may_come_from_another_directory(dist: Path, tmp_path: Path) -> None:
    signatures = tmp_path / "signatures"
    signatures.mkdir()
    (dist / f"{WHEEL}.asc").rename(signatures / f"{WHEEL}.asc")

    named = named_files([str(dist / WHEEL), str(signatures / f"{WHEEL}.asc")])

    assert named.files[0].signature == signatures / f"{WHEEL}.asc"


def test_attestations_can_be_left_out(dist: Path) -> None:
    assert named_files([str(dist / "*")], attestations=False).files[0].attestations == ()


def test_a_pattern_that_no_shell_has_read_is_read(dist: Path) -> None:
    assert [file.path for file in named_files([str(dist / "*.whl")]).files] == [dist / WHEEL]


def test_one_file_under_two_paths_is_one(dist: Path) -> None:
    (dist / "link").symlink_to(dist)

    assert len(named_files([str(dist / WHEEL), str(dist / "link" / WHEEL)]).files) == 1


def test_what_cannot_be_meant_is_a_fault_each(dist: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / WHEEL).write_text("another one")
    (other / "b-1.0.tar.gz.asc").write_text("of nothing")
    (other / "b-1.0.tar.gz.x.attestation").write_text("of nothing")
    words = [dist / WHEEL, other, dist / "*.zip", other / "*"]
    stray = "the file that it belongs to is not among these"

    faults = named_files(map(str, words)).faults

    assert faults == (
        FileFault(str(other), f"it is a directory, did you mean `{other}/*`?"),
        FileFault(str(dist / "*.zip"), "there is no such file"),
        FileFault(str(other / WHEEL), f"{dist / WHEEL} has the same name"),
        FileFault(str(other / "b-1.0.tar.gz.asc"), stray),
        FileFault(
            str(other / "b-1.0.tar.gz.x.attestation"), "the file that it belongs to is not among these"
        ),
    )

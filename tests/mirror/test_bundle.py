from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pypitool.catalogue.facts import local_actor
from pypitool.core.mirror.run_events import FileEvent, WarningEvent
from pypitool.core.model import COPIED_IN, HeldFile, Origin, OriginKind
from pypitool.mirror.bundle import BadBundle, export_bundle, files_for_bundle, import_bundle
from pypitool.repository.releases import yank
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from pypitool.store.temporary import TemporaryFile
from tests.support.wheels import build_sdist, build_wheel


def directory(path: Path) -> Repository:
    path.mkdir()
    return Repository.open([path], environ={})


def files(repository: Repository) -> dict[str, HeldFile]:
    scan_if_alone(repository)
    return {file.filename: file for file in repository.catalogue.files()}


def facts_of(file: HeldFile) -> tuple[object, ...]:
    return file.contents, file.upload_time, file.origin, file.yanked


@pytest.fixture
def source(tmp_path: Path) -> Repository:
    repository = directory(tmp_path / "source")
    build_wheel(repository.roots[0] / "sub", "a", "1.0", requires=["b"], requires_python=">=3.9")
    build_sdist(repository.roots[0], "b", "2.0")
    files(repository)
    yank(repository, "a", "1.0", "broken", local_actor())
    return repository


def export(repository: Repository, path: Path) -> Path:
    held = files_for_bundle(repository.catalogue.files(), uploaded=False, names=None)
    export_bundle(repository, path, held, lambda event: None)
    return path


def bring(repository: Repository, path: Path, *, uploaded: bool = False) -> list[FileEvent]:
    events: list[FileEvent | WarningEvent] = []
    import_bundle(repository, path, local_actor(), events.append, uploaded=uploaded)
    return [event for event in events if isinstance(event, FileEvent)]


def test_a_bundle_carries_the_files_and_all_that_is_known_of_them(tmp_path: Path, source: Repository) -> None:
    target = directory(tmp_path / "target")

    events = bring(target, export(source, tmp_path / "b.tar"))

    assert [event.outcome for event in events] == ["fetched", "fetched"]
    before, after = files(source), files(target)
    assert {name: facts_of(file) for name, file in after.items()} == {
        name: facts_of(file) for name, file in before.items()
    }
    digest = after["a-1.0-py3-none-any.whl"].contents.metadata_sha256
    assert digest is not None
    assert target.catalogue.metadata(digest) == source.catalogue.metadata(digest)


def test_what_is_here_already_is_kept_and_other_bytes_are_a_conflict(
    tmp_path: Path, source: Repository
) -> None:
    target = directory(tmp_path / "target")
    build_wheel(target.roots[0], "a", "1.0", extra_files={"other.py": b""})
    files(target)
    path = export(source, tmp_path / "b.tar")

    first, second = bring(target, path), bring(target, path)

    assert [event.outcome for event in first] == ["fetched", "conflict"]
    assert [event.outcome for event in second] == ["kept", "conflict"]


def test_uploaded_files_stay_at_home_unless_asked_for(source: Repository) -> None:
    held = list(source.catalogue.files())

    assert len(files_for_bundle(held, uploaded=False, names=None)) == 2
    assert [
        file.filename for file in files_for_bundle(held, uploaded=True, names=frozenset({"b-2.0.tar.gz"}))
    ] == ["b-2.0.tar.gz"]


Member = tuple[str, bytes]


def rewrite(path: Path, change: Callable[[list[Member]], list[Member]]) -> None:
    with tarfile.open(path) as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    with tarfile.open(path, "w") as tar:
        for name, body in change(members):
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))


def with_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[list[Member]], list[Member]]:
    def rewritten(members: list[Member]) -> list[Member]:
        document = json.loads(members[0][1])
        change(document)
        return [(members[0][0], json.dumps(document).encode()), *members[1:]]

    return rewritten


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda members: members[:-1], "is missing"),
        (lambda members: [*members, ("files/c-1.0.tar.gz", b"")], "says nothing"),
        (lambda members: [*members, ("../evil", b"")], "says nothing"),
        (lambda members: members[1:], "does not begin with"),
        (lambda members: [members[0], (members[1][0], members[1][1] + b"x"), *members[2:]], "other bytes"),
        (with_manifest(lambda d: d.update(format=2)), "its format is 2"),
        (with_manifest(lambda d: d["files"][0].update(sha256="0" * 64)), "other bytes"),
        (with_manifest(lambda d: d["files"][0].update(name="../a-1.0.tar.gz")), "faulty file"),
        (with_manifest(lambda d: d["files"][0].update(project="other")), "is no file of other"),
        (with_manifest(lambda d: d["files"][0].pop("size")), "cannot be read"),
        (with_manifest(lambda d: d["files"].append(d["files"][0])), "twice"),
        (lambda members: [("manifest.json", b"{")], "cannot be read"),
        (lambda members: [("manifest.json", b"[" * 200_000)], "nested too deep"),
        (lambda members: [("manifest.json", b"[]")], "cannot be read"),
        (lambda members: [("manifest.json", b'{"format": 1, "files": {}}')], "cannot be read"),
    ],
)  # fmt: skip
def test_a_bundle_that_is_not_whole_publishes_nothing(
    tmp_path: Path, source: Repository, change: Callable[[list[Member]], list[Member]], says: str
) -> None:
    target = directory(tmp_path / "target")
    path = export(source, tmp_path / "b.tar")
    rewrite(path, change)

    with pytest.raises(BadBundle, match=says):
        bring(target, path)

    assert files(target) == {}
    assert list(target.roots[0].rglob("*.part")) == []


@pytest.mark.parametrize("length", [0, 100, 700, 3000])
def test_a_truncated_bundle_publishes_nothing(tmp_path: Path, source: Repository, length: int) -> None:
    target = directory(tmp_path / "target")
    path = export(source, tmp_path / "b.tar")
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(BadBundle):
        bring(target, path)

    assert files(target) == {}


def test_an_origin_is_kept(tmp_path: Path, source: Repository) -> None:
    target = directory(tmp_path / "target")
    path = export(source, tmp_path / "b.tar")
    rewrite(
        path, with_manifest(lambda d: d["files"][0].update(origin={"kind": "mirrored", "detail": "pypi"}))
    )

    bring(target, path)

    assert files(target)["b-2.0.tar.gz"].origin == Origin(OriginKind.MIRRORED, "pypi")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("upload_time", "<script>alert(1)</script>"),
        ("upload_time", 5),
        ("upload_time", None),
        ("upload_time", "2026-01-01"),
        ("upload_time", "0001-01-01T00:00:00.000000Z"),
        ("yanked", 5),
        ("yanked", {}),
        ("yanked", "bad \ud800"),
        ("requires_python", []),
        ("size", "3"),
        ("size", True),
        ("size", -1),
        ("name", 5),
        ("project", 5),
        ("version", None),
        ("sha256", "x"),
        ("sha256", None),
        ("metadata_sha256", 5),
        ("origin", None),
        ("origin", {"kind": "stolen", "detail": ""}),
        ("origin", {"kind": [], "detail": ""}),
        ("origin", {"kind": "copied", "detail": 5}),
        ("origin", {"kind": "copied"}),
    ],
)
def test_what_a_manifest_says_is_checked_before_anything_is_done(
    tmp_path: Path, source: Repository, field: str, value: object
) -> None:
    target = directory(tmp_path / "target")
    path = export(source, tmp_path / "b.tar")
    rewrite(path, with_manifest(lambda d: d["files"][0].update({field: value})))

    with pytest.raises(BadBundle):
        bring(target, path)

    assert files(target) == {}


@pytest.mark.parametrize(
    ("uploaded", "believed"),
    [(False, COPIED_IN), (True, Origin(OriginKind.UPLOADED, "user:admin"))],
    ids=["without the flag", "with it"],
)
def test_that_a_file_was_uploaded_is_believed_when_told_so(
    tmp_path: Path, source: Repository, uploaded: bool, believed: Origin
) -> None:
    target = directory(tmp_path / "target")
    path = export(source, tmp_path / "b.tar")
    origin = {"kind": "uploaded", "detail": "user:admin"}
    rewrite(path, with_manifest(lambda d: [file.update(origin=origin) for file in d["files"]]))

    bring(target, path, uploaded=uploaded)

    assert {file.origin for file in files(target).values()} == {believed}


def sparse(size: int, form: int) -> bytes:
    """Return a file that takes nothing in the tar and a lot on the disk."""
    member = tarfile.TarInfo("files/a-1.0-py3-none-any.whl")
    if form == tarfile.PAX_FORMAT:
        version = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
        member.pax_headers = {**version, "GNU.sparse.realsize": str(size)}
        member.size = 512
        return member.tobuf(tarfile.PAX_FORMAT) + b"1\n0\n0\n".ljust(512, b"\0")
    block = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    block[156:157] = tarfile.GNUTYPE_SPARSE
    block[386:410] = b"00000000000\x0000000000000\0"
    block[483:495] = b"%011o\0" % size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
def test_a_sparse_member_is_refused_before_it_is_written(
    tmp_path: Path, source: Repository, form: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 400 * 1024**2
    target = directory(tmp_path / "target")
    path = export(source, tmp_path / "b.tar")
    with tarfile.open(path) as tar:
        manifest = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
    only = {**manifest["files"][0], "name": "a-1.0-py3-none-any.whl", "project": "a", "size": size}
    body = json.dumps({**manifest, "files": [only]}).encode()
    first = tarfile.TarInfo("manifest.json")
    first.size = len(body)
    end = bytes(tarfile.RECORDSIZE)
    path.write_bytes(first.tobuf() + body + bytes(-len(body) % 512) + sparse(size, form) + end)
    written: list[int] = []
    monkeypatch.setattr(TemporaryFile, "write", lambda self, piece: written.append(len(piece)))

    with pytest.raises(BadBundle, match="no plain file"):
        bring(target, path)

    assert written == []


def test_a_header_of_any_length_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    header = tarfile.TarInfo("manifest.json")
    header.type, header.size = tarfile.XHDTYPE, 10 * 1024**2
    path.write_bytes(header.tobuf(tarfile.USTAR_FORMAT) + bytes(11 * 1024**2))

    with pytest.raises(BadBundle, match="far too long"):
        bring(directory(tmp_path / "target"), path)

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pypitool.catalogue.facts import local_actor
from pypitool.core.mirror.run_events import FileEvent
from pypitool.core.model import HeldFile, Origin, OriginKind
from pypitool.mirror.bundle import BadBundle, export_bundle, files_for_bundle, import_bundle
from pypitool.repository.releases import yank
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
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


def bring(repository: Repository, path: Path) -> list[FileEvent]:
    events: list[FileEvent] = []
    import_bundle(repository, path, local_actor(), events.append)
    return events


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

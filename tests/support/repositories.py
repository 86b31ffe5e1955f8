"""A repository in a temporary directory, and what publishing into it takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pypitool.archives.archive import read_archive
from pypitool.archives.digest import digest_stream
from pypitool.core.fact import Actor
from pypitool.core.filenames import parse
from pypitool.core.model import Location, Origin, OriginKind
from pypitool.repository.publish import Incoming, Published, publish
from pypitool.repository.read_file import contents_of
from pypitool.repository.repository import Repository
from pypitool.repository.scan import Scanner
from tests.support.wheels import Release, wheel_bytes, wheel_filename

DEPLOY = Actor("user:deploy", "10.0.0.7", "password")
UPLOADED = Origin(OriginKind.UPLOADED, "user:deploy")


def open_repository(place: Path, *, roots: int = 1) -> Repository:
    """Open a repository with its state apart from its directories."""
    directories = [place / f"packages{number}" for number in range(roots)]
    for directory in directories:
        directory.mkdir(parents=True, exist_ok=True)
    return Repository.open(directories, place / "state", {})


def publish_wheel(
    repository: Repository,
    name: str,
    version: str,
    *,
    salt: bytes = b"",
    filename: str | None = None,
    overwrite: bool = False,
    signature: bytes | None = None,
    upload_time: str | None = None,
    requires: Sequence[str] = (),
) -> Published:
    """Publish a wheel as an upload does; `salt` makes other bytes."""
    release = Release(name, version, requires)
    body = wheel_bytes(release, extra_files={"salt": salt})
    distribution = parse(filename or wheel_filename(release))
    with repository.store.temporary() as temporary:
        temporary.write(body)
        temporary.file.flush()
        facts = read_archive(temporary.file.fileno(), distribution)
        temporary.file.seek(0)
        incoming = Incoming(
            distribution,
            contents_of(facts, digest_stream(temporary.file)),
            UPLOADED,
            metadata_body=facts.metadata_body,
            signature=signature,
            upload_time=upload_time,
        )
        return publish(repository, temporary, incoming, actor=DEPLOY, overwrite=overwrite)


def scan(repository: Repository) -> None:
    """Make the catalogue agree with the directories."""
    Scanner.of(repository).everything()


def paths(repository: Repository) -> list[str]:
    """Return the paths of all files that are listed."""
    return [file.location.path for file in repository.catalogue.files()]


def contents(repository: Repository, path: str, root: int = 0) -> bytes:
    """Read a file that is served."""
    with repository.store.open(Location(root, path)) as opened:
        return Path(f"/proc/self/fd/{opened.descriptor}").read_bytes()


def leftovers(repository: Repository) -> list[str]:
    """Return what lies in the hidden folders for temporary files."""
    return [path.name for root in repository.roots for path in root.glob(".pypitool/incoming/*")]

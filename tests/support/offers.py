"""Files as a fake upstream offers them, and what is in a directory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from pypitool.archives.digest import Digester
from pypitool.catalogue.facts import local_actor
from pypitool.core.filenames import parse
from pypitool.core.model import Contents, HeldFile, Origin, OriginKind
from pypitool.repository.publish import Incoming, publish
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from tests.support.upstream import Offer
from tests.support.wheels import Release, sdist_bytes, wheel_bytes, wheel_filename


def wheel(name: str, version: str, *requires: str, tags: str = "py3-none-any", **more: Any) -> Offer:
    """Offer a wheel; `salt` makes other bytes, everything else is as `Offer` takes it."""
    release = Release(name, version, requires)
    salt = {"salt": more.pop("salt")} if "salt" in more else {}
    body = wheel_bytes(release, tags=tags, extra_files=salt)
    return Offer(wheel_filename(release, tags=tags), body, metadata=release.metadata(), **more)


def sdist(name: str, version: str, *requires: str, **more: Any) -> Offer:
    """Offer an sdist."""
    release = Release(name, version, requires)
    return Offer(f"{release.stem}.tar.gz", sdist_bytes(release), **more)


def aged(offer: Offer, days: float) -> Offer:
    """Offer a file that was uploaded so many days ago."""
    moment = datetime.now(timezone.utc) - timedelta(days=days)
    return replace(offer, upload_time=moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def copy_in(directory: Path, *offers: Offer) -> None:
    """Put files into a directory, as people do."""
    directory.mkdir(parents=True, exist_ok=True)
    for offer in offers:
        (directory / offer.filename).write_bytes(offer.body)


def put_in(directory: Path, offer: Offer, origin: Origin) -> None:
    """Publish a file with an origin, as an upload or an earlier run did."""
    directory.mkdir(parents=True, exist_ok=True)
    digester = Digester()
    digester.update(offer.body)
    metadata = Digester()
    metadata.update(offer.metadata or b"")
    contents = Contents(digester.digests(), None, metadata.digests().sha256 if offer.metadata else None)
    incoming = Incoming(
        parse(offer.filename), contents, origin, offer.metadata, upload_time=offer.upload_time
    )
    with Repository.open([directory], environ={}) as repository, repository.store.temporary() as temporary:
        temporary.write(offer.body)
        publish(repository, temporary, incoming, actor=local_actor())


def upload(directory: Path, offer: Offer) -> None:
    """Publish a file as somebody's upload."""
    put_in(directory, offer, Origin(OriginKind.UPLOADED, "user:deploy"))


def held_in(directory: Path) -> dict[str, HeldFile]:
    """Return what is held, by filename."""
    with Repository.open([directory], environ={}) as repository:
        scan_if_alone(repository)
        return {file.filename: file for file in repository.catalogue.files()}

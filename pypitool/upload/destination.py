"""The destination of an upload: an address, or a name that the configuration or a `.pypirc` knows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path

from pypitool.config.kinds import url as checked_url
from pypitool.config.upstream_tables import RemoteSettings
from pypitool.config.values import BadValue
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.text import did_you_mean
from pypitool.core.upload.addresses import (
    WhereTo,
    index_of,
    is_same,
    public_uploads,
    with_slash,
    without_user,
)
from pypitool.core.upload.pypirc import PUBLIC, BadPypirc, Section, parse_pypirc
from pypitool.upstream.upstream import default_index

log = getLogger(__name__)


class NoDestination(PypitoolError):
    """Nothing says where the files should go, and nobody guesses the public PyPI."""

    kind = Kind.USAGE
    sentence = "no destination of the upload is named"
    known: Sequence[str]

    def __post_init__(self) -> None:
        self.hint = f"give `--url URL`, or `--repository NAME`: there is {', '.join(self.known)}"
        super().__post_init__()


class UnknownDestination(PypitoolError):
    """A name that neither the configuration nor a `.pypirc` knows."""

    kind = Kind.USAGE
    name: str
    known: Sequence[str]

    def __post_init__(self) -> None:
        self.hint = f"there is {', '.join(self.known)}"
        super().__post_init__()

    def __str__(self) -> str:
        missing = f"there is no [remote.{self.name}] and no section `{self.name}`"
        return missing + did_you_mean(self.name, self.known)


class BadAddress(PypitoolError):
    """An address that is none of a web server."""

    kind = Kind.USAGE
    sentence = "{place}: {reason}"
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Destination:
    """Where files go, and what is known of that place."""

    url: str  # as it was given, credentials and all: never shown
    name: str | None = None
    remote: RemoteSettings | None = None
    section: Section | None = None
    index_url: str | None = None
    ca: Path | None = None
    client_cert: Path | None = None

    def __repr__(self) -> str:
        return f"Destination({self.address!r}, {self.name!r})"

    @property
    def address(self) -> str:
        """Where uploads are posted."""
        return without_user(self.url)

    @property
    def proxy(self) -> str | None:
        """What to go through."""
        return None if self.remote is None else self.remote.proxy

    @property
    def index(self) -> str:
        """The simple index that says what is there already, with its credentials if it was given any."""
        if self.index_url is not None:
            return with_slash(self.index_url)
        return index_of(self.url if self.remote is None else self.remote.url, default_index())


def find_destination(
    where: WhereTo, remotes: Sequence[RemoteSettings], environ: Mapping[str, str]
) -> Destination:
    """Find out where to upload, or raise an error that says what there is."""
    home = environ.get("HOME")
    file = where.pypirc or (Path(home, ".pypirc") if home else None)
    place, url, name = _first_said(where, environ)
    if url is not None:
        address = checked_address(place, url)
        remote = next((one for one in remotes if is_same(uploads_of(one), address)), None)
        section = None if remote is not None else _section_at(address, where.pypirc, file)
        return _destination(where, environ, address, None, remote, section)
    if name is None and len(remotes) == 1:
        name = remotes[0].name
    remote = next((one for one in remotes if one.name == name), None)
    if remote is not None:
        return _destination(where, environ, uploads_of(remote), name, remote, None)
    sections = _sections(file, demanded=where.pypirc is not None)
    if name is None:
        raise NoDestination(_known(remotes, sections))
    section = next((one for one in sections if one.name == name), None)
    if section is None:
        raise UnknownDestination(name, _known(remotes, sections))
    return _destination(where, environ, _address_of(section), name, None, section)


def uploads_of(remote: RemoteSettings) -> str:
    """Return where a remote takes uploads."""
    return remote.upload_url or remote.url


def checked_address(place: str, url: str) -> str:
    """Return the address of a web server, or raise `BadAddress` that names where it was given."""
    try:
        return checked_url(url)
    except BadValue as fault:
        raise BadAddress(place, str(fault)) from None


def _first_said(where: WhereTo, environ: Mapping[str, str]) -> tuple[str, str | None, str | None]:
    """Return who says it first, and the address or the name that is said."""
    said = (
        ("--url", where.url, None),
        ("--repository", None, where.repository),
        ("PYPITOOL_URL", environ.get("PYPITOOL_URL"), None),
        ("PYPITOOL_REPOSITORY", None, environ.get("PYPITOOL_REPOSITORY")),
        ("TWINE_REPOSITORY_URL", environ.get("TWINE_REPOSITORY_URL"), None),
        ("TWINE_REPOSITORY", None, environ.get("TWINE_REPOSITORY")),
    )
    # An exported but empty variable is absent.
    found = ((place, url or None, name or None) for place, url, name in said if url or name)
    return next(found, ("", None, None))


def _destination(
    where: WhereTo,
    environ: Mapping[str, str],
    url: str,
    name: str | None,
    remote: RemoteSettings | None,
    section: Section | None,
) -> Destination:
    index = where.index_url or (remote.index_url if remote is not None else None)
    own = section.client_cert if section is not None else None
    return Destination(
        url=url,
        name=name,
        remote=remote,
        section=section,
        index_url=None if index is None else checked_address("--index-url", index),
        ca=_first_path((where.ca, environ.get("PYPITOOL_CA"), environ.get("TWINE_CERT")), remote, section),
        client_cert=Path(os.path.expanduser(own)) if own else None,
    )


def _first_path(
    said: Iterable[Path | str | None], remote: RemoteSettings | None, section: Section | None
) -> Path | None:
    places = (*said, remote.ca if remote else None, section.ca_cert if section else None)
    return next((Path(os.path.expanduser(place)) for place in places if place), None)


def _address_of(section: Section) -> str:
    if section.repository is None:
        return public_uploads(section.name, default_index())
    return checked_address(f"the section `{section.name}`", section.repository)


def _section_at(address: str, demanded: Path | None, file: Path | None) -> Section | None:
    try:
        sections = _sections(file, demanded=demanded is not None)
    except BadPypirc as fault:
        if demanded is not None:
            raise
        # The address was given: what the file has is only one more place for credentials.
        log.warning("%s", fault)
        return None
    return next((one for one in sections if one.repository and is_same(one.repository, address)), None)


def _sections(file: Path | None, *, demanded: bool) -> tuple[Section, ...]:
    if file is None:
        return parse_pypirc("")
    try:
        return parse_pypirc(file.read_text(encoding="utf-8"), str(file))
    except UnicodeDecodeError as error:
        raise BadPypirc(str(file), "it is not UTF-8") from error
    except OSError as error:
        if demanded or not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise BadPypirc(str(file), error.strerror or "it cannot be opened") from error
        return parse_pypirc("")


def _known(remotes: Sequence[RemoteSettings], sections: Sequence[Section]) -> tuple[str, ...]:
    own = [one.name for one in sections if one.name not in PUBLIC]
    return tuple(dict.fromkeys((*(one.name for one in remotes), *own, *PUBLIC)))

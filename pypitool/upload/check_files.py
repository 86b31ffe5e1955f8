"""Files checked before the first byte of any of them is sent: everything that can be wrong with them.

The only module that imports readme_renderer, which takes 300 ms.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from io import StringIO
from pathlib import Path

from pypitool.archives.archive import read_archive
from pypitool.archives.digest import FileChangedWhileRead, digest_stream
from pypitool.archives.open_archive import BrokenArchive
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.filenames import BadFilename, Distribution, parse
from pypitool.core.json_text import parse_json
from pypitool.core.limits import SIGNATURE
from pypitool.core.model import FileKind
from pypitool.core.upload.fields import CheckedMetadata, check_metadata_body, form_fields
from pypitool.upload.form import FileOnDisk, Package
from pypitool.upload.named_files import FileFault, Named, NamedFile
from pypitool.upstream.upstream_errors import Stopped

_THREADS = 4
_LARGEST_ATTESTATION = 1024**2
_ARMOUR = b"-----BEGIN PGP SIGNATURE-----"
# docutils' own form: `<string>:4: (ERROR/3) Unknown directive type "foo".`, and the lines it is about.
_REPORT = re.compile(r"<string>:(?P<line>\d*): \([A-Z]+/\d\) (?P<message>[^\n]*)")
_REST, _MARKDOWN = "text/x-rst", "text/markdown"
_NOTHING = "nothing of it remains"


class NotUploadable(PypitoolError):
    """Files that cannot be uploaded: nothing was sent, of the others neither."""

    kind = Kind.INVALID
    faults: Sequence[FileFault]

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return f"nothing was sent: {self.faults[0]}"
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        return f"nothing was sent: there are {len(self.faults)} faults{lines}"


class _Unusable(Exception):
    """What is wrong with a file, said by a part that does not name it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Checked:
    """Files without a fault, and what should be told about them."""

    packages: tuple[Package, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Contents:
    """A file whose name and contents belong together."""

    file: FileOnDisk
    distribution: Distribution
    metadata: CheckedMetadata

    @property
    def release(self) -> str:
        """What people call it."""
        return f"{self.distribution.project} {self.distribution.version}"

    @property
    def readme(self) -> tuple[str, str | None] | None:
        """Its README and of what type it is, if it has one."""
        text = self.metadata.description or ""
        # Old tools say UNKNOWN where they know nothing.
        return (text, self.metadata.content_type) if text.strip() not in ("", "UNKNOWN") else None


@dataclass(slots=True)
class _FileCheck:
    """What the check of one file has found so far."""

    contents: _Contents | None = None
    package: Package | None = None
    faults: list[FileFault] = field(default_factory=list)


def check(named: Named, *, readme: bool = True, stop: threading.Event | None = None) -> Checked:
    """Check all files, or raise `NotUploadable` with every fault of all of them."""
    checks = tuple(_check_each(named.files, stop or threading.Event()))
    faults = [*named.faults, *(fault for one in checks for fault in one.faults)]
    contents = [one.contents for one in checks if one.contents is not None]
    warnings = [f"{one.file.path.name}: {text}" for one in contents for text in one.metadata.warnings]
    if readme:
        faults += _readme_faults(contents)
        bare = dict.fromkeys(one.release for one in contents if one.readme is None)
        warnings += [f"{release} has no README" for release in bare]
    if faults:
        raise NotUploadable(faults)
    return Checked(tuple(one.package for one in checks if one.package is not None), tuple(warnings))


def _check_each(files: Sequence[NamedFile], stop: threading.Event) -> Iterator[_FileCheck]:
    def check_one(named: NamedFile) -> _FileCheck:
        if stop.is_set():
            raise Stopped()
        return _check_file(named)

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="check") as pool:
        yield from pool.map(check_one, files)


def _check_file(named: NamedFile) -> _FileCheck:
    found = _FileCheck()
    with _collected(named.path, found.faults):
        found.contents = _read_contents(named.path)
        found.faults += (FileFault(str(named.path), fault) for fault in found.contents.metadata.faults)
    signature, attestations = _read_attachments(named, found.faults)
    if found.contents is not None and not found.faults:
        with _collected(named.path, found.faults):
            found.package = _make_package(found.contents, signature, attestations)
    return found


def _read_contents(path: Path) -> _Contents:
    distribution = parse(path.name)
    if distribution.kind is FileKind.LEGACY:
        raise BadFilename(path.name, "only wheels and sdists (.tar.gz, .zip) are uploaded")
    file = FileOnDisk.at(path)
    facts = read_archive(path, distribution, file.size)
    if facts.metadata_body is None:
        raise BrokenArchive(path.name, facts.doubt)
    return _Contents(file, distribution, check_metadata_body(facts.metadata_body))


def _read_attachments(named: NamedFile, faults: list[FileFault]) -> tuple[bytes | None, list[object]]:
    signature: bytes | None = None
    attestations: list[object] = []
    if named.signature is not None:
        with _collected(named.signature, faults):
            signature = _read_signature(named.signature)
    for path in named.attestations:
        with _collected(path, faults):
            attestations.append(_read_attestation(path))
    return signature, attestations


def _make_package(contents: _Contents, signature: bytes | None, attestations: Sequence[object]) -> Package:
    with contents.file.path.open("rb") as opened:
        digests = digest_stream(opened, contents.file.size)
    fields = form_fields(contents.distribution, contents.metadata, digests)
    if attestations:
        fields = (*fields, ("attestations", json.dumps(attestations)))
    return Package(contents.file, contents.distribution, digests, fields, signature)


def _readme_faults(contents: Iterable[_Contents]) -> Iterator[FileFault]:
    """Render each README once: a wheel and its sdist have the same."""
    rendered: dict[tuple[str, str | None], str | None] = {}
    for one in contents:
        if one.readme is None:
            continue
        if one.readme not in rendered:
            rendered[one.readme] = _readme_fault(*one.readme)
        if (fault := rendered[one.readme]) is not None:
            yield FileFault(str(one.file.path), f"its README does not render: {fault}")


def _readme_fault(text: str, content_type: str | None) -> str | None:
    """Render a README as indexes do, and say what they would trip over; None: it renders."""
    # "Content-Type: text/x-rst [is the default]; if it does not render, indexes show plain text".
    kind = Message()
    kind["Content-Type"] = content_type or _REST
    media = kind.get_content_type()
    if media == _REST:
        return _rest_fault(text)
    if media == _MARKDOWN:
        return _markdown_fault(text, str(kind.get_param("variant", "GFM")))
    return None


def _rest_fault(text: str) -> str | None:
    from readme_renderer import rst

    said = StringIO()
    if rst.render(text, stream=said) is not None:
        return None
    found = _REPORT.search(said.getvalue())
    return _NOTHING if found is None else f"line {found['line']}: {found['message']}"


def _markdown_fault(text: str, variant: str) -> str | None:
    from readme_renderer import markdown

    return None if markdown.render(text, variant=variant) is not None else _NOTHING


@contextmanager
def _collected(path: Path, faults: list[FileFault]) -> Iterator[None]:
    """Let a fault of one file end the check of that file, and nothing else."""
    try:
        yield
    except (BadFilename, BrokenArchive, _Unusable) as error:
        faults.append(FileFault(str(path), error.reason))
    except FileChangedWhileRead as error:
        faults.append(FileFault(str(path), str(error)))
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        faults.append(FileFault(str(path), f"{reason[:1].lower()}{reason[1:]}"))


def _read_signature(path: Path) -> bytes:
    """Return a signature as it is sent, or raise `_Unusable`."""
    body = _read(path, SIGNATURE.most)
    if not body.lstrip().startswith(_ARMOUR):
        raise _Unusable("it is no signature in armour (gpg --armor --detach-sign)")
    return body


def _read_attestation(path: Path) -> object:
    """Return an attestation (PEP 740), or raise `_Unusable`; what it attests is for the index to verify."""
    try:
        document = parse_json(_read(path, _LARGEST_ATTESTATION))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise _Unusable("it is no JSON object")
    return document


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        body = file.read(limit + 1)
    if len(body) > limit:
        raise _Unusable(f"it has more than {limit:,} bytes")
    return body

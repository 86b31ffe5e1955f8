"""The form of the legacy upload API as a value, and what must agree before its file is published."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.filenames import Distribution
from pypitool.core.model import Digests, FileKind
from pypitool.core.text import printable
from pypitool.core.versions import canonical

_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_MD5_HEX, _DIGEST_HEX, _LONG_HEX = 32, 64, 128


class UploadRefused(PypitoolError):
    """A file that contradicts its name, its form or itself."""

    kind = Kind.INVALID
    filename: str
    reason: str

    def __str__(self) -> str:
        return f"`{printable(self.filename)}` is refused: {self.reason}"


@dataclass(frozen=True, slots=True)
class UploadForm:
    """The fields that say something about the file; its metadata is read from the archive instead."""

    name: str | None = None
    version: str | None = None
    filetype: str | None = None
    pyversion: str | None = None
    metadata_version: str | None = None
    protocol_version: str | None = None
    sha256_digest: str | None = None
    blake2_256_digest: str | None = None
    md5_digest: str | None = None
    comment: str | None = None
    attestations: str | None = None

    @classmethod
    def from_fields(cls, fields: Iterable[tuple[str, str]]) -> UploadForm:
        """Take what is known from the fields of a form; of a repeated one, the first."""
        known: dict[str, str] = {}
        for name, value in fields:
            # Old tools say UNKNOWN where they know nothing.
            if name in cls.__dataclass_fields__ and value.strip() not in ("", "UNKNOWN"):
                known.setdefault(name, value.strip())
        return cls(**known)

    @property
    def wants_long_blake2(self) -> bool:
        """Whether `setup.py upload` of old sent all 512 bits as its 256-bit digest."""
        return self.blake2_256_digest is not None and len(self.blake2_256_digest) == _LONG_HEX


def check_form(form: UploadForm, distribution: Distribution) -> None:
    """Raise `UploadRefused` where the form speaks of another file than its name."""
    fault = _disagreement(form, distribution)
    if fault:
        raise UploadRefused(distribution.filename, fault)


def check_metadata(distribution: Distribution, doubt: str) -> None:
    """Raise `UploadRefused` where an archive's metadata is in doubt: only files copied in may be so old."""
    if doubt:
        raise UploadRefused(distribution.filename, doubt)


def check_digests(form: UploadForm, filename: str, digests: Digests, long_blake2: str | None = None) -> None:
    """Raise `UploadRefused` where a digest of the form is not that of the bytes that arrived.

    `long_blake2` is needed where the form `wants_long_blake2`.
    """
    blake2 = long_blake2 if form.wants_long_blake2 else digests.blake2b
    given = (
        ("sha256_digest", form.sha256_digest, digests.sha256),
        ("blake2_256_digest", form.blake2_256_digest, blake2),
        ("md5_digest", _hex_md5(form.md5_digest), digests.md5),
    )
    for field, claimed, actual in given:
        if claimed is not None:
            _check_digest(filename, field, claimed.lower(), actual or "")


def _check_digest(filename: str, field: str, claimed: str, actual: str) -> None:
    if not _HEX.fullmatch(claimed) or len(claimed) not in (_MD5_HEX, _DIGEST_HEX, _LONG_HEX):
        raise UploadRefused(filename, f"`{field}` is no digest")
    if not hmac.compare_digest(claimed, actual):
        raise UploadRefused(filename, f"its bytes do not have the `{field}` of the form")


def _hex_md5(text: str | None) -> str | None:
    # In hex from every client that was tried, in base64 by the public PyPI's own page.
    if text is None or len(text) == _MD5_HEX:
        return text
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text


def _disagreement(form: UploadForm, distribution: Distribution) -> str:
    if form.protocol_version not in (None, "1"):
        return f"the protocol version `{printable(form.protocol_version or '')}` is not known"
    if form.name is not None and canonicalize_name(form.name) != distribution.project:
        return f"the form names the project `{printable(form.name)}`"
    if form.version is not None and canonical(form.version) != canonical(distribution.version):
        return f"the form names the version `{printable(form.version)}`"
    # Others (`bdist_dumb`, `bdist_wininst`) have had too many extensions to be compared.
    kinds = {FileKind.WHEEL.value, FileKind.SDIST.value}
    if form.filetype in kinds and distribution.kind.value in kinds - {form.filetype}:
        return f"the form says that it is a {form.filetype}"
    return ""

"""A tar file that somebody hands us, a bundle or a backup: plain files, or it is refused while it is read.

`tarfile` alone writes out gigabytes for a sparse member of a kilobyte, and reads a header of any length into
memory.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

from pypitool.core.limits import TAR_HEADER
from pypitool.core.text import printable

_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class OddMember(tarfile.ReadError):
    """Something in it that neither a bundle nor a backup holds."""


def open_plain_tar(path: Path, mode: str = "r:") -> tarfile.TarFile:
    """Open a tar file of plain files; reading on raises `OddMember` at the first that is none."""
    return tarfile.open(path, mode, tarinfo=_PlainMember)  # type: ignore[call-overload,no-any-return]


class _PlainMember(tarfile.TarInfo):
    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _HEADERS:
            if self.size > TAR_HEADER.most:
                raise OddMember("a header in it is far too long")
        elif self.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise OddMember(f"`{printable(self.name)}` in it is no plain file")
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        if member.issparse() or not member.isreg():
            raise OddMember(f"`{printable(member.name)}` in it is no plain file")
        return member

    def _proc_gnusparse_10(self, *arguments: Any) -> None:
        # It would read a map of any length out of the body.
        raise OddMember(f"`{printable(self.name)}` in it is no plain file")

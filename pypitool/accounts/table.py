"""An htpasswd file as a value: one line for each user, `name:hash`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Table:
    """The users of one reading of the file, and the lines that say nothing."""

    hashes: Mapping[str, str] = field(default_factory=dict)
    faulty_lines: tuple[int, ...] = ()


def parse(body: bytes) -> Table:
    """Read an htpasswd file; a user named twice has the first password, as Apache says."""
    hashes: dict[str, str] = {}
    faulty = []
    for number, line in enumerate(body.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        line = line.strip()
        if not line or line.startswith(b"#"):
            continue
        name, colon, rest = line.partition(b":")
        if not colon or not name or b"\0" in line:
            faulty.append(number)
            continue
        hashes.setdefault(decode(name), decode(rest.partition(b":")[0].strip()))
    return Table(hashes, tuple(faulty))


def decode(text: bytes) -> str:
    """Decode a name as Basic credentials are decoded: UTF-8, else Latin-1."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")

"""Upload forms as bytes: what clients send, and what nobody should."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

BOUNDARY = "-----4e39f2a6c1d0"
RECORDED = Path(__file__).resolve().parents[1] / "server" / "recorded"
NOTHING: Mapping[str, str | None] = {}


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request and its type."""

    content_type: str
    data: bytes


def recorded(name: str) -> Body:
    """Read what a real client sent: its Content-Type on the first line, then the body."""
    content_type, _, data = (RECORDED / f"{name}.form").read_bytes().partition(b"\n")
    return Body(content_type.decode(), data)


def recorded_names() -> list[str]:
    """Name the recorded requests."""
    return sorted(path.stem for path in RECORDED.glob("*.form"))


def multipart(
    fields: Iterable[tuple[str, str]], files: Iterable[tuple[str, str, bytes]] = (), *, preamble: bytes = b""
) -> Body:
    """Write a form: its fields, then its files as (field, filename, content)."""
    parts = [
        *(_part(f'form-data; name="{name}"', value.encode()) for name, value in fields),
        *(_part(f'form-data; name="{name}"; filename="{filename}"', data) for name, filename, data in files),
    ]
    data = preamble + b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    return Body(f"multipart/form-data; boundary={BOUNDARY}", data)


def upload_fields(filename: str, content: bytes) -> dict[str, str]:
    """Return the fields that every client sends with a file."""
    name, version = filename.split("-")[:2]
    is_wheel = filename.endswith(".whl")
    return {
        ":action": "file_upload",
        "protocol_version": "1",
        "name": name,
        "version": version.removesuffix(".tar.gz").removesuffix(".zip"),
        "filetype": "bdist_wheel" if is_wheel else "sdist",
        "pyversion": "py3" if is_wheel else "source",
        "metadata_version": "2.1",
        "sha256_digest": hashlib.sha256(content).hexdigest(),
        "blake2_256_digest": hashlib.blake2b(content, digest_size=32).hexdigest(),
    }


def upload_form(
    filename: str,
    content: bytes,
    *,
    signature: tuple[str, bytes] | None = None,
    change: Mapping[str, str | None] = NOTHING,
) -> Body:
    """Write the form of an upload; `change` replaces fields, None leaves one out."""
    fields = {**upload_fields(filename, content), **change}
    files = [("content", filename, content)]
    if signature is not None:
        files.append(("gpg_signature", *signature))
    return multipart([(name, value) for name, value in fields.items() if value is not None], files)


def _part(disposition: str, data: bytes) -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + data + b"\r\n"

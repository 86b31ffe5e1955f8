"""The certificate and its key: refused here with a sentence, because the engine would only panic."""

from __future__ import annotations

import re
import ssl
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s(.*?)-----END \1-----", re.DOTALL)
# What granian's rustls signs with, as DER object identifiers; PKCS#1 is RSA without saying so (2.8, tried).
USABLE = {
    "RSA": bytes.fromhex("06092a864886f70d010101"),
    "P-256": bytes.fromhex("06082a8648ce3d030107"),
    "P-384": bytes.fromhex("06052b81040022"),
    "Ed25519": bytes.fromhex("06032b6570"),
}
NEW_KEY = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {key}"


class TlsUnusable(PypitoolError):
    """A certificate or key that TLS cannot work with."""

    kind = Kind.CONFIG
    sentence = "cannot use `{path}` for TLS: {reason}"
    path: Path
    reason: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate chain and its private key, both PEM, which belong together."""

    chain: Path
    key: Path


def checked(chain: Path, key: Path) -> Certificate:
    """Return a certificate that the engine can serve with, or raise what is wrong with it."""
    if b"-----BEGIN CERTIFICATE-----" not in _read(chain):
        raise TlsUnusable(
            chain,
            "there is no PEM certificate in it",
            f"`openssl x509 -inform DER -in {chain} -out {chain}.pem` converts a certificate in DER",
        )
    _check_key(key, _read(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(chain, key)
    except ssl.SSLError as error:
        raise _mismatch(chain, key, error) from error
    return Certificate(chain, key)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsUnusable(path, (error.strerror or str(error)).lower()) from error


def _check_key(path: Path, text: bytes) -> None:
    plain = f"{path}.plain"
    kinds = dict(_private_keys(text))
    if not kinds:
        raise TlsUnusable(
            path,
            "there is no PEM private key in it",
            f"`openssl pkey -inform DER -in {path} -out {plain}` converts a key in DER",
        )
    kind, body = next(iter(kinds.items()))
    if kind == b"ENCRYPTED PRIVATE KEY" or b"ENCRYPTED" in body:
        raise TlsUnusable(
            path,
            "the key is encrypted, and nobody is there to type its password",
            f"`openssl pkey -in {path} -out {plain}` asks once and writes it plain; then `chmod 600 {plain}`",
        )
    if kind != b"RSA PRIVATE KEY" and not _is_usable(body):
        raise TlsUnusable(
            path,
            f"the key is none of {', '.join(USABLE)}",
            f"`{NEW_KEY.format(key=plain)}` makes a new one",
        )


def _private_keys(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    for found in _BLOCK.finditer(text):
        if found[1].endswith(b"PRIVATE KEY"):
            yield found[1], found[2]


def _is_usable(body: bytes) -> bool:
    try:
        der = b64decode(body)
    except ValueError:
        return False
    return any(identifier in der for identifier in USABLE.values())


def _mismatch(chain: Path, key: Path, error: ssl.SSLError) -> TlsUnusable:
    if error.reason == "KEY_VALUES_MISMATCH":
        return TlsUnusable(key, f"it is not the key of `{chain}`")
    return TlsUnusable(chain, (error.reason or str(error)).replace("_", " ").lower())

"""The server's certificate: until when it counts.

When a certificate ends: the one field of X.509 that is wanted, read without a library.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from pypitool.doctor.configuration import config_invalid
from pypitool.doctor.context import Context
from pypitool.doctor.finding import Finding, error, warning


def look_at_certificate(context: Context) -> Iterator[Finding]:
    """Look at the certificate and whether its key is there."""
    server = context.settings.server
    if server.cert is None:
        return
    try:
        ends = end_of(server.cert.read_text(encoding="ascii", errors="replace"))
    except OSError as error:
        yield config_invalid(str(server.cert), f"the certificate cannot be read: {error.strerror}")
    except NoCertificate as error:
        yield config_invalid(str(server.cert), str(error))
    else:
        yield from of_certificate(str(server.cert), ends, context.now)
    if server.key is not None and not server.key.is_file():
        yield config_invalid(str(server.key), "the key of the certificate is not there")


_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_UTC_TIME, _VERSION = 0x17, 0xA0
ENDS_SOON, ENDS_NOW = timedelta(days=30), timedelta(days=7)


class NoCertificate(ValueError):
    """Bytes that are no certificate."""


def of_certificate(path: str, ends: datetime, now: datetime) -> Iterator[Finding]:
    """Judge how long a certificate still counts."""
    left = ends - now
    do = "renew it, then send the server SIGHUP"
    if left <= timedelta(0):
        what = f"it ended at {ends:%Y-%m-%d %H:%M} UTC"
        yield error("certificate-ended", path, what, "every client refuses the server", do)
    elif left < ENDS_SOON:
        severity = error if left < ENDS_NOW else warning
        what = f"it ends in {left.days} days"
        yield severity("certificate-ends", path, what, "every client refuses the server from then on", do)


def end_of(pem: str) -> datetime:
    """Return when the first certificate of a chain ends."""
    begin, end = pem.find(_BEGIN), pem.find(_END)
    if begin < 0 or end < begin:
        raise NoCertificate("there is no PEM certificate in it")
    try:
        return _not_after(b64decode(pem[begin + len(_BEGIN) : end]))
    except (ValueError, IndexError) as fault:
        raise NoCertificate("its certificate cannot be read") from fault


def _not_after(der: bytes) -> datetime:
    # RFC 5280, 4.1: TBSCertificate begins with version (may be absent), serialNumber, signature, issuer,
    # validity; Validity is notBefore and notAfter.
    _, certificate, _ = _element(der, 0)
    _, fields, _ = _element(certificate, 0)
    kind, _, after = _element(fields, 0)
    if kind == _VERSION:
        _, _, after = _element(fields, after)
    for _ in ("signature", "issuer"):
        _, _, after = _element(fields, after)
    _, validity, _ = _element(fields, after)
    _, _, after = _element(validity, 0)
    kind, text, _ = _element(validity, after)
    return _time(kind, text.decode("ascii"))


def _time(kind: int, text: str) -> datetime:
    if kind == _UTC_TIME:
        # RFC 5280, 4.1.2.5.1: "Where YY is greater than or equal to 50, the year SHALL be … 19YY".
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)


def _element(der: bytes, at: int) -> tuple[int, bytes, int]:
    """Return the tag and the content of the element at a place, and where the next one begins."""
    tag, length, start = der[at], der[at + 1], at + 2
    if length & 0x80:
        width = length & 0x7F
        length, start = int.from_bytes(der[start : start + width], "big"), start + width
    if start + length > len(der):
        raise NoCertificate("its certificate is cut off")
    return tag, der[start : start + length], start + length

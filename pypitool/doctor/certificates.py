"""The server's certificate: until when it counts."""

from __future__ import annotations

from collections.abc import Iterator

from pypitool.core.diagnosis.certificate import NoCertificate, end_of, of_certificate
from pypitool.core.diagnosis.configuration import config_invalid
from pypitool.core.diagnosis.finding import Finding
from pypitool.doctor.patient import Patient


def look(patient: Patient) -> Iterator[Finding]:
    """Look at the certificate and whether its key is there."""
    server = patient.settings.server
    if server.cert is None:
        return
    try:
        ends = end_of(server.cert.read_text(encoding="ascii", errors="replace"))
    except OSError as error:
        yield config_invalid(str(server.cert), f"the certificate cannot be read: {error.strerror}")
    except NoCertificate as error:
        yield config_invalid(str(server.cert), str(error))
    else:
        yield from of_certificate(str(server.cert), ends, patient.now)
    if server.key is not None and not server.key.is_file():
        yield config_invalid(str(server.key), "the key of the certificate is not there")

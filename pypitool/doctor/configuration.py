"""The configuration: its faults, and the certificate that it names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from pypitool.access.rules_record import read_record
from pypitool.config.kinds import UNIX
from pypitool.config.secrets import unreadable
from pypitool.config.server_table import ServerSettings
from pypitool.core.state_files import StateFiles
from pypitool.doctor.context import Context
from pypitool.doctor.finding import Finding, error, warning
from pypitool.doctor.running import DEAD_AFTER
from pypitool.repository.contact import read_heartbeat

ENDS_SOON, ENDS_NOW = timedelta(days=30), timedelta(days=7)


def look_at_configuration(context: Context) -> Iterator[Finding]:
    """Name every fault, and whether the server says that it goes on with what the file said before."""
    for fault in context.faults:
        subject = ": ".join(part for part in (fault.source, fault.path) if part)
        yield _invalid(subject or "the command line", fault.message)
    for fault in unreadable((*context.settings.upstreams, *context.settings.remotes)):
        yield _invalid(fault.path, fault.message)
    heartbeat, record = read_heartbeat(StateFiles(context.state)), read_record(context.state)
    is_served = heartbeat is not None and heartbeat.age(context.now.timestamp()) <= DEAD_AFTER
    if is_served and record is not None and record.fault is not None:
        yield error(
            "rules-stale", "rules", f"the running server keeps the last good rules: {record.fault}",
            "who may what is not what the file says", "correct the file: it is read anew within a second",
        )  # fmt: skip


def look_at_trust(context: Context) -> Iterator[Finding]:
    """Look whether what the proxy says counts, where nobody but a proxy can reach the server."""
    if not context.faults:
        yield from trust_findings(context.settings.server)


def trust_findings(server: ServerSettings) -> Iterator[Finding]:
    """Judge whom a server on a socket believes."""
    if server.unix_socket is not None and UNIX not in server.trusted_proxies:
        do = f'write `trusted-proxies = ["{UNIX}"]`, and let the proxy drop what clients send (deploy/)'
        yield warning(
            "proxy-untrusted", "trusted-proxies", "the server has a socket, and `unix` is not among them",
            "what the proxy says does not count: pages show `http://`, and all clients are one", do,
        )  # fmt: skip


def look_at_certificate(context: Context) -> Iterator[Finding]:
    """Look at the server's certificate, and whether its key is there."""
    server = context.settings.server
    if server.cert is None:
        return
    try:
        ends = _end_of(server.cert.read_bytes())
    except OSError as fault:
        yield _invalid(str(server.cert), f"the certificate cannot be read: {fault.strerror}")
    except ValueError:
        yield _invalid(str(server.cert), "it holds no certificate in PEM that can be read")
    else:
        yield from certificate_findings(str(server.cert), ends, context.now)
    if server.key is not None and not server.key.is_file():
        yield _invalid(str(server.key), "the key of the certificate is not there")


def certificate_findings(path: str, ends: datetime, now: datetime) -> Iterator[Finding]:
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


def _end_of(pem: bytes) -> datetime:
    """Return when the first certificate of a chain ends."""
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem).not_valid_after_utc


def _invalid(subject: str, what: str) -> Finding:
    why = "the server and the commands refuse to start with it"
    do = "correct it; `pypitool config check` names every fault"
    return error("config-invalid", subject, what, why, do)

"""TLS of the client side: whom we trust, and who we are."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from pypitool.upstream.upstream_errors import UnusableCertificates

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def tls_context(
    ca: Path | None, *, verified: bool, client_cert: Path | None, usual_bundle: str
) -> ssl.SSLContext:
    """Return a context that trusts `ca`, else the bundle that a variable names, else the usual one."""
    context = ssl.create_default_context()
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    named = next((os.environ[name] for name in _BUNDLES if os.environ.get(name)), usual_bundle)
    _trust(context, ca or Path(named))
    if client_cert is not None:
        _present(context, client_cert)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _trust(context: ssl.SSLContext, place: Path) -> None:
    try:
        if place.is_dir():
            context.load_verify_locations(capath=str(place))
        else:
            context.load_verify_locations(cafile=str(place))
    except OSError as error:  # ssl.SSLError is one
        raise UnusableCertificates(place, _reason(error)) from error


def _present(context: ssl.SSLContext, certificate: Path) -> None:
    try:
        context.load_cert_chain(certificate)
    except OSError as error:
        raise UnusableCertificates(certificate, _reason(error)) from error


def _reason(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or "it cannot be read"

"""A certificate authority of the test's own, by the openssl command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA, and a certificate for the loopback address that it signed."""

    ca: Path
    chain: Path
    key: Path


def openssl(*arguments: str | Path) -> None:
    """Run the openssl command."""
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_authority(directory: Path, *, name: str = "localhost") -> Authority:
    """Make a CA, and a server certificate for the loopback address and a name, in `directory`."""
    made = Authority(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    ca_key, request, extensions = (directory / name for name in ("ca.key", "server.csr", "server.ext"))
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    openssl("genpkey", *curve, "-out", ca_key)
    openssl(
        "req", "-x509", "-key", ca_key, "-out", made.ca, "-days", "2", "-subj", "/CN=test authority",
        # Python 3.13 is strict about it: RFC 5280, 4.2.1.3.
        "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip
    openssl("genpkey", *curve, "-out", made.key)
    openssl("req", "-new", "-key", made.key, "-out", request, "-subj", "/CN=localhost")
    extensions.write_text(f"subjectAltName=IP:127.0.0.1,DNS:{name}\nauthorityKeyIdentifier=keyid\n")
    openssl(
        "x509", "-req", "-in", request, "-CA", made.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2",
        "-extfile", extensions, "-out", made.chain,
    )  # fmt: skip
    return made

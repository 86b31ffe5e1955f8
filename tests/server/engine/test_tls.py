"""Certificates and keys: taken as they are, or refused with the line that mends them."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from pypitool_server.engine.tls import TlsUnusable, checked
from tests.support.certificates import openssl

PASSWORD = "pass:secret"


@pytest.fixture(scope="module")
def rsa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("rsa")
    openssl("genrsa", "-out", directory / "key.pem", "2048")
    certify(directory / "key.pem", directory / "cert.pem")
    return directory


def certify(key: Path, certificate: Path) -> None:
    openssl("req", "-x509", "-key", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost")


def test_rsa_is_taken_in_both_of_its_formats(rsa: Path, tmp_path: Path) -> None:
    traditional = tmp_path / "pkcs1.pem"
    openssl("rsa", "-in", rsa / "key.pem", "-traditional", "-out", traditional)

    assert traditional.read_text().startswith("-----BEGIN RSA PRIVATE KEY-----")
    for key in (rsa / "key.pem", traditional):
        assert checked(rsa / "cert.pem", key).key == key


def test_an_elliptic_key_with_its_parameters_before_it_is_taken(tmp_path: Path) -> None:
    key, certificate = tmp_path / "sec1.pem", tmp_path / "cert.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", key)
    certify(key, certificate)

    assert "-----BEGIN EC PARAMETERS-----" in key.read_text()
    assert checked(certificate, key).chain == certificate


def test_certificate_and_key_may_share_a_file(rsa: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text((rsa / "key.pem").read_text() + (rsa / "cert.pem").read_text())

    assert checked(both, both).key == both


@pytest.mark.parametrize(
    "format_",
    [("pkcs8", "-topk8"), ("rsa", "-traditional", "-aes128")],
    ids=["pkcs8", "traditional"],
)
def test_an_encrypted_key_is_refused_with_the_line_that_decrypts_it(
    format_: tuple[str, ...], rsa: Path, tmp_path: Path
) -> None:
    key = tmp_path / "encrypted.pem"
    openssl(*format_, "-in", rsa / "key.pem", "-out", key, "-passout", PASSWORD)

    with pytest.raises(TlsUnusable, match="the key is encrypted") as refused:
        checked(rsa / "cert.pem", key)

    plain = converted(refused.value, "-passin", PASSWORD)
    assert checked(rsa / "cert.pem", plain).key == plain


def test_a_key_in_der_is_refused_with_the_line_that_converts_it(rsa: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.der"
    openssl("rsa", "-in", rsa / "key.pem", "-outform", "DER", "-out", key)

    with pytest.raises(TlsUnusable, match="no PEM private key") as refused:
        checked(rsa / "cert.pem", key)

    assert checked(rsa / "cert.pem", converted(refused.value))


def test_a_certificate_in_der_is_refused_with_the_line_that_converts_it(rsa: Path, tmp_path: Path) -> None:
    certificate = tmp_path / "cert.der"
    openssl("x509", "-in", rsa / "cert.pem", "-outform", "DER", "-out", certificate)

    with pytest.raises(TlsUnusable, match="no PEM certificate") as refused:
        checked(certificate, rsa / "key.pem")

    converted(refused.value)
    assert checked(tmp_path / "cert.der.pem", rsa / "key.pem")


@pytest.mark.parametrize("curve", ["secp521r1", "secp256k1"])
def test_a_key_that_the_engine_cannot_sign_with_is_refused(curve: str, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    openssl("ecparam", "-name", curve, "-genkey", "-noout", "-out", key)
    certify(key, certificate)

    with pytest.raises(TlsUnusable, match="the key is none of RSA, P-256, P-384, Ed25519"):
        checked(certificate, key)


def test_a_key_of_another_certificate_is_refused(rsa: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    openssl("genrsa", "-out", other, "2048")

    with pytest.raises(TlsUnusable, match="it is not the key of"):
        checked(rsa / "cert.pem", other)


def test_a_file_that_is_not_there_is_named(rsa: Path, tmp_path: Path) -> None:
    with pytest.raises(TlsUnusable) as refused:
        checked(rsa / "cert.pem", tmp_path / "missing.pem")

    assert str(refused.value) == f"cannot use `{tmp_path}/missing.pem` for TLS: no such file or directory"


def converted(refused: TlsUnusable, *more: str) -> Path:
    """Run the command of a hint, and return the file that it wrote."""
    assert refused.hint is not None
    command = shlex.split(refused.hint.split("`")[1])
    subprocess.run([*command, *more], check=True, capture_output=True)
    return Path(command[command.index("-out") + 1])

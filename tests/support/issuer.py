"""A small issuer of OpenID Connect on the loopback interface, over TLS: what a CI's provider is."""

from __future__ import annotations

import base64
import functools
import json
import ssl
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.support.certificates import Authority
from tests.support.server_thread import ServerThread

CONFIGURATION = "/.well-known/openid-configuration"
KEYS = "/keys"
TOKEN = "/token"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Answer = tuple[int, dict[str, str], bytes]


class Issuer(ServerThread[ThreadingHTTPServer]):
    """Signs what it is told to; while entered it answers who asks for its keys.

    with Issuer(authority) as issuer:
        issuer.sign(aud="here", repository="acme/core")
    """

    def __init__(self, authority: Authority, *, path: str = "") -> None:
        self.ca = authority.ca
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.chain, authority.key)
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), self._handler()))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}{path}"
        self._path = path.rstrip("/")
        self.keys: dict[str, PrivateKey] = {"first": _first_key()}
        self.said: dict[str, Any] = {}  # what its tokens say when a CI asks for one
        self.requests: list[str] = []
        self.instead: dict[str, Callable[[], Answer]] = {}  # other answers, by their path

    def sign(
        self, *, kid: str = "first", key: PrivateKey | None = None, header: dict[str, Any] | None = None,
        alg: str | None = None, without: tuple[str, ...] = (), **said: Any,
    ) -> str:  # fmt: skip
        """Return a token as a provider makes it, but for what is said otherwise."""
        now = int(time.time())
        claims = {"iss": self.url, "iat": now, "nbf": now, "exp": now + 300, "jti": str(uuid.uuid4()), **said}
        signing = key or self.keys[kid]
        algorithm = alg or ("RS256" if isinstance(signing, rsa.RSAPrivateKey) else "ES256")
        kept = {name: value for name, value in claims.items() if name not in without}
        # Not `jwt.encode`: it has an opinion on what is said, and a bad issuer has another one.
        return jwt.PyJWS().encode(
            json.dumps(kept).encode(), signing, algorithm, {"kid": kid, **(header or {})}
        )

    def job(self) -> dict[str, str]:
        """Return what GitHub sets in a job that may ask for tokens; what they say is `said`."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}{TOKEN}?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
            "SSL_CERT_FILE": str(self.ca),
        }

    def jwk(self, kid: str) -> dict[str, Any]:
        """Return a key as the set has it."""
        return {"kid": kid, "use": "sig", **_public(self.keys[kid])}

    def answer(self, path: str, query: str) -> Answer:
        """Return what is answered to a request."""
        self.requests.append(path)
        if path in self.instead:
            return self.instead[path]()
        if path == f"{self._path}{CONFIGURATION}":
            return as_json({"issuer": self.url, "jwks_uri": self.url.rstrip("/") + KEYS})
        if path == f"{self._path}{KEYS}":
            return as_json({"keys": [self.jwk(kid) for kid in self.keys]})
        if path == f"{self._path}{TOKEN}":
            return as_json({"value": self.sign(aud=parse_qs(query)["audience"][0], **self.said)})
        return 404, {}, b""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                status, headers, body = issuer.answer(parts.path, parts.query)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


@functools.cache
def _first_key() -> rsa.RSAPrivateKey:
    return rsa_key()


def rsa_key(size: int = 2048) -> rsa.RSAPrivateKey:
    """Make a key that RS256 takes."""
    return rsa.generate_private_key(public_exponent=65537, key_size=size)


def ec_key() -> ec.EllipticCurvePrivateKey:
    """Make a key that ES256 takes."""
    return ec.generate_private_key(ec.SECP256R1())


def as_json(document: Any, status: int = 200) -> Answer:
    """Write an answer with a JSON document."""
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


def _public(key: PrivateKey) -> dict[str, str]:
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "alg": "RS256", "n": _number(numbers.n), "e": _number(numbers.e)}
    point = key.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}


def _number(value: int, size: int | None = None) -> str:
    raw = value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

"""Tokens of OpenID Connect: signed by an issuer that we trust, meant for us, and young."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jwt

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.rights.publishers import Publisher

LARGEST_TOKEN = 16 * 1024
LEEWAY = 60.0  # seconds that two clocks may differ
LONGEST_LIFE = 3600.0
_LATEST = 2.0**40  # a number of seconds that no clock shows; larger ones are no moments
_SMALLEST_RSA = 2048
_UNNAMED = ""  # an issuer with a single key may do without names
# By the type of the key, never by what the token says of itself (RFC 8725, 2.1 and 3.1).
_ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
_WORDS = (
    (jwt.ExpiredSignatureError, "it has expired"),
    (jwt.ImmatureSignatureError, "it is from the future"),
    (jwt.InvalidSignatureError, "its signature is wrong"),
    (jwt.InvalidAlgorithmError, "it is not signed as its key is for"),
)


class TokenRejected(PypitoolError):
    """A token that proves nothing to us."""

    kind = Kind.INVALID
    sentence = "the token is not accepted: {reason}"
    reason: str


class Keys(Protocol):
    """Where the keys of issuers are known."""

    def find(self, issuer: str, ca: Any, kid: str) -> jwt.PyJWK | None:
        """Return a key of an issuer, None when it has none of this name."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What an issuer says, and by what the saying is known again."""

    claims: Mapping[str, Any]
    identity: str  # the same again is a token that is used twice
    ends: float  # seconds since 1970


def prove(token: str, audience: str, publishers: Iterable[Publisher], keys: Keys) -> Proven:
    """Return what a token proves, or raise `TokenRejected`."""
    header, claims = _read(token)
    issuer = _trusted_issuer(claims, audience, publishers)
    key = keys.find(issuer.issuer, issuer.ca, str(header.get("kid", _UNNAMED)))
    if key is None:
        raise TokenRejected("it is signed with a key that its issuer does not have")
    verified = _verified(token, key, audience, issuer.issuer)
    return Proven(verified, _identity(token, verified), float(verified["exp"]) + LEEWAY)


def read_keys(documents: list[Any]) -> dict[str, jwt.PyJWK]:
    """Return the keys of a JWK set that may sign tokens, by their names; the others are passed over."""
    found = {}
    for document in documents:
        key = _key_of(document)
        if key is not None:
            found[str(document.get("kid", _UNNAMED))] = key
    return found


def _read(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return what a token says of itself, which proves nothing yet."""
    if len(token) > LARGEST_TOKEN:
        raise TokenRejected(f"it is longer than {LARGEST_TOKEN} bytes")
    if not token.isascii() or token.count(".") != 2:
        raise TokenRejected("it is no JSON Web Token")
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenRejected("it is no JSON Web Token") from error
    if header.get("alg") not in _ALGORITHMS.values():
        raise TokenRejected("it is not signed with RS256 or ES256")
    return header, claims


def _trusted_issuer(claims: Mapping[str, Any], audience: str, publishers: Iterable[Publisher]) -> Publisher:
    """Return a publisher of the issuer; whoever else asks does not make us ask anybody."""
    meant = claims.get("aud")
    if audience not in (meant if isinstance(meant, list) else [meant]):
        raise TokenRejected("it is not meant for this server: its `aud` is another one")
    known = next((one for one in publishers if one.issuer == claims.get("iss")), None)
    if known is None:
        raise TokenRejected("its issuer is not known here")
    return known


def _verified(token: str, key: jwt.PyJWK, audience: str, issuer: str) -> dict[str, Any]:
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=audience,
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": ["iss", "aud", "exp", "iat"]},
        )
    except (jwt.PyJWTError, ValueError, RecursionError, OverflowError, TypeError) as error:
        raise TokenRejected(_words(error)) from error
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LATEST:
            raise TokenRejected(f"its `{name}` is no moment")
    if claims["exp"] - claims["iat"] > LONGEST_LIFE:
        raise TokenRejected("it is good for longer than an hour")
    return claims


def _words(error: Exception) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"it has no `{error.claim}`"
    return next(
        (words for kind, words in _WORDS if isinstance(error, kind)), "what it says is not well formed"
    )


def _identity(token: str, claims: Mapping[str, Any]) -> str:
    # Without a `jti` what is signed stands for it. Not the signature: of (r, s) there are two that are right.
    said = claims.get("jti") or hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()
    return f"{claims['iss']}\0{said}"


def _key_of(document: Any) -> jwt.PyJWK | None:
    # A set that tells a private key is not one to trust.
    if not isinstance(document, dict) or "d" in document:
        return None
    algorithm = _ALGORITHMS.get(str(document.get("kty")))
    # RFC 7517, 4.2 and 4.4: a key may say what it is for, and with which algorithm alone.
    said = document.get("use", "sig"), document.get("alg", algorithm)
    if algorithm is None or said != ("sig", algorithm):
        return None
    try:
        key = jwt.PyJWK(document, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    return key if _is_strong(key) else None


def _is_strong(key: jwt.PyJWK) -> bool:
    if key.key_type == "RSA":
        return bool(key.key.key_size >= _SMALLEST_RSA)
    return bool(key.key.curve.name == "secp256r1")

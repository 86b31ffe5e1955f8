"""Trusted publishing: a CI shows what its provider says of it, and is given a token for minutes."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from pypitool.core.errors import Kind, PypitoolError, http_status
from pypitool.core.rights.publishers import Publisher, claims_seen, publisher_of
from pypitool.core.text import parse_timestamp
from pypitool.repository.tokens import MadeToken, ProofUsed, mint
from pypitool_server.access.auth import TooManyFailures
from pypitool_server.replay.front import USER
from pypitool_server.services import Services, services
from pypitool_server.views import answers
from pypitool_server.views.request_body import BodyCut, BodyTooLarge, small_body
from pypitool_server.views.upload import ReadOnly

# Larger than any token: one that is too long is to be told so.
LARGEST_BODY = 64 * 1024
RETRY_AFTER = 5
REFUSED = 422


class BadPayload(PypitoolError):
    """A body that holds no token."""

    kind = Kind.INVALID
    sentence = 'the body has to be a JSON object such as {{"token": "..."}}'


class NoPublisher(PypitoolError):
    """Somebody whom an issuer knows, and we do not."""

    kind = Kind.FORBIDDEN
    sentence = "no [[publisher]] of this server matches: {seen}"
    seen: str


def blueprint() -> Blueprint:
    """Return the two addresses; they lie at the root of the host, wherever the server is mounted."""
    publishing = Blueprint("trusted_publishing", __name__)
    minting = Minting()
    publishing.add_url_rule("/_/oidc/audience", "audience", audience, methods=["GET"])
    publishing.add_url_rule("/_/oidc/mint-token", "mint", minting.answer, methods=["POST"])
    return publishing


def audience() -> Response:
    """Say whom a token has to be meant for."""
    wanted, _ = _publishing(services())
    return answers.document({"audience": wanted})


class Minting:
    """Turns proofs into tokens; knows the keys of the issuers."""

    def __init__(self) -> None:
        self._keys: Any = None

    def answer(self) -> Response:
        """Answer a request for a token."""
        here = services()
        wanted, publishers = _publishing(here)
        try:
            made = self._minted(here, wanted, publishers)
        except PypitoolError as error:
            return _refused(error)
        request.environ[USER] = made.token.who
        assert made.token.expires is not None
        return answers.document(
            {"success": True, "token": made.secret, "expires": int(parse_timestamp(made.token.expires))}
        )

    def _minted(self, here: Services, wanted: str, publishers: tuple[Publisher, ...]) -> MadeToken:
        if here.settings.server.read_only:
            raise ReadOnly
        said = _body(here)
        # Who tries the same again and again is slowed as a wrong password would be, others of that address
        # only when they are many.
        asker = here.access.client(request.environ), hashlib.sha256(said).hexdigest()
        failures = here.repository.activity
        seconds = failures.delay(*asker)
        if seconds > 0:
            raise TooManyFailures(seconds)
        try:
            return self._proven(here, wanted, publishers, _token_in(said))
        except PypitoolError as error:
            if http_status(error) < 500:
                failures.note_failure(*asker)
            raise

    def _proven(
        self, here: Services, wanted: str, publishers: tuple[Publisher, ...], token: str
    ) -> MadeToken:
        # Imported here: a server without publishers does not pay for the cryptography.
        from pypitool.access.issuers import IssuerKeys
        from pypitool.access.oidc import prove, read_keys

        if self._keys is None:
            self._keys = IssuerKeys(read_keys)
        address = here.access.client(request.environ)
        with here.threads.upstreams.take(address):  # the issuer may have to be asked for its keys
            proven = prove(token, wanted, publishers, self._keys)
        publisher = publisher_of(publishers, proven.claims)
        if publisher is None:
            raise NoPublisher(claims_seen(publishers, proven.claims))
        return mint(here.repository, publisher, proven, address)


def _publishing(here: Services) -> tuple[str, tuple[Publisher, ...]]:
    wanted, publishers = here.settings.auth.oidc_audience, here.access.rules.publishers
    if wanted is None or not publishers:
        raise NotFound
    return wanted, publishers


def _body(here: Services) -> bytes:
    """Return the body, or nothing: one that is too long or cut holds no token."""
    try:
        return small_body(here, LARGEST_BODY)
    except (BodyTooLarge, BodyCut):
        return b""


def _token_in(body: bytes) -> str:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadPayload from error
    token = said.get("token") if isinstance(said, dict) else None
    if not isinstance(token, str) or not token:
        raise BadPayload
    return token


def _refused(error: PypitoolError) -> Response:
    from pypitool.access.oidc import TokenRejected

    codes: Mapping[type[PypitoolError], str] = {
        BadPayload: "invalid-payload",
        TokenRejected: "invalid-token",
        NoPublisher: "invalid-publisher",
        ProofUsed: "invalid-reuse-token",
    }
    code = codes.get(type(error))
    status = http_status(error) if code is None else REFUSED
    fault = {"code": code or "unavailable", "description": _description(error)}
    answer = answers.document({"message": "token request failed", "errors": [fault]}, status)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER)
    answer.headers.update(getattr(error, "headers", {}))
    return answer


def _description(error: PypitoolError) -> str:
    from pypitool.access.issuers import IssuerUnavailable

    if http_status(error) < 500 or isinstance(error, (IssuerUnavailable, ReadOnly)):
        return str(error)
    # These sentences are for the server's own console: they name its files.
    logging.getLogger(__name__).warning("no token was minted: %s", error)
    return "the server cannot do this at this moment"

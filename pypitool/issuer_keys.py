"""The keys of issuers: kept for an hour, asked for again when they change, good for a day without one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Generic, TypeVar

from pypitool.issuer_fetch import IssuerUnavailable, fetch_keys

KEPT_SECONDS = 3600.0
# Who signs with a key of its own makes us ask, so it is not asked at each such request.
ASKED_AGAIN_SECONDS = 60.0
OLD_SECONDS = 24 * 3600.0
# Where there is nothing to go on with, who waits is told to come back soon.
TRIED_AGAIN_SECONDS = 1.0

_log = logging.getLogger(__name__)

K = TypeVar("K")
Fetch = Callable[[str, PurePath | None], list[Any]]


class IssuerKeys(Generic[K]):
    """The keys of any number of issuers, by the `kid` that tokens name."""

    def __init__(
        self,
        read: Callable[[list[Any]], Mapping[str, K]],
        *,
        fetch: Fetch = fetch_keys,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`read` makes keys of what a JWK set holds."""
        self._read = read
        self._fetch = fetch
        self._clock = clock
        self._rings: dict[tuple[str, PurePath | None], _Ring[K]] = {}

    def find(self, issuer: str, ca: PurePath | None, kid: str) -> K | None:
        """Return a key of an issuer, None when it has none of this name; asks it when that may help."""
        ring = self._rings.get((issuer, ca))
        if ring is None:
            made = _Ring(issuer, lambda: self._read(self._fetch(issuer, ca)), self._clock)
            ring = self._rings.setdefault((issuer, ca), made)
        return ring.find(kid)


class _Ring(Generic[K]):
    """The keys of one issuer; one thread asks for them, the others wait for what it hears."""

    def __init__(self, issuer: str, fetch: Callable[[], Mapping[str, K]], clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, K] = {}
        self._heard: float | None = None
        self._tried: float | None = None
        self._failure: IssuerUnavailable | None = None

    def find(self, kid: str) -> K | None:
        # Without the lock first: who holds it may be waiting for the issuer.
        if self._is_younger(KEPT_SECONDS) and kid in self._keys:
            return self._keys[kid]
        with self._lock:
            if self._is_due(kid):
                self._ask()
            return self._found(kid)

    def _found(self, kid: str) -> K | None:
        failure = self._failure
        if failure is None:
            return self._keys.get(kid)
        if self._is_younger(OLD_SECONDS) and kid in self._keys:
            return self._keys[kid]
        # A key that came while the issuer was away, perhaps: nobody can tell.
        raise IssuerUnavailable(failure.issuer, failure.reason) from failure

    def _is_due(self, kid: str) -> bool:
        if self._tried is None:
            return True
        since = self._clock() - self._tried
        if not self._is_younger(OLD_SECONDS):
            return since >= TRIED_AGAIN_SECONDS
        if self._failure is None and self._is_younger(KEPT_SECONDS) and kid in self._keys:
            return False  # another thread has asked while this one waited
        return since >= ASKED_AGAIN_SECONDS

    def _ask(self) -> None:
        try:
            self._keys = self._fetch()
            self._heard = self._clock()
            self._failure = None
        except IssuerUnavailable as error:
            _log.warning("%s", error)
            self._failure = error
        # After the asking: it may have taken longer than what is waited in between.
        self._tried = self._clock()

    def _is_younger(self, seconds: float) -> bool:
        return self._heard is not None and self._clock() - self._heard < seconds

"""Files of requirements at https addresses: fetched once in a run, and kept for those that ask nobody."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.limits import INPUT_BYTES, INPUT_FILES
from pypitool.host import folder_of_files, open_to_read, write_into
from pypitool.upstream.upstream_errors import UpstreamError, redacted

if TYPE_CHECKING:
    from pypitool.upstream.answer_bodies import WholeAnswer
    from pypitool.upstream.upstream import Upstream

_PORTS = {"https": 443, "http": 80}


class InputNotFetched(PypitoolError):
    """What stands at an address cannot be used as requirements."""

    kind = Kind.INVALID
    sentence = "{address}: {reason}"
    address: str
    reason: str


class NoInputCopy(PypitoolError):
    """Nobody may be asked, and no earlier run has kept what stands at an address."""

    kind = Kind.INVALID
    sentence = "no copy of {address} is here: run sync once"
    address: str


@dataclass(slots=True)
class WebInputs:
    """Reads what stands at addresses, each once; where `copies` is given, from there and nowhere else."""

    upstreams: Callable[[], Sequence[Upstream]]  # configured, or named by flags
    elsewhere: Callable[[str], Upstream]  # as flags say: authorities, and a proxy
    copies: Path | None = None  # the directory of an earlier run's
    without_copy: bytes | None = None  # what stands for a copy that is not there; None: that is a fault
    stop: Event | None = None
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext  # around each fetch
    bodies: dict[str, bytes] = field(default_factory=dict)

    def read(self, address: str, including: str | None = None) -> bytes:
        """Return the bytes at an address; `including` is that of the file which names it, if it has one."""
        if address not in self.bodies:
            _check_address(address)
            if len(self.bodies) >= INPUT_FILES.most:
                raise InputNotFetched(redacted(address), f"more than {INPUT_FILES.most} addresses are asked")
            self.bodies[address] = self._copy(address) if self.copies else self._fetched(address, including)
        return self.bodies[address]

    def keep(self, copies: Path, *, all_of_them: bool) -> None:
        """Keep a copy of each for `--locked`; with `all_of_them` what is kept of others goes."""
        kept = {copy_name(address): body for address, body in self.bodies.items()}
        if not (kept or copies.exists()):
            return
        with folder_of_files(copies) as folder:
            for name in set(os.listdir(folder)) - kept.keys() if all_of_them else ():
                os.unlink(name, dir_fd=folder)
            for name, body in kept.items():
                write_into(folder, name, body)

    def _copy(self, address: str) -> bytes:
        assert self.copies is not None
        try:
            with open_to_read(self.copies / copy_name(address)) as file:
                return file.read(INPUT_BYTES.most)
        except OSError as error:
            if self.without_copy is not None:
                return self.without_copy
            raise NoInputCopy(redacted(address)) from error

    def _fetched(self, address: str, including: str | None) -> bytes:
        from pypitool.upstream.session import UpstreamSession

        session = UpstreamSession(self._upstream_for(address, including), self.stop)
        try:
            with self.waiting():
                answer = session.read(address, {"Accept": "text/plain, */*;q=0.1"}, INPUT_BYTES.most)
            if answer.status_code != 200:
                raise InputNotFetched(redacted(address), f"it answers {answer.status_code}")
            return _requirements(address, answer)
        except UpstreamError as error:
            raise InputNotFetched(error.url, error.reason) from error
        finally:
            session.close()

    def _upstream_for(self, address: str, including: str | None) -> Upstream:
        place = _host_and_port(address)
        for upstream in self.upstreams():
            if _host_and_port(upstream.index) == place:
                return upstream
        # A fetched file leads no further than a redirect from there might.
        return replace(self.elsewhere(address), index=including or address, anonymous=True)


def copy_name(address: str) -> str:
    """Return what the copy of an address is called."""
    return hashlib.sha256(address.encode()).hexdigest()


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
    except ValueError:
        raise InputNotFetched(redacted(address), "it is no address") from None
    if parts.scheme == "http":
        why = "over plain http anybody on the way could change it; give an https address"
        raise InputNotFetched(redacted(address), why)
    if parts.scheme != "https":
        raise InputNotFetched(redacted(address), "only https addresses are fetched")
    if parts.username is not None:
        why = "no user or password is taken from an address; [upstream.NAME] has `auth` for its host"
        raise InputNotFetched(redacted(address), why)


def _host_and_port(address: str) -> tuple[str | None, int | None]:
    try:
        parts = urlsplit(address)
        return parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None, None


def _requirements(address: str, answer: WholeAnswer) -> bytes:
    # A line of complaint for each line of a page would say less.
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")
    if is_page and answer.body.lstrip()[:1] == b"<":
        raise InputNotFetched(redacted(address), "it answers a page of HTML; a portal or a login page?")
    return answer.body

"""A server elsewhere: which one is meant and as whom, and the actions that it carries out.

Its errors are of the same kinds as those on the machine itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from ipaddress import ip_address
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec
from urllib.parse import quote, urlencode, urlsplit

from pypitool.config.upstream_tables import RemoteSettings
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.index.http import OUTCOME
from pypitool.core.names import normalize
from pypitool.core.text import did_you_mean
from pypitool.core.upload.addresses import server_of
from pypitool.core.upload.credential_choice import Credentials
from pypitool.manage.action import API, API_VERSION, Action, Reply
from pypitool.manage.actions import ACTIONS
from pypitool.manage.projects import Projects
from pypitool.repository.owners import owner_named
from pypitool.repository.releases import NotHeld
from pypitool.upload.credentials import Ask, CredentialSources, Login
from pypitool.upload.destination import checked_address
from pypitool.upstream.answer_bodies import read_bounded
from pypitool.upstream.session import Response, UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import redacted

# What an address cannot hold as a part of it: it would mean another one.
_NO_PART = ("", ".", "..")
_PARAMETER = re.compile(r"<(?:([a-z]+):)?([a-z]+)>")
# Lists come whole: a million projects are less.
_LARGEST_ANSWER = 512 * 1024**2

P = ParamSpec("P")
Connect = Callable[[Credentials | None], UpstreamSession]
AskAgain = Callable[[], Credentials | None]


class NotOurs(PypitoolError):
    """Something answers that is no pypitool."""

    kind = Kind.UNAVAILABLE
    sentence = "no pypitool at {url}"
    hint = "{what}; the address is the one that `/simple/` lies below"
    url: str
    what: str

    def __post_init__(self) -> None:
        self.url = redacted(self.url)
        super().__post_init__()


class TooOld(PypitoolError):
    """A pypitool that does not understand what we would ask."""

    kind = Kind.UNAVAILABLE
    sentence = f"pypitool {{version}} at {{url}} speaks version {{api}} of the API, not {API_VERSION}"
    hint = "upgrade pypitool there"
    url: str
    version: str
    api: int

    def __post_init__(self) -> None:
        self.url = redacted(self.url)
        super().__post_init__()


class Answered(PypitoolError):
    """A failure that a server tells of, in its words."""

    sentence = "{message}"
    message: str
    hint: str | None


# The kind decides the exit code, and belongs to the class.
_ANSWERED: Mapping[str, type[Answered]] = {
    kind.value: type(f"Answered{kind.name.title().replace('_', '')}", (Answered,), {"kind": kind})
    for kind in Kind
}


class Remote:
    """A pypitool elsewhere."""

    def __init__(
        self,
        url: str,
        connect: Connect,
        credentials: Credentials | None = None,
        *,
        ask: AskAgain | None = None,
    ) -> None:
        """Speak to the server at `url`; `ask` a person who they are when it wants to know."""
        self._url = url
        self._connect = connect
        self._ask = ask
        self._credentials = credentials
        self._session = connect(credentials)
        self._greeted = False

    def __enter__(self) -> Remote:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def run(self, function: Callable[Concatenate[Any, P], Reply], *given: P.args, **named: P.kwargs) -> Reply:
        """Have the server carry out an action, which is named by the method that does it."""
        action = next(each for each in chain(*ACTIONS.values()) if each.run is function)
        said = signature(function).bind(self, *given, **named).arguments
        address = self._address(action, said)
        # What is absent is absent.
        known = {each.name: said[each.parameter] for each in action.fields if each.parameter in said}
        fields = {name: value for name, value in known.items() if value is not None}
        if action.method == "GET":
            query = urlencode({name: value for name, value in fields.items() if value})
            return self._send("GET", f"{address}?{query}" if query else address, None)
        return self._send(action.method, address, fields if action.fields else None)

    def _address(self, action: Action, said: Mapping[str, Any]) -> str:
        if "<name>" in action.address:
            normalize(said["name"])  # what is no name is refused as the server would; its spelling stays

        def part(found: re.Match[str]) -> str:
            converter, parameter = found.groups()
            word = str(said[parameter])
            if not converter and (word in _NO_PART or "/" in word):
                # No release has such a version, and the address would be another one.
                raise NotHeld(self.run(Projects.project, said["name"]).document["project"], word)
            return quote(word, safe="")

        return self._url + API + _PARAMETER.sub(part, action.address)

    def _send(self, method: str, url: str, body: Mapping[str, Any] | None) -> Reply:
        """Send one request and return what it came to; raise the error that the answer tells of."""
        if not self._greeted:
            self._greet()
        try:
            return self._sent(method, url, body)
        except _ANSWERED[Kind.UNAUTHORIZED.value]:
            if self._credentials is not None or self._ask is None:
                raise
            self._credentials = self._ask()
            if self._credentials is None:
                raise
        self._session.close()
        self._session = self._connect(self._credentials)
        return self._sent(method, url, body)

    def _greet(self) -> None:
        """Find out whether a pypitool is there, before anything is asked of it."""
        document = self._sent("GET", self._url + API, None).document
        api = document.get("api") if isinstance(document, dict) else None
        if not isinstance(api, int):
            raise NotOurs(self._url, "it answers with another document")
        if api < API_VERSION:
            raise TooOld(self._url, str(document.get("version")), api)
        self._greeted = True

    def _sent(self, method: str, url: str, body: Mapping[str, Any] | None) -> Reply:
        headers = {"Accept": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        with self._session.send(method, url, content, headers) as response:
            return Reply(self._document(response), response.headers.get(OUTCOME))

    def _document(self, response: Response) -> Any:
        status = response.status_code
        if response.is_redirect:
            raise NotOurs(self._url, f"it redirects to {redacted(response.headers['Location'])}")
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise NotOurs(self._url, f"it answers {status} with {kind or 'nothing that has a type'}")
        try:
            document = json.loads(read_bounded(response, _LARGEST_ANSWER))
        except (ValueError, RecursionError) as error:
            raise NotOurs(self._url, f"it answers {status} with something that is not JSON") from error
        if status in (200, 201):
            return document
        raise self._failure(status, document)

    def _failure(self, status: int, document: Any) -> PypitoolError:
        said = document.get("error") if isinstance(document, dict) else None
        if not isinstance(said, dict) or said.get("kind") not in _ANSWERED:
            return NotOurs(self._url, f"it answers {status} with another document")
        hint = said.get("hint")
        kind = Kind.USAGE.value if said.get("words") is True else said["kind"]
        return _ANSWERED[kind](str(said.get("message")), None if hint is None else str(hint))


def change_owners(remote: Remote, name: str, add: Sequence[str], remove: Sequence[str]) -> Reply:
    """Let some own a project there besides, and others no longer."""
    more, fewer = [*map(owner_named, add)], [*map(owner_named, remove)]
    before: list[str] = []
    try:
        before = remote.run(Projects.owners, name).document["owners"]
    except Answered as error:
        # A name may have an owner before it has a file.
        if error.kind is not Kind.NOT_FOUND or not more:
            raise
    return remote.run(Projects.set_owners, name, [who for who in (*before, *more) if who not in fewer])


class UnknownRemote(PypitoolError):
    """A remote that is not configured."""

    kind = Kind.USAGE
    name: str
    known: Sequence[str]

    def __post_init__(self) -> None:
        self.hint = f"there is {', '.join(self.known)}" if self.known else "no remote is configured"
        super().__post_init__()

    def __str__(self) -> str:
        return f"there is no [remote.{self.name}]" + did_you_mean(self.name, self.known)


@dataclass(frozen=True, slots=True)
class ChosenRemote:
    """A server elsewhere, and where credentials for it are looked for."""

    url: str  # with a slash at its end, without credentials
    sources: CredentialSources
    remote: RemoteSettings | None
    ca: Path | None

    def credentials(self, ask: Ask | None = None) -> Credentials | None:
        """Return as whom one speaks to it; None: as nobody in particular."""
        return self.sources.credentials(ask)

    @property
    def is_exposed(self) -> bool:
        """Whether others may listen to what is sent there."""
        parts = urlsplit(self.url)
        return parts.scheme != "https" and not _is_loopback(parts.hostname or "")

    def connect(self, credentials: Credentials | None) -> UpstreamSession:
        """Return a session with it, in which nothing is tried twice."""
        proxy = None if self.remote is None else self.remote.proxy
        return UpstreamSession(
            Upstream("remote", self.url, retries=0, credentials=credentials, ca=self.ca, proxy=proxy)
        )


def choose_remote(
    url: str | None,
    name: str | None,
    remotes: Sequence[RemoteSettings],
    environ: Mapping[str, str],
    *,
    user: str | None = None,
    password: str | None = None,
    ca: Path | None = None,
) -> ChosenRemote:
    """Find out which server is meant: the one at an address, or the remote of a name."""
    remote = None
    if url is None:
        remote = next((one for one in remotes if one.name == name), None)
        if remote is None:
            raise UnknownRemote(name or "", [one.name for one in remotes])
        url = remote.url
    else:
        url = checked_address("--url", url)
    variable = environ.get("PYPITOOL_CA")
    authorities = ca or (Path(variable) if variable else None) or (remote.ca if remote else None)
    sources = CredentialSources(url, environ, Login(user, password), remote)
    return ChosenRemote(server_of(url), sources, remote, authorities)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

"""An application over real files in a temporary directory, asked without a socket."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pypitool.config.mirror_tables import PolicySettings
from pypitool.config.rights_tables import AuthSettings
from pypitool.config.server_table import ServerSettings
from pypitool.config.settings import Settings
from pypitool.repository.repository import Repository
from pypitool_server.app import create_app
from pypitool_server.http.wsgi_types import Environ
from tests.support.accounts import write_htpasswd
from tests.support.repositories import scan

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
FALLBACK = "https://index.example/simple/"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the access log would say of one request."""

    status: int
    size: int
    user: str | None
    replayed: bool


@dataclass
class Site:
    """One application, its repository, and what was observed of its requests."""

    repository: Repository
    app: Flask
    seen: list[Seen] = field(default_factory=list)

    @property
    def client(self) -> FlaskClient:
        """A client without memory."""
        return self.app.test_client(use_cookies=False)

    @property
    def packages(self) -> Path:
        """The first package directory."""
        return self.repository.roots[0]

    def get(self, path: str, **headers: str) -> TestResponse:
        """Get an address; `If_None_Match="x"` is a header."""
        return self.ask("GET", path, **headers)

    def ask(self, method: str, path: str, **headers: str) -> TestResponse:
        """Ask in any way."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(path, method=method, headers=named, buffered=True)

    def scan(self) -> None:
        """Do what the keeper does."""
        scan(self.repository)

    @property
    def last_was_replayed(self) -> bool:
        """Whether the last answer came from the replay cache."""
        return self.seen[-1].replayed


def make_site(
    repository: Repository,
    *,
    authenticate: tuple[str, ...] = ("update",),
    private: tuple[str, ...] = (),
    scanned: bool = True,
    **server: Any,
) -> Site:
    """Serve a repository; `server` are keys of `[server]`. There is one user, `deploy`."""
    if scanned:
        scan(repository)
    passwords = write_htpasswd(repository.roots[0].parent / "htpasswd", {"deploy": "secret"})
    settings = Settings(
        server=replace(ServerSettings(packages=repository.roots), **{"fallback_url": FALLBACK, **server}),
        auth=AuthSettings(authenticate=authenticate, passwords=passwords),
        policy=PolicySettings(private=private),
    )
    seen: list[Seen] = []

    def observe(
        environ: Environ, status: int, size: int, seconds: float, user: str | None, replayed: bool
    ) -> None:
        seen.append(Seen(status, size, user, replayed))

    return Site(repository, create_app(settings, repository=repository, observe=observe), seen)


def basic(user: str = "deploy", password: str = "secret") -> str:
    """Write an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

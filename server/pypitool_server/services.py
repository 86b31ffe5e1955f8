"""What the views of one application share: built once by `create_app`, found by `services()`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from flask import Flask, current_app

from pypitool.config.settings import Settings
from pypitool.repository.repository import Repository
from pypitool_server.access.access import Access
from pypitool_server.http.browser import Browser
from pypitool_server.http.lingering import Lingering
from pypitool_server.http.proxies import ExternalAddress, TrustedProxies
from pypitool_server.http.slow_connections import Answers
from pypitool_server.http.thread_budget import ThreadBudget
from pypitool_server.replay.freshness import Freshness
from pypitool_server.replay.rendered import RenderedPages

KEY = "pypitool"


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one application."""

    settings: Settings
    repository: Repository
    access: Access
    freshness: Freshness
    rendered: RenderedPages
    threads: ThreadBudget
    answers: Answers
    lingering: Lingering | None  # where nobody else sees to refused clients
    proxies: TrustedProxies
    external: ExternalAddress
    browser: Browser

    @property
    def directories(self) -> tuple[Path, ...]:
        """Where the files and the state lie: what no answer may mention."""
        return (self.repository.files.directory, *self.repository.roots)


def attach(app: Flask, parts: Services) -> None:
    """Make `parts` those of `app`."""
    app.extensions[KEY] = parts


def services() -> Services:
    """Return the parts of the application that answers the current request."""
    return cast(Services, current_app.extensions[KEY])

"""What a browser may load from our pages, and what of a package's own words it is shown."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask
from markupsafe import Markup

from pypitool import __version__
from pypitool.core.metadata import CoreMetadata

LONGEST_DETAIL = 200


@dataclass(frozen=True, slots=True)
class Browser:
    """The style of our pages, and the policy that allows nothing but it."""

    style: Markup
    policy: str
    version: str


def browser_of(app: Flask) -> Browser:
    """Read the style sheet of an application once; it stands in each page, which then needs no other."""
    style = app.jinja_env.get_template("style.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return Browser(Markup(style), policy, __version__)  # noqa: S704  our own file


def links_of(metadata: CoreMetadata | None) -> list[tuple[str, str]]:
    """Return the links that a package gives, each once; what is not an address of the web is left out."""
    shown: dict[str, str] = {}
    for label, address in _links(metadata):
        if _is_web(address):
            shown.setdefault(address, label)
    return [(label, address) for address, label in shown.items()]


def details_of(metadata: CoreMetadata | None) -> list[tuple[str, str]]:
    """Return the short facts about a release."""
    if metadata is None:
        return []
    facts = {
        "Author": metadata.author or metadata.author_email,
        "Maintainer": metadata.maintainer or metadata.maintainer_email,
        "License": metadata.license_expression or metadata.license,
        "Python": metadata.requires_python,
        "Keywords": metadata.keywords,
        "Extras": ", ".join(metadata.provides_extra),
    }
    return [(name, value[:LONGEST_DETAIL]) for name, value in facts.items() if value]


def _links(metadata: CoreMetadata | None) -> Iterator[tuple[str, str]]:
    if metadata is None:
        return
    for line in metadata.project_urls:
        label, _, address = line.partition(",")
        yield label.strip(), address.strip()
    yield "Home page", metadata.home_page or ""
    yield "Download", metadata.download_url or ""


def _is_web(address: str) -> bool:
    # javascript: and data: are addresses too, and run in the browser of whoever clicks.
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)

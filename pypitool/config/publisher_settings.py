"""The settings of trusted publishing: who may upload from a CI without a secret."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pypitool.config.described import demanded, setting
from pypitool.core.rights.publishers import Claims


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """`[[publisher]]`: a CI whose provider vouches for it with OpenID Connect."""

    line: int | None  # of its file
    name: str = demanded(
        "rules call it publisher:NAME; lower case letters, digits and -",
        kind="publisher_name",
        example="github-acme",
    )
    issuer: str = demanded(
        "address of who signs, exactly as its tokens have it",
        kind="issuer",
        example="https://token.actions.githubusercontent.com",
    )
    claims: Claims = demanded(
        "what its tokens must say, all of it; * stands for any characters, an array for any of its values",
        kind="claims",
        example='{ repository = "acme/core", ref = ["refs/heads/main", "refs/tags/*"] }',
    )
    projects: tuple[str, ...] = demanded(
        "globs of the projects that it is for; !GLOB takes names out",
        kind="project_globs",
        example="acme-*",
    )
    may: tuple[str, ...] = setting(("upload",), "what it may there, as in rules", kind="rights")
    expires: float = setting(900.0, "how long a token lasts that it is given, 1h at most", kind="minted_span")
    ca: Path | None = setting(
        None,
        "authorities to trust at the issuer instead of the usual ones, PEM",
        kind="path",
        example="/etc/ssl/acme.pem",
    )

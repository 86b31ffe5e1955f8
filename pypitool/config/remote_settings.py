"""The settings of servers elsewhere: where to upload, what to manage from afar, and as whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pypitool.config.described import demanded, setting


@dataclass(frozen=True, slots=True)
class RemoteAuth:
    """A user and where the password is, or where a token is; neither stands in a configuration."""

    user: str | None = None
    password_env: str | None = None
    password_file: Path | None = None
    token_env: str | None = None
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """`[remote.NAME]`: a server to upload to, and to manage from afar."""

    name: str
    url: str = demanded("address of the server", kind="url", example="https://pypi.acme.example/")
    upload_url: str | None = setting(
        None,
        "where uploads are posted; default: url",
        kind="url",
        example="https://pypi.acme.example/legacy/",
    )
    index_url: str | None = setting(
        None,
        "its simple index, asked what is there already; default: url and simple/",
        kind="url",
        example="https://pypi.acme.example/simple/",
    )
    auth: RemoteAuth | None = setting(
        None,
        "user with password-env or password-file, or token-env or token-file; default: see upload",
        kind="remote_auth",
        example='{ token-env = "ACME_TOKEN" }',
    )
    ca: Path | None = setting(
        None, "authorities to trust instead of the usual ones, PEM", kind="path", example="/etc/ssl/acme.pem"
    )
    proxy: str | None = setting(
        None,
        "proxy to go through; default: the usual *_proxy variables",
        kind="url",
        example="http://proxy.acme.example:3128",
    )

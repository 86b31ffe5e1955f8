"""Every setting once: its name, type, default and one line of why. The loader, the example file,
`config show` and the flags of `serve` are all made from these classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def setting(default: Any, why: str, *, kind: str = "", env: str = "") -> Any:
    """Describe one key of the configuration; `kind` names the parser in `config.values`."""
    metadata = {"why": why, "kind": kind, "env": env}
    if isinstance(default, (list, dict)):
        raise TypeError("defaults are immutable: use a tuple")
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[server]`: what is served, where, and how."""

    packages: tuple[Path, ...] = setting(
        (Path("~/packages"),), "directories of packages; uploads go to the first", kind="paths"
    )
    state: Path | None = setting(
        None,
        "where the catalogue lives; default: $STATE_DIRECTORY, else .pypitool in the first directory",
        kind="path",
    )
    host: str = setting("0.0.0.0", "address to listen on", kind="text")
    port: int = setting(8080, "port to listen on", kind="port")
    unix_socket: Path | None = setting(None, "listen on this socket instead of host and port", kind="path")
    unix_socket_mode: int = setting(0o660, "permissions of the socket, octal", kind="mode")
    server_base_url: str = setting("/", "path under which the whole server is mounted", kind="prefix")
    workers: int = setting(1, "worker processes; one serves a team, more use more cores", kind="workers")
    threads: int = setting(
        512, "requests that one worker holds at once, slow downloads included", kind="threads"
    )
    cert: Path | None = setting(None, "TLS certificate chain, PEM", kind="path")
    key: Path | None = setting(None, "TLS private key, PEM", kind="path")
    overwrite: bool = setting(False, "let an upload replace a file that has other bytes", kind="flag")
    read_only: bool = setting(False, "refuse every change with 503", kind="flag")
    max_upload_size: int = setting(2 * 1024**3, "largest file that is accepted", kind="size")
    fallback_url: str | None = setting(
        None, "where unknown projects are looked for; default: the public PyPI", kind="url"
    )
    disable_fallback: bool = setting(
        False, "answer 404 for unknown projects instead of redirecting", kind="flag"
    )
    health_endpoint: str = setting("/health", "path that answers 200 while the server lives", kind="endpoint")
    welcome: Path | None = setting(None, "HTML page to show at / instead of the built-in one", kind="path")
    cache_control: int | None = setting(None, "max-age in seconds for package files", kind="seconds")
    hash_algo: str = setting(
        "sha256", "digest in the links of HTML pages: sha256, md5, blake2b, or off", kind="hash"
    )
    trusted_proxies: tuple[str, ...] = setting(
        (), "addresses or networks whose X-Forwarded-* count, and the word unix", kind="networks"
    )
    accel_redirect: str | None = setting(
        None, "internal nginx location that sends the file bodies (X-Accel-Redirect)", kind="prefix"
    )
    rescan: float = setting(
        60.0, "walk the directories this often, whatever the events said", kind="duration"
    )
    stop_timeout: float = setting(
        30.0, "let running requests finish for this long at SIGTERM", kind="duration"
    )
    body_timeout: float = setting(60.0, "end an upload that has been silent for this long", kind="duration")
    replay_cache: int = setting(32 * 1024**2, "memory of each worker for ready answers", kind="size")
    log_format: str = setting("text", "text or json", kind="log_format")
    log_file: Path | None = setting(None, "write the log to this file too", kind="path")
    log_stream: str = setting("stderr", "stdout, stderr or none", kind="stream")
    log_level: str = setting("info", "error, warning, info or debug", kind="level")
    access_log: bool = setting(True, "one line for each request", kind="flag")


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """`[auth]`: who may, in pypiserver's short form."""

    authenticate: tuple[str, ...] = setting(
        ("update",), "actions that need a password: download, list, update; or . for none", kind="actions"
    )
    passwords: Path | None = setting(
        None, "htpasswd file; . goes with authenticate = . (no accounts)", kind="path"
    )
    header: str | None = setting(
        None,
        "trust this header of a trusted proxy as the user's name (X-Remote-User)",
        kind="header",
        env="PYPITOOL_AUTH_HEADER",
    )


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """`[policy]`: what may come in and what may not go out."""

    private: tuple[str, ...] = setting(
        (), "globs of project names that are never looked for anywhere else", kind="globs"
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be configured; immutable, complete, validated."""

    server: ServerSettings = field(default_factory=ServerSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)

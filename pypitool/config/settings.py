"""Every setting once: its name, type, default and one line of why. The loader, the example file,
`config show` and the flags of `serve` are all made from these classes.

The settings of trusted publishing: who may upload from a CI without a secret.

The settings of rights: who may do what, beyond the short form of `[auth]`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pypitool.config.described import array, demanded, entries, family, setting
from pypitool.config.mirror_settings import (
    JobSettings,
    NotifySettings,
    RemoteSettings,
    SetSettings,
    TargetSettings,
    UpstreamSettings,
)
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


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """`[[rule]]`: you may do what at least one rule that names you lets you."""

    line: int | None  # of its file, for who asks why
    who: tuple[str, ...] = demanded(
        "users, @groups, token:GLOB, publisher:GLOB, authenticated (with a password) or anonymous (everyone)",
        kind="who",
        example="@maintainers,deploy",
    )
    may: tuple[str, ...] = demanded(
        "some of list, download, upload, overwrite, yank, delete, admin (all of them)",
        kind="rights",
        example="list,download,upload,yank",
    )
    projects: tuple[str, ...] = setting(
        ("*",),
        "globs of project names; !GLOB takes names out of this rule",
        kind="project_globs",
        example="acme-*,!acme-secret",
    )
    from_: tuple[str, ...] | None = setting(
        None, "addresses or networks; default: everywhere", kind="addresses", example="10.0.0.0/8"
    )


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[server]`: what is served, where, and how."""

    packages: tuple[Path, ...] = setting(
        (Path("~/packages"),),
        "directories of packages; uploads go to the first",
        kind="paths",
        topic="Files",
    )
    state: Path | None = setting(
        None,
        "where the catalogue lives; default: $STATE_DIRECTORY, else .pypitool in the first directory",
        kind="path",
        topic="Files",
        example="/var/lib/pypitool",
    )
    host: str = setting(
        "0.0.0.0",
        "address to listen on",
        kind="text",
        topic="Address",
        flags=("-i", "-H", "--interface", "--host"),
    )
    port: int = setting(8080, "port to listen on", kind="port", topic="Address", flags=("-p", "--port"))
    unix_socket: Path | None = setting(
        None,
        "listen on this socket instead of host and port",
        kind="path",
        topic="Address",
        example="/run/pypitool/pypitool.sock",
    )
    unix_socket_mode: int = setting(
        0o660, "permissions of the unix socket, octal", kind="mode", topic="Address"
    )
    server_base_url: str = setting(
        "/", "path under which the whole server is mounted", kind="prefix", topic="Address"
    )
    cert: Path | None = setting(
        None, "TLS certificate chain, PEM", kind="path", topic="Address", example="/etc/pypitool/tls.crt"
    )
    key: Path | None = setting(
        None, "TLS private key, PEM", kind="path", topic="Address", example="/etc/pypitool/tls.key"
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        "addresses or networks whose X-Forwarded-* count, and the word unix",
        kind="networks",
        topic="Address",
        example="127.0.0.1",
    )
    overwrite: bool = setting(
        False,
        "let an upload replace a file that has other bytes",
        kind="flag",
        topic="Uploads",
        flags=("-o", "--overwrite"),
    )
    read_only: bool = setting(False, "refuse every change with 503", kind="flag", topic="Uploads")
    max_upload_size: int = setting(2 * 1024**3, "largest file that is accepted", kind="size", topic="Uploads")
    body_timeout: float = setting(
        60.0, "end an upload that has been silent for this long", kind="duration", topic="Uploads"
    )
    fallback_url: str | None = setting(
        None,
        "where unknown projects are redirected; default: the public PyPI",
        kind="url",
        topic="Unknown projects",
        example="https://mirror.example/simple/",
    )
    disable_fallback: bool = setting(
        False,
        "answer 404 for unknown projects instead of redirecting",
        kind="flag",
        topic="Unknown projects",
    )
    health_endpoint: str = setting(
        "/health", "path that answers 200 while the server lives", kind="endpoint", topic="Pages"
    )
    welcome: Path | None = setting(
        None,
        "HTML page to show at / instead of the built-in one",
        kind="path",
        topic="Pages",
        example="/etc/pypitool/welcome.html",
    )
    cache_control: int | None = setting(
        None, "max-age in seconds for package files", kind="seconds", topic="Pages", example="86400"
    )
    hash_algo: str = setting(
        "sha256",
        "digest in the links of HTML pages: sha256, md5, blake2b, or off",
        kind="hash",
        topic="Pages",
    )
    accel_redirect: str | None = setting(
        None,
        "internal nginx location that sends the file bodies (X-Accel-Redirect)",
        kind="prefix",
        topic="Pages",
        example="/pypitool-files",
    )
    workers: int = setting(
        1, "worker processes; one serves a team, more use more cores", kind="workers", topic="Running"
    )
    threads: int = setting(
        512,
        "requests that one worker holds at once, slow downloads included",
        kind="threads",
        topic="Running",
    )
    rescan: float = setting(
        60.0,
        "walk the directories this often, whatever the file events said",
        kind="duration",
        topic="Running",
    )
    stop_timeout: float = setting(
        30.0, "let running requests finish for this long at SIGTERM", kind="duration", topic="Running"
    )
    replay_cache: int = setting(
        32 * 1024**2, "memory of each worker for ready answers", kind="size", topic="Running"
    )
    log_format: str = setting("text", "text for people, json for collectors", kind="log_format", topic="Log")
    log_file: Path | None = setting(
        None,
        "write the log to this file too",
        kind="path",
        topic="Log",
        example="/var/log/pypitool/pypitool.log",
    )
    log_stream: str = setting("stdout", "where the log goes", kind="stream", topic="Log")
    log_level: str = setting(
        "info", "how much is logged: error, warning, info or debug", kind="level", topic="Log"
    )
    access_log: bool = setting(True, "one line for each request", kind="flag", topic="Log")
    download_log: bool = setting(
        False, "keep in the state who got which file, for `audit downloads`", kind="flag", topic="Log"
    )
    download_log_keep: float = setting(
        90 * 86400.0, "drop days of the download log that are older", kind="keep", topic="Log"
    )
    download_log_max: int = setting(
        1024**3, "drop the oldest days of the download log beyond this size", kind="size", topic="Log"
    )


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """`[auth]`: who may, in pypiserver's short form, and what rules leave open."""

    authenticate: tuple[str, ...] = setting(
        ("update",),
        "actions that need a password: download, list, update; or . for none; not beside rules",
        kind="actions",
        topic="Access",
        flags=("-a", "--authenticate"),
    )
    passwords: Path | None = setting(
        None,
        "htpasswd file; without one nobody may upload; . goes with authenticate = . (everybody may)",
        kind="passwords",
        topic="Access",
        flags=("-P", "--passwords"),
        example="/etc/pypitool/htpasswd",
    )
    header: str | None = setting(
        None,
        "trust this header of a trusted proxy as the user's name",
        kind="header",
        topic="Access",
        flags=("--auth-header",),
        env="PYPITOOL_AUTH_HEADER",
        example="X-Remote-User",
    )
    new_projects: tuple[str, ...] | None = setting(
        None,
        "who may upload a project that is new; default: whoever may upload it, [] is nobody",
        kind="members",
        example="@maintainers",
        live=True,
    )
    owners: bool = setting(
        False, "who uploads a new project owns it: may list, download, upload, yank, delete", kind="flag",
        live=True,
    )  # fmt: skip
    oidc_audience: str | None = setting(
        None,
        "whom the tokens of a CI must be meant for; any word, such as our host name",
        kind="text",
        example="pypi.acme.example",
    )


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """`[policy]`: what may come in, and what may not go out."""

    files: str = setting(
        "wheel-else-sdist",
        "which files a target gets: wheel-else-sdist, wheel, wheel+sdist, or all",
        kind="files",
    )
    prereleases: bool = setting(False, "take pre-releases that no pin names", kind="flag")
    yanked: str = setting(
        "pinned", "yanked files: pinned takes those that a pin names, never takes none", kind="yanked"
    )
    cooldown: float = setting(
        0.0, "update and lock offer no release that is younger", kind="span", example="3d"
    )
    private: tuple[str, ...] = setting(
        (),
        "globs of project names that are never looked for anywhere else",
        kind="globs",
        topic="Unknown projects",
        example="acme-*",
    )
    copied_in: str = setting(
        "match",
        "files that were copied in: update asks upstream about them (match), or never",
        kind="copied_in",
    )
    max_file_size: int | None = setting(None, "largest file that is fetched", kind="size", example="500M")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be configured; immutable, complete, validated."""

    server: ServerSettings = field(default_factory=ServerSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    groups: tuple[tuple[str, tuple[str, ...]], ...] = entries(
        "groups",
        "people under one name, which rules write with an @; a group may hold others",
        kind="members",
        example=("maintainers", "ann,token:ci-*"),
        live=True,
    )
    rules: tuple[RuleSettings, ...] = array(
        "rule",
        RuleSettings,
        "who may do what: whatever at least one rule lets you; without any, [auth] decides",
        live=True,
    )
    publishers: tuple[PublisherSettings, ...] = array(
        "publisher",
        PublisherSettings,
        "a CI that uploads without a secret: the first whose claims match; oidc-audience goes with it",
        live=True,
    )
    upstreams: tuple[UpstreamSettings, ...] = family(
        "upstream",
        UpstreamSettings,
        "where packages come from; the first that has a project owns it; without any: the public PyPI",
        example="acme",
    )
    targets: tuple[TargetSettings, ...] = family(
        "targets",
        TargetSettings,
        "what clients run; without any: this machine; on one line: ubuntu24 = { python = …, platform = … }",
        example="ubuntu24",
    )
    policy: PolicySettings = field(default_factory=PolicySettings)
    sets: tuple[SetSettings, ...] = family(
        "set", SetSettings, "what sync brings and proves", example="backend"
    )
    jobs: tuple[JobSettings, ...] = family(
        "job", JobSettings, "what the daemon, or a timer of systemd, runs, and when", example="nightly"
    )
    notify: NotifySettings = field(default_factory=NotifySettings)
    remotes: tuple[RemoteSettings, ...] = family(
        "remote", RemoteSettings, "servers to upload to, and to manage from afar", example="acme"
    )

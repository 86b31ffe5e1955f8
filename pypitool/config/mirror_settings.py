"""The settings of the mirror: where packages come from, for whom, which, when, and who hears of it.

The settings of servers elsewhere: where to upload, what to manage from afar, and as whom.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pypitool.config.described import demanded, setting


@dataclass(frozen=True, slots=True)
class UpstreamAuth:
    """A user, and where the password is; the password itself stands in no configuration."""

    user: str
    password_env: str | None = None
    password_file: Path | None = None


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """`[upstream.NAME]`: an index to fetch from."""

    name: str
    index: str = demanded(
        "address of the simple index, or `pypi` for the public PyPI",
        kind="index",
        example="https://pypi.acme.example/simple/",
    )
    projects: tuple[str, ...] = setting(
        (), "globs of projects for which it alone is asked", kind="globs", example="acme-*"
    )
    workers: int = setting(8, "connections at once, up to 16", kind="connections")
    retries: int = setting(5, "how often a request is tried again", kind="retries")
    timeout: float = setting(60.0, "give up after this long without a byte", kind="some_span")
    retry_after_max: float = setting(120.0, "come back later as it asks, if not later than this", kind="span")
    auth: UpstreamAuth | None = setting(
        None,
        "user, and password-env or password-file; default: netrc",
        kind="auth",
        example='{ user = "mirror", password-env = "UPSTREAM_PASSWORD" }',
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
    allow_unhashed: bool = setting(False, "take files for which it gives no sha256", kind="flag")


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """`[targets]`: a kind of client."""

    name: str
    python: str = demanded(
        "its Python: 3.12, 3.12.4 where a marker needs it, 3.13t for free-threaded",
        kind="python",
        example="3.12",
    )
    platform: str = demanded(
        "its machine, as wheels name it; manylinux_2_K: with glibc 2.K",
        kind="platform",
        example="manylinux_2_39_x86_64",
    )
    implementation: str = setting("cp", "cp for CPython, pp for PyPy", kind="implementation")
    abi: tuple[str, ...] = setting(
        (), "ABI tags, where they do not follow from the rest", kind="abis", example="cp312"
    )
    markers: tuple[tuple[str, str], ...] = setting(
        (),
        "marker variables that do not follow from the rest, and are empty otherwise",
        kind="markers",
        example='{ platform_release = "6.8.0" }',
    )


@dataclass(frozen=True, slots=True)
class SetSettings:
    """`[set.NAME]`: what is to be here, for whom."""

    name: str
    requirements: tuple[Path, ...] = setting(
        (), "requirements files; this or lock must be given", kind="inputs", example="/srv/reqs/backend.txt"
    )
    constraints: tuple[Path, ...] = setting(
        (), "constraints files", kind="inputs", example="/srv/reqs/constraints.txt"
    )
    lock: tuple[Path, ...] = setting(
        (), "lock files (PEP 751)", kind="inputs", example="/srv/reqs/pylock.toml"
    )
    targets: tuple[str, ...] = setting(
        (), "for these targets; default: all", kind="names", example="ubuntu24"
    )
    closure: str = setting(
        "check",
        "dependencies: check reports what is missing, resolve adds it, off looks at none",
        kind="closure",
    )
    files: str | None = setting(
        None, "kinds of files; default: the policy's", kind="files", example="wheel+sdist"
    )


@dataclass(frozen=True, slots=True)
class JobSettings:
    """`[job.NAME]`: what the daemon, or a timer of systemd, runs, and when."""

    name: str
    run: tuple[str, ...] = demanded(
        "command line of sync, update, verify, prune or bundle export", kind="run", example="sync"
    )
    cron: str = demanded(
        "minute hour day month weekday; days of the week by name", kind="cron", example="30 3 * * *"
    )
    timezone: str | None = setting(
        None, "zone of these times; default: the machine's", kind="timezone", example="Europe/Paris"
    )
    jitter: float = setting(0.0, "begin up to this much later", kind="span")
    catch_up: float = setting(
        86400.0, "run at start when the last time was missed, if not longer ago than this", kind="span"
    )


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """`[notify]`: who is told how a run ended."""

    webhook: str | None = setting(
        None,
        "address that gets a POST with the summary of a run, as JSON",
        kind="webhook",
        env="PYPITOOL_NOTIFY_WEBHOOK",
        example="https://chat.acme.example/hook",
    )
    command: tuple[str | Path, ...] | None = setting(
        None,
        "program that gets the same on standard input, with its arguments",
        kind="command",
        env="PYPITOOL_NOTIFY_COMMAND",
        example="/usr/local/bin/tell --mirror",
    )
    on: str = setting(
        "failure",
        "which runs are told: failure, change (and failures), or always",
        kind="notify_on",
        env="PYPITOOL_NOTIFY_ON",
    )


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

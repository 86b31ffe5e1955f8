"""`[server]`: what is served, where, and how; what its values must look like, and what they demand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypitool.config.faults import ConfigFault
from pypitool.config.gathered import Gathered
from pypitool.config.keys import setting
from pypitool.config.kinds import (
    DURATION,
    FLAG,
    NETWORKS,
    PATH,
    SIZE,
    TEXT,
    URL,
    ValueKind,
    duration,
    number,
    one_of,
    texts,
)
from pypitool.config.values import BadValue, path_list, string, strings
from pypitool.core.proxy_headers import FORWARDED, X_FORWARDED_FOR
from pypitool.core.thread_shares import LEAST_THREADS

# The first words of our own addresses: a health page there would hide them, and they hide a project that is
# called so where it has its page at the root.
OWN_WORDS = frozenset(
    {"_", "api", "legacy", "metrics", "packages", "project", "pypi", "readyz", "rpc2", "search", "simple"}
)
_REFUSED_WORDS = OWN_WORDS | {"json"}  # this one for long, though nothing of ours begins with it
_OFF = "off"
_OFF_WORDS = frozenset({"0", "no", "off", "false"})
_HELD_HASHES = ("sha256", "md5", "blake2b", _OFF)
_PREFIX = re.compile(r"/?[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*/?|/", re.ASCII)
# pypiserver's own pattern, so that every address that was allowed there is allowed here.
_ENDPOINT = re.compile(r"/[a-z0-9/_-]+", re.ASCII | re.IGNORECASE)


def paths(value: object) -> tuple[Path, ...]:
    """Demand at least one path."""
    items = strings(value, "an array of paths")
    if not items:
        raise BadValue("expected at least one directory, got an empty array")
    return tuple(Path(item) for item in items)


def mode(value: object) -> int:
    """Demand permissions as octal digits in quotes."""
    # A bare 660 in TOML is the decimal number: permissions that nobody meant.
    expected = "permissions as octal digits in quotes, such as `0660`"
    digits = string(value, expected).removeprefix("0o")
    if re.fullmatch(r"0?[0-7]{3}", digits, re.ASCII) is None:
        raise BadValue(f"expected {expected}, got `{value}`")
    return int(digits, 8)


def keep(value: object) -> float:
    """Demand for how long something is kept: a duration that may well be years."""
    return duration(value, longest=100 * 366 * 86400)


def prefix(value: object) -> str:
    """Demand the path of a mount point; `priv`, `/priv` and `/priv/` are the same one."""
    text = string(value, "a path such as `/pypi`").strip()
    if _PREFIX.fullmatch(text) is None or any(part in (".", "..") for part in text.split("/")):
        raise BadValue(f"expected a path such as `/pypi`, got `{text}`")
    return "/" + text.strip("/")


def endpoint(value: object) -> str:
    """Demand the path of a page: letters, digits, `/`, `_` and `-`."""
    text = string(value, "a path such as `/health`").strip()
    if _ENDPOINT.fullmatch(text) is None:
        raise BadValue(f"expected `/` and then letters, digits, `/`, `_` or `-`, got `{text}`")
    return text


def hash_name(value: object) -> str:
    """Demand the name of a digest that this Python knows, or a word for none."""
    import hashlib

    if value is False:
        return _OFF
    name = string(value, "the name of a digest, or off").strip().lower()
    if name in _OFF_WORDS:
        return _OFF
    if name not in hashlib.algorithms_available:
        raise BadValue(f"expected sha256, md5, blake2b or off, got `{value}`")
    return name


PATHS = ValueKind("DIR", paths, path_list, texts, repeatable=True)
PORT = number(1, 65535)
THREADS = number(LEAST_THREADS, 4096)
WORKERS = number(1, 256)
SECONDS = number(0, 2**31, "SECONDS")
MODE = ValueKind("MODE", mode, to_toml=lambda mode: f"{mode:04o}")
FORWARDED_HEADER = one_of(X_FORWARDED_FOR, FORWARDED)
KEEP = ValueKind("DURATION", keep, to_toml=DURATION.to_toml)
PREFIX = ValueKind("PATH", prefix)
ENDPOINT = ValueKind("PATH", endpoint)
HASH = ValueKind("NAME", hash_name)
LOG_FORMAT = one_of("text", "json")
STREAM = one_of("stdout", "stderr", "none")
LEVEL = one_of("error", "warning", "info", "debug")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[server]`: what is served, where, and how."""

    packages: tuple[Path, ...] = setting(
        (Path("~/packages"),), "directories of packages; uploads go to the first", kind=PATHS, topic="Files"
    )
    state: Path | None = setting(
        None,
        "where the catalogue lives; default: $STATE_DIRECTORY, else .pypitool in the first directory",
        kind=PATH,
        topic="Files",
        example="/var/lib/pypitool",
    )
    host: str = setting(
        "0.0.0.0",
        "address to listen on",
        kind=TEXT,
        topic="Address",
        flags=("-i", "-H", "--interface", "--host"),
    )
    port: int = setting(8080, "port to listen on", kind=PORT, topic="Address", flags=("-p", "--port"))
    unix_socket: Path | None = setting(
        None,
        "listen on this socket instead of host and port",
        kind=PATH,
        topic="Address",
        example="/run/pypitool/pypitool.sock",
    )
    unix_socket_mode: int = setting(
        0o660, "permissions of the unix socket, octal", kind=MODE, topic="Address"
    )
    server_base_url: str = setting(
        "/", "path under which the whole server is mounted", kind=PREFIX, topic="Address"
    )
    cert: Path | None = setting(
        None, "TLS certificate chain, PEM", kind=PATH, topic="Address", example="/etc/pypitool/tls.crt"
    )
    key: Path | None = setting(
        None, "TLS private key, PEM", kind=PATH, topic="Address", example="/etc/pypitool/tls.key"
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        "addresses or networks whose X-Forwarded-* count, and the word unix",
        kind=NETWORKS,
        topic="Address",
        example="127.0.0.1",
    )
    forwarded_header: str | None = setting(
        None,
        "where trusted proxies write the client's address; default: X-Forwarded-For",
        kind=FORWARDED_HEADER,
        topic="Address",
        example="Forwarded",
    )
    overwrite: bool = setting(
        False,
        "let an upload replace a file that has other bytes",
        kind=FLAG,
        topic="Uploads",
        flags=("-o", "--overwrite"),
    )
    reserve_deleted: bool = setting(
        False,
        "never take other bytes under the name of a file that was deleted",
        kind=FLAG,
        topic="Uploads",
    )
    read_only: bool = setting(False, "refuse every change with 503", kind=FLAG, topic="Uploads")
    max_upload_size: int = setting(2 * 1024**3, "largest file that is accepted", kind=SIZE, topic="Uploads")
    body_timeout: float = setting(
        60.0,
        "end a connection whose client sends nothing, or takes nothing, for this long",
        kind=DURATION,
        topic="Uploads",
    )
    fallback_url: str | None = setting(
        None,
        "where unknown projects are redirected; default: the public PyPI",
        kind=URL,
        topic="Unknown projects",
        example="https://mirror.example/simple/",
    )
    disable_fallback: bool = setting(
        False, "answer 404 for unknown projects instead of redirecting", kind=FLAG, topic="Unknown projects"
    )
    health_endpoint: str = setting(
        "/health", "path that answers 200 while the server lives", kind=ENDPOINT, topic="Pages"
    )
    welcome: Path | None = setting(
        None,
        "HTML page to show at / instead of the built-in one",
        kind=PATH,
        topic="Pages",
        example="/etc/pypitool/welcome.html",
    )
    cache_control: int | None = setting(
        None, "max-age in seconds for package files", kind=SECONDS, topic="Pages", example="86400"
    )
    hash_algo: str = setting(
        "sha256", "digest in the links of HTML pages: sha256, md5, blake2b, or off", kind=HASH, topic="Pages"
    )
    accel_redirect: str | None = setting(
        None,
        "internal nginx location that sends the file bodies (X-Accel-Redirect)",
        kind=PREFIX,
        topic="Pages",
        example="/pypitool-files",
    )
    workers: int = setting(
        1, "worker processes; one serves a team, more use more cores", kind=WORKERS, topic="Running"
    )
    threads: int = setting(
        512, "requests that one worker holds at once, slow downloads included", kind=THREADS, topic="Running"
    )
    rescan: float = setting(
        60.0, "walk the directories this often, whatever the file events said", kind=DURATION, topic="Running"
    )
    stop_timeout: float = setting(
        30.0, "let running requests finish for this long at SIGTERM", kind=DURATION, topic="Running"
    )
    replay_cache: int = setting(
        32 * 1024**2, "memory of each worker for ready answers", kind=SIZE, topic="Running"
    )
    log_format: str = setting("text", "text for people, json for collectors", kind=LOG_FORMAT, topic="Log")
    log_file: Path | None = setting(
        None,
        "write the log to this file too",
        kind=PATH,
        topic="Log",
        example="/var/log/pypitool/pypitool.log",
    )
    log_stream: str = setting("stdout", "where the log goes", kind=STREAM, topic="Log")
    log_level: str = setting(
        "info", "how much is logged: error, warning, info or debug", kind=LEVEL, topic="Log"
    )
    access_log: bool = setting(True, "one line for each request", kind=FLAG, topic="Log")
    download_log: bool = setting(
        False, "keep in the state who got which file, for `audit downloads`", kind=FLAG, topic="Log"
    )
    download_log_keep: float = setting(
        90 * 86400.0, "drop days of the download log that are older", kind=KEEP, topic="Log"
    )
    download_log_max: int = setting(
        1024**3, "drop the oldest days of the download log beyond this size", kind=SIZE, topic="Log"
    )


def tls_faults(gathered: Gathered) -> Iterator[ConfigFault]:
    """Yield the half of a certificate and its key that is alone."""
    for present, absent in (("server.cert", "server.key"), ("server.key", "server.cert")):
        if gathered.value(present) is not None and gathered.value(absent) is None:
            message = f"needs `{absent.removeprefix('server.')}` as well"
            yield gathered.fault_of_strongest((present,), message)


def health_faults(gathered: Gathered) -> Iterator[ConfigFault]:
    """Yield the address of the health page if it would hide one of ours."""
    path = "server.health-endpoint"
    word = gathered.value(path).strip("/").partition("/")[0].lower()
    if word in _REFUSED_WORDS or not word:
        message = f"`{gathered.value(path)}` is an address of the index itself"
        yield gathered.fault_of_strongest((path,), message)


def use_held_hash(values: dict[str, Any]) -> tuple[str, ...]:
    """Put a digest that is held in the place of one that is not, and tell of it."""
    wanted = values["server.hash-algo"]
    if wanted in _HELD_HASHES:
        return ()
    values["server.hash-algo"] = "sha256"
    return (f"links carry sha256: {wanted} is not among the digests that are held (sha256, md5, blake2b)",)

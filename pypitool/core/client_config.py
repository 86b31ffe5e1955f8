"""The configuration of clients for one index: the lines that each tool wants, and nothing secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from pypitool.core.upload.addresses import server_of

_HTTPS, _HTTP = ("https", 443), ("http", 80)


@dataclass(frozen=True, slots=True)
class ClientIndex:
    """An index as its clients see it: the address of the server, and the name that they give it."""

    url: str  # with a slash at its end, without credentials
    name: str = "private"
    username: str = "__token__"  # with which is uploaded

    @classmethod
    def at(cls, url: str, name: str = "private") -> ClientIndex:
        """Take the address of a server, of its index or of its uploads."""
        return cls(server_of(url), name)

    @property
    def simple(self) -> str:
        """Where clients install from."""
        return f"{self.url}simple/"

    @property
    def uploads(self) -> str:
        """Where clients upload to."""
        return f"{self.url}legacy/"

    @property
    def trusted_host(self) -> str | None:
        """The host that has to be trusted, because nothing encrypts the way to it."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        return host if parts.scheme == "http" and not is_loopback(host) else None


def server_url(host: str, port: int | None, *, tls: bool, prefix: str = "/") -> str:
    """Write the address of a server; a port that everybody knows is left out."""
    scheme, known = _HTTPS if tls else _HTTP
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    at = "" if port in (None, known) else f":{port}"
    return f"{scheme}://{shown}{at}{prefix.rstrip('/')}/"


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself, which clients trust without being told."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def pip_conf(index: ClientIndex) -> tuple[str, ...]:
    """Return the lines of `pip.conf`."""
    values, items = pip_values(index)
    return ("[global]", *(f"{key} = {value}" for key, value in (values | items).items()))


def pip_values(index: ClientIndex) -> tuple[dict[str, str], dict[str, str]]:
    """Return what `[global]` says, and which item its lists have: others may be trusted besides."""
    trusted = index.trusted_host
    return {"index-url": index.simple}, {} if trusted is None else {"trusted-host": trusted}


def uv_toml(index: ClientIndex) -> tuple[str, ...]:
    """Return the lines of `uv.toml`."""
    return ("[[index]]", *(f"{key} = {json.dumps(value)}" for key, value in uv_values(index).items()))


def uv_values(index: ClientIndex) -> dict[str, str | bool]:
    """Return what the table of the index says to uv."""
    return {"name": index.name, "url": index.simple, "publish-url": index.uploads, "default": True}


def poetry_toml(index: ClientIndex) -> tuple[str, ...]:
    """Return the lines of `pyproject.toml` for poetry, and how to upload with it."""
    return (
        "[[tool.poetry.source]]",
        f"name = {json.dumps(index.name)}",
        f"url = {json.dumps(index.simple)}",
        'priority = "primary"',
        f"# poetry config repositories.{index.name} {index.uploads}",
    )


def pdm_toml(index: ClientIndex) -> tuple[str, ...]:
    """Return the lines of `pyproject.toml` for pdm, and how to upload with it."""
    return (
        "[[tool.pdm.source]]",
        # The index of this name is the one that pdm asks unless it is told otherwise.
        'name = "pypi"',
        f"url = {json.dumps(index.simple)}",
        f"verify_ssl = {'true' if index.trusted_host is None else 'false'}",
        f"# pdm config repository.{index.name}.url {index.uploads}",
    )


def pypirc(index: ClientIndex) -> tuple[str, ...]:
    """Return the lines of `.pypirc`."""
    return (
        "[distutils]",
        "index-servers =",
        f"    {index.name}",
        "",
        f"[{index.name}]",
        *(f"{key} = {value}" for key, value in pypirc_values(index).items()),
    )


def pypirc_values(index: ClientIndex) -> dict[str, str]:
    """Return what the section of the index says."""
    return {"repository": index.uploads, "username": index.username}


def dockerfile(index: ClientIndex) -> tuple[str, ...]:
    """Return the lines of a Dockerfile."""
    line = f"ENV PIP_INDEX_URL={index.simple} UV_DEFAULT_INDEX={index.simple}"
    trusted = index.trusted_host
    return (line,) if trusted is None else (line, f"ENV PIP_TRUSTED_HOST={trusted}")


def ansible_task(index: ClientIndex) -> tuple[str, ...]:
    """Return a task of a playbook, on one line."""
    content = json.dumps("".join(f"{line}\n" for line in pip_conf(index)))
    return (f'- ansible.builtin.copy: {{ dest: /etc/pip.conf, mode: "0644", content: {content} }}',)


@dataclass(frozen=True, slots=True)
class Tool:
    """A client, where its configuration stands, and how it is written."""

    name: str
    file: str
    lines: Callable[[ClientIndex], tuple[str, ...]]


TOOLS = (
    Tool("pip", "~/.config/pip/pip.conf", pip_conf),
    Tool("uv", "~/.config/uv/uv.toml", uv_toml),
    Tool("poetry", "pyproject.toml", poetry_toml),
    Tool("pdm", "pyproject.toml", pdm_toml),
    Tool("pypirc", "~/.pypirc", pypirc),
    Tool("docker", "Dockerfile", dockerfile),
    Tool("ansible", "playbook.yml", ansible_task),
)


def tool_named(name: str) -> Tool:
    """Return a tool by its name."""
    return next(tool for tool in TOOLS if tool.name == name)


def every_tool(index: ClientIndex) -> Iterator[str]:
    """Yield the lines of every tool, each after a line that names it and its file."""
    for number, tool in enumerate(TOOLS):
        if number:
            yield ""
        yield f"# {tool.name}: {tool.file}"
        yield from tool.lines(index)

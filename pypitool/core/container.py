"""A container of our image: as whom it works, where its state lives, and what its environment means.

The image begins as root only to find out who it shall be; nothing here looks, and nothing becomes anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pypitool.core.errors import Kind, PypitoolError

# Set in the image: defaults and hints are those of a container then.
IN_CONTAINER = "PYPITOOL_CONTAINER"
PACKAGES = Path("/data/packages")
STATE = Path("/data/state")
NOBODYS = 10_001  # who works where the packages are root's
# `docker stop` kills after 10 s: what is longer than this would never come to its end.
STOP_SECONDS = 8.0
# pypiserver's image takes the first; whoever runs many containers behind one gateway sets the second.
_PORTS = ("PYPITOOL_PORT", "PYPISERVER_PORT", "PORT")


class BadPort(PypitoolError):
    """A variable that names the port has something else in it."""

    kind = Kind.CONFIG
    sentence = "{variable}: expected a port from 1 to 65535, got `{value}`"
    hint = "give it a number, or take it out of the environment of the container"
    variable: str
    value: str


class CannotGive(PypitoolError):
    """A directory cannot be given to who is to write into it."""

    kind = Kind.CONFIG
    sentence = "cannot give {path} to user {user}, who is to write there: {reason}"
    hint = (
        "`chown {user} DIR` on the machine gives it what is mounted there; "
        "`--cap-add CHOWN` lets the container do it"
    )
    path: Path
    user: User
    reason: str


class CannotBecome(PypitoolError):
    """The container began as root, and may not become anybody else."""

    kind = Kind.CONFIG
    sentence = "cannot become user {user}, who is to write into {path}: {reason}"
    hint = (
        "start the container with `--user {user}`, "
        "or with `--cap-add SETUID --cap-add SETGID` where all else is dropped"
    )
    path: Path
    user: User
    reason: str


@dataclass(frozen=True, slots=True)
class User:
    """A user and a group by their numbers; a container need not know their names."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


def whom(started: User, serving: User | None, owner: User | None) -> User:
    """Choose as whom to work.

    `started` is who we are, `serving` who process 1 is by now, `owner` whose the package directory is.
    """
    if started.uid != 0:
        return started
    if serving is not None and serving.uid != 0:
        return serving
    if owner is not None and owner.uid != 0:
        return User(owner.uid, owner.gid or owner.uid)
    return User(NOBODYS, NOBODYS)


def is_given(owner: User | None) -> bool:
    """Tell whether a directory is given away: to take one from its owner is not ours."""
    return owner is not None and owner.uid == 0


def environment(environ: Mapping[str, str], *, state_is_mounted: bool) -> dict[str, str]:
    """Return the environment of every command in the container."""
    ours = {name: value for name, value in environ.items() if not _is_service_link(name, environ)}
    port = _port(ours)
    if port is not None:
        ours["PYPITOOL_PORT"] = port
    if state_is_mounted:
        ours.setdefault("STATE_DIRECTORY", str(STATE))
    return ours


def _port(environ: Mapping[str, str]) -> str | None:
    for variable in _PORTS:
        value = environ.get(variable, "").strip()
        if not value or _is_address(value):
            continue
        if not (value.isascii() and value.isdigit() and 0 < int(value[:6]) < 65536):
            raise BadPort(variable, value)
        return value
    return None


def _is_address(value: str) -> bool:
    return "://" in value


def _is_service_link(name: str, environ: Mapping[str, str]) -> bool:
    """Tell whether Kubernetes wrote a variable: a service that is called `pypitool` gets an address into
    what is our port."""
    if not _is_address(environ.get("PYPITOOL_PORT", "")):
        return False
    return name == "PYPITOOL_PORT" or name.startswith(("PYPITOOL_PORT_", "PYPITOOL_SERVICE_"))


def state_hint(
    environ: Mapping[str, str], noted: Path | None = None, *, closed_to: User | None = None
) -> str | None:
    """Say how a state comes into the container that has none it can use; None: this is no container.

    `noted` is where there should be one, `closed_to` who may not use the one that is there.
    """
    if IN_CONTAINER not in environ:
        return None
    if closed_to is not None:
        return f"`chown -R {closed_to}` on the machine gives what is mounted there to who the container is"
    if noted is None:
        return f"mount a directory or a volume for it at {STATE}: `-v DIR:{STATE}`"
    return (
        f"`-v {noted}:{STATE}` takes it along, where that is its place on the machine; "
        "without the note a new one begins, which knows nothing"
    )

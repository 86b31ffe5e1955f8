"""A line that starts pypi-server, found and taken apart: what stands before its words, and the words.

It may be started by itself, by `python -m pypiserver`, by a shell, or in a container of its image.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.moving.move_plan import Left

PROGRAMS = ("pypi-server", "pypi-server.exe")
IN_IMAGE = "/data"  # the home and the working directory of its image
_IMAGE = re.compile(
    r"(?:[\w.-]+(?::\d+)?/)*pypiserver/pypiserver(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?", re.ASCII
)
_CONTAINERS = ("docker", "podman", "nerdctl")
_SHELLS = ("sh", "bash", "dash", "zsh", "ash")
_ENDS = frozenset({";", "&&", "||", "|", "&", ">", ">>", "<", "2>", "2>&1", ")"})
_NOT_ITS = "stands outside of pypi-server's own words, and only those are read"


class CannotTell(PypitoolError):
    """Something does not say what has to be known; nothing is guessed, and nothing was done."""

    kind = Kind.INVALID
    sentence = "{source}: {reason}"
    hint = "`pypitool migrate pypiserver 'pypi-server run WORDS'` takes the command line itself, as one word"
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Mount:
    """A directory or file of this machine, and where it is seen in a container."""

    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Start:
    """How pypi-server is started: its words, and what they are relative to; None: nobody knows."""

    words: tuple[str, ...]
    directory: str | None = None
    home: str | None = None
    mounts: tuple[Mount, ...] = ()
    in_container: bool = False
    percents: bool = False  # `%h` is filled in, as in units
    left: tuple[Left, ...] = ()


def is_image(word: str) -> bool:
    """Tell whether a word names pypiserver's image, whatever registry it comes from."""
    return _IMAGE.fullmatch(word) is not None


def is_program(word: str) -> bool:
    """Tell whether a word is the program, wherever it lies."""
    return posixpath.basename(word) in PROGRAMS


def split(text: str, source: str) -> list[str]:
    """Split a command line into its words."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise CannotTell(source, f"it is no command line: {str(error).lower()}") from None


def read_start(words: Sequence[str], source: str, directory: str | None, home: str | None) -> Start:
    """Find pypi-server in a line, and say how it is started there."""
    shell = _of_shell(words)
    if shell is not None:
        return read_start(split(shell, source), source, directory, home)
    place = _place(words)
    if place is None:
        by_file = any("compose" in posixpath.basename(word) for word in words[:2])
        more = ": name the compose file itself" if by_file else ""
        raise CannotTell(source, f"no pypi-server is started by `{shlex.join(words)}`{more}")
    before, own = list(words[:place]), list(words[place:])
    own, after = _ended(own)
    left = [Left(shlex.join(after), "a shell's business, and not read")] if after else []
    if any(posixpath.basename(word) in _CONTAINERS for word in before):
        return _in_container(before, own, directory, home, left)
    before = [word for word in before[:-1] if word != "-m"] if before else []
    if before and not _is_python(before):
        left.insert(0, Left(shlex.join(before), _NOT_ITS))
    return Start(tuple(own), directory, home, left=tuple(left))


def _is_python(words: Sequence[str]) -> bool:
    return len(words) == 1 and posixpath.basename(words[0]).startswith("python")


def _of_shell(words: Sequence[str]) -> str | None:
    if len(words) == 3 and posixpath.basename(words[0]) in _SHELLS and re.fullmatch("-[a-z]*c", words[1]):
        return words[2]
    return None


def _place(words: Sequence[str]) -> int | None:
    """Return where the words of pypi-server begin."""
    for number, word in enumerate(words):
        own = is_program(word) or (word == "pypiserver" and words[number - 1] == "-m")
        if own or is_image(word):
            return number + 1 + (number + 1 < len(words) and words[number + 1] in PROGRAMS)
    return None


def _ended(words: list[str]) -> tuple[list[str], list[str]]:
    """Divide words where a shell would end the command."""
    for number, word in enumerate(words):
        if word in _ENDS:
            return words[:number], words[number:]
    return words, []


def _in_container(
    before: Sequence[str], own: Sequence[str], directory: str | None, home: str | None, left: list[Left]
) -> Start:
    mounts, working, others = list[Mount](), IN_IMAGE, list[str]()
    for option, value in _options(before):
        if option in ("-v", "--volume", "--mount") and value is not None:
            mount = read_mount(value, directory, home)
            if isinstance(mount, Mount):
                mounts.append(mount)
                continue
            left.append(mount)
        elif option in ("-w", "--workdir") and value is not None:
            working = value
        elif option in ("-e", "--env") and value is not None:
            others += [option, value.partition("=")[0]]  # what it is set to may be secret
        else:
            others.extend(filter(None, (option, value)))
    left.insert(0, Left(shlex.join(others), _NOT_ITS))
    return Start(tuple(own), working, IN_IMAGE, tuple(mounts), in_container=True, left=tuple(left))


_WITH_VALUE = ("-v", "--volume", "--mount", "-w", "--workdir", "-e", "--env")


def _options(words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the words of a container's line, with their values those that say where files are."""
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if word in _WITH_VALUE and waiting:
            yield word, waiting.pop(0)
        elif word[:2] in _WITH_VALUE and len(word) > 2:
            yield word[:2], word[2:].removeprefix("=")
        elif equals and name in _WITH_VALUE:
            yield name, value
        else:
            yield word, None


def read_mount(text: str, directory: str | None, home: str | None) -> Mount | Left:
    """Read what a container sees where: `HERE:THERE[:OPTIONS]`, or `type=bind,source=…,target=…`."""
    if "=" in text and ":" not in text:
        parts = dict(part.partition("=")[::2] for part in text.split(","))
        here = parts.get("source") or parts.get("src") or ""
        there = parts.get("target") or parts.get("dst") or parts.get("destination") or ""
    else:
        here, _, rest = text.partition(":")
        there = rest.partition(":")[0]
    return mounted(text, here, there, directory, home)


def mounted(said: str, here: str, there: str, directory: str | None, home: str | None) -> Mount | Left:
    """Return a mount of a place on this machine, or why it is none."""
    if any(sign in said for sign in "$`%"):
        return Left(said, "what it is set to is not known here")
    if not here or not there.startswith("/"):
        return Left(said, "it names no place of this machine")
    if not here.startswith(("/", "./", "../", "~")) and here not in (".", ".."):
        return Left(said, f"`{here}` is a volume, and where it lies only the container's engine knows")
    found = absolute(here, directory, home)
    return Left(said, "nobody knows what it is relative to") if found is None else Mount(found, there)


def absolute(path: str, directory: str | None, home: str | None) -> str | None:
    """Make a path absolute; None: it is relative to what is not known."""
    if path == "~" or path.startswith("~/"):
        return None if home is None else posixpath.normpath(posixpath.join(home, path[2:]))
    if path.startswith("~") or (directory is None and not path.startswith("/")):
        return None
    return posixpath.normpath(posixpath.join(directory or "/", path))


def outside(path: str, mounts: Sequence[Mount]) -> str | None:
    """Return where a path of a container lies on this machine; None: no mount leads there."""
    for mount in sorted(mounts, key=lambda one: len(one.there), reverse=True):
        there = mount.there.rstrip("/")
        if path == there or path.startswith(f"{there}/"):
            return posixpath.normpath(mount.here + path[len(there) :])
    return None

"""The words of a `pypi-server run` line: what each means here, and which are not understood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pypitool.core.moving.move_plan import Left, OldSetting
from pypitool.core.moving.starting_line import Start, absolute, outside

PACKAGES = "server.packages"
_PASSWORDS = "auth.passwords"
_AUTHENTICATE = "auth.authenticate"
_LEVEL = "server.log-level"
_PATHS = frozenset({PACKAGES, _PASSWORDS, "server.welcome", "server.log-file"})

# Flag -> the key that means the same. Those of the second table take no value.
WITH_VALUE = {
    "-p": "server.port",
    "--port": "server.port",
    "-i": "server.host",
    "-H": "server.host",
    "--interface": "server.host",
    "--host": "server.host",
    "-a": _AUTHENTICATE,
    "--authenticate": _AUTHENTICATE,
    "-P": _PASSWORDS,
    "--passwords": _PASSWORDS,
    "--fallback-url": "server.fallback-url",
    "--health-endpoint": "server.health-endpoint",
    "--server-base-url": "server.server-base-url",
    "--welcome": "server.welcome",
    "--cache-control": "server.cache-control",
    "--hash-algo": "server.hash-algo",
    "--log-file": "server.log-file",
    "--log-stream": "server.log-stream",
}
ALONE = {
    "--disable-fallback": "server.disable-fallback",
    "-o": "server.overwrite",
    "--overwrite": "server.overwrite",
}
_LOG_FORMAT = "the format of the log is `log-format`, text or json"
# Flags that mean nothing here, with why; each takes a value.
WITHOUT_EFFECT = {
    "--server": "there is one server, and it is built in",
    "--backend": "files are found by events and kept in a catalogue",
    "--log-frmt": _LOG_FORMAT,
    "--log-req-frmt": _LOG_FORMAT,
    "--log-res-frmt": _LOG_FORMAT,
    "--log-err-frmt": _LOG_FORMAT,
}
VERBOSE = ("-v", "--verbose")
_UNKNOWN = "it is no word of `pypi-server run` that is known here"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the words come to."""

    given: tuple[OldSetting, ...]
    left: tuple[Left, ...]
    serves: bool  # False: they are those of `pypi-server update`


def read_words(start: Start) -> Reading:
    """Read the words of pypi-server, and place every path on this machine."""
    reader = _Reader(start)
    reader.read()
    return Reading(tuple(reader.given), (*start.left, *reader.left), not reader.updates)


@dataclass(slots=True)
class _Reader:
    start: Start
    given: list[OldSetting] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    verbosity: int = 0
    updates: bool = False
    doubtful: bool = False  # a word that was passed over may have been the directory

    def read(self) -> None:
        words, positional, named = list(self.start.words), 0, False
        while words:
            word = words.pop(0)
            if word == "--":
                for directory in words:
                    self._path(PACKAGES, directory, directory)
                    positional += 1
                break
            if word.startswith("-") and len(word) > 1:
                self._option(word, words)
            elif word in ("run", "update") and not positional and not named:
                named, self.updates = True, self.updates or word == "update"
            else:
                self._path(PACKAGES, word, word)
                positional += 1
        if not positional and not self.doubtful:
            self._path(PACKAGES, "~/packages", "no directory is named")
        if self.verbosity > 1:
            self.given.append(OldSetting(_LEVEL, "debug", f"-{'v' * self.verbosity}"))

    def _option(self, word: str, rest: list[str]) -> None:
        for flag, value in _flags(word):
            if flag in VERBOSE:
                self.verbosity += 1
            elif flag == "-U":
                self.updates = True
            elif flag in ALONE and value is None:
                self.given.append(OldSetting(ALONE[flag], "true", flag))
            elif flag in WITH_VALUE or flag in WITHOUT_EFFECT:
                self._valued(flag, value, rest)
                return
            else:
                self._pass_over(word, rest)
                return

    def _pass_over(self, word: str, rest: list[str]) -> None:
        self.left.append(Left(word, _UNKNOWN))
        if "=" not in word and rest and not rest[0].startswith("-"):
            self.left.append(Left(rest.pop(0), f"it may be the value of `{word}`"))
            self.doubtful = True

    def _valued(self, flag: str, value: str | None, rest: list[str]) -> None:
        if value is None:
            if not rest:
                self.left.append(Left(flag, "its value is missing"))
                return
            value = rest.pop(0)
        said = f"{flag} {value}"
        if flag in WITHOUT_EFFECT:
            self.left.append(Left(said, WITHOUT_EFFECT[flag]))
        elif WITH_VALUE[flag] in _PATHS and value != ".":
            self._path(WITH_VALUE[flag], value, said)
        elif not self._is_open(said, value):
            self.given.append(OldSetting(WITH_VALUE[flag], value, said))

    def _path(self, key: str, path: str, said: str) -> None:
        if self._is_open(said, path):
            return
        found = absolute(path, self.start.directory, self.start.home)
        if found is None:
            self.left.append(Left(said, "nobody knows what it is relative to"))
            return
        if self.start.in_container:
            found = self._outside(found, said)
        self.given.append(OldSetting(key, found, said))

    def _outside(self, path: str, said: str) -> str:
        here = outside(path, self.start.mounts)
        if here is None:
            self.left.append(
                Left(said, f"{path} is a place in the container, and no mount says where it lies")
            )
        return here or path

    def _is_open(self, said: str, value: str) -> bool:
        """Tell whether somebody else fills in a value first; it is left then."""
        if "$" in value or "`" in value or (self.start.percents and "%" in value):
            self.left.append(Left(said, "what it is set to is not known here"))
            return True
        return False


def _flags(word: str) -> Iterator[tuple[str, str | None]]:
    """Yield the flags of a word with the values that stand in it: `--port=80`, `-vo`, `-p80`."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        yield _whole(name), value if equals else None
        return
    for place in range(1, len(word)):
        flag = f"-{word[place]}"
        if flag in WITH_VALUE:
            yield flag, word[place + 1 :].removeprefix("=") or None
            return
        if flag not in (*ALONE, "-v", "-U"):
            yield word, None
            return
        yield flag, None


def _whole(name: str) -> str:
    """Return the flag that argparse takes a shortened one for: one that begins so, if it is the only one."""
    known = [flag for flag in (*WITH_VALUE, *ALONE, *WITHOUT_EFFECT, *VERBOSE) if flag.startswith("--")]
    meant = [flag for flag in known if flag.startswith(name)]
    return meant[0] if len(meant) == 1 and name not in known else name

"""Put an index into the configuration of a client: the user's own file, whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pypitool.cli.client_files.ini import CannotEdit, Difference, Edited, Wanted, edit_ini
from pypitool.cli.client_files.uv_toml import edit_uv_toml
from pypitool.core.client_config import ClientIndex, pip_values, pypirc_values, uv_values
from pypitool.core.errors import Kind, PypitoolError
from pypitool.host import whole_file

_PRIVATE = 0o600


class NotEditable(PypitoolError):
    """A file of a client that cannot be changed, and is as it was."""

    kind = Kind.INVALID
    sentence = "{file} was left as it is: {reason}"
    hint = "write the lines that `pypitool client-config` prints into it by hand"
    file: Path
    reason: str


@dataclass(frozen=True, slots=True)
class ClientFile:
    """The file of one client, and what it will be."""

    path: Path
    before: str | None  # None: it is not there
    edited: Edited
    is_private: bool = False

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return self.edited.text != self.before

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The values that would be lost."""
        return self.edited.differences

    def write(self) -> None:
        """Put the new file in the place of the old one, with its owner and its mode."""
        target = Path(os.path.realpath(self.path))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, self.edited.text, private=self.is_private)
        except OSError as error:
            raise NotEditable(self.path, _reason(error)) from error


def client_file(tool: str, index: ClientIndex, environ: Mapping[str, str]) -> ClientFile:
    """Return the user's own file of a client as it is and as it will be; nothing is written yet."""
    path, edit = _FILES[tool]
    file = path(environ)
    before = _read(file)
    try:
        edited = edit(before or "", index)
    except CannotEdit as error:
        raise NotEditable(file, str(error)) from error
    return ClientFile(file, before, edited, is_private=tool == "pypirc")


def _pip(environ: Mapping[str, str]) -> Path:
    named = environ.get("PIP_CONFIG_FILE")
    return Path(named) if named else _config_home(environ) / "pip" / "pip.conf"


def _uv(environ: Mapping[str, str]) -> Path:
    named = environ.get("UV_CONFIG_FILE")
    return Path(named) if named else _config_home(environ) / "uv" / "uv.toml"


def _pypirc(environ: Mapping[str, str]) -> Path:
    return _home(environ) / ".pypirc"


def _config_home(environ: Mapping[str, str]) -> Path:
    named = environ.get("XDG_CONFIG_HOME")
    return Path(named) if named else _home(environ) / ".config"


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or os.path.expanduser("~"))


def _edit_pip(text: str, index: ClientIndex) -> Edited:
    # pip knows its options with dashes and with underscores.
    return edit_ini(text, [Wanted("global", *pip_values(index))], lambda key: key.lower().replace("_", "-"))


def _edit_uv(text: str, index: ClientIndex) -> Edited:
    return edit_uv_toml(text, index.name, uv_values(index))


def _edit_pypirc(text: str, index: ClientIndex) -> Edited:
    listed = Wanted("distutils", {}, {"index-servers": index.name})
    return edit_ini(text, [listed, Wanted(index.name, pypirc_values(index), {})])


_FILES: dict[str, tuple[Callable[[Mapping[str, str]], Path], Callable[[str, ClientIndex], Edited]]] = {
    "pip": (_pip, _edit_pip),
    "uv": (_uv, _edit_uv),
    "pypirc": (_pypirc, _edit_pypirc),
}
WRITABLE = tuple(_FILES)


def _read(file: Path) -> str | None:
    try:
        # /dev/null is how people tell pip that it has no file at all.
        if not stat.S_ISREG(file.stat().st_mode):
            raise NotEditable(file, "it is no regular file")
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise NotEditable(file, "it is not UTF-8") from error
    except OSError as error:
        raise NotEditable(file, _reason(error)) from error


def _replace(target: Path, text: str, *, private: bool) -> None:
    before = target.stat() if target.exists() else None

    def set_owner_and_mode(new: Path) -> None:
        new.chmod(_PRIVATE if private else _mode(before))
        if before is not None:
            with suppress(PermissionError):
                os.chown(new, before.st_uid, before.st_gid)

    with whole_file(target, set_owner_and_mode) as file:
        file.write(text.encode())


def _mode(before: os.stat_result | None) -> int:
    if before is not None:
        return stat.S_IMODE(before.st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _reason(error: OSError) -> str:
    reason = error.strerror or "it cannot be written"
    return f"{reason[:1].lower()}{reason[1:]}"

"""Change an htpasswd file: one line at a time, whole or not at all."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pypitool.accounts.errors import PasswordFileUnreadable, UnknownUser, UserNameRefused
from pypitool.accounts.hashes import WEAK, PasswordHashes, hash_password
from pypitool.accounts.table import decode, parse
from pypitool.host import hand_over

NEW_FILE_MODE = 0o640  # never readable for all: hashes can be guessed at leisure
LONGEST_NAME = 255


def _unrecorded() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Account:
    """A line of the file: `scheme` is None when its password is refused (plain text)."""

    user: str
    scheme: str | None

    @property
    def is_weak(self) -> bool:
        """Whether the hash is of a kind that is guessed quickly."""
        return self.scheme in WEAK


def accounts(path: Path) -> tuple[Account, ...]:
    """List the users of the file, in its order."""
    hashes = PasswordHashes()
    table = parse(_read(path, missing_is_empty=False))
    return tuple(Account(user, hashes.scheme(stored)) for user, stored in table.hashes.items())


def set_password(path: Path, user: str, password: str, *, record: Callable[[], None] = _unrecorded) -> bool:
    """Add a user or change the password, with bcrypt; return whether the user is new.

    `record` is called when nothing stands in the way any more, before the file is changed.
    """
    _check_name(user)
    line = f"{user}:{hash_password(password)}".encode()
    with _edited(path) as target:
        lines = _read(target, missing_is_empty=True).splitlines()
        kept = [other for other in lines if _user_of(other) != user]
        is_new = len(kept) == len(lines)
        place = next((at for at, other in enumerate(lines) if _user_of(other) == user), len(kept))
        record()
        _replace(target, [*kept[:place], line, *kept[place:]])
    return is_new


def remove_user(path: Path, user: str, *, record: Callable[[], None] = _unrecorded) -> None:
    """Take a user out of the file; `record` is called before it is changed."""
    with _edited(path) as target:
        lines = _read(target, missing_is_empty=False).splitlines()
        kept = [line for line in lines if _user_of(line) != user]
        if len(kept) == len(lines):
            raise UnknownUser(user, path)
        record()
        _replace(target, kept)


def _check_name(user: str) -> None:
    if not user or len(user.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        raise UserNameRefused(user, f"it must have 1 to {LONGEST_NAME} bytes")
    if ":" in user or not user.isprintable():
        raise UserNameRefused(user, "it must not hold a colon or a control character")
    if user.startswith("#") or user != user.strip():
        raise UserNameRefused(user, "it must not begin with `#` or begin or end with a space")


def _user_of(line: bytes) -> str | None:
    line = line.removeprefix(b"\xef\xbb\xbf").strip()
    name, colon, _ = line.partition(b":")
    return decode(name) if colon and not line.startswith(b"#") else None


@contextmanager
def _edited(path: Path) -> Iterator[Path]:
    """Hold off other editors; a symbolic link stays one, what it points to is replaced."""
    target = Path(os.path.realpath(path))
    try:
        # The folder is what all editors share: the file itself is another one after each edit.
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield target
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise PasswordFileUnreadable(path, str(error.strerror)) from error


def _read(path: Path, *, missing_is_empty: bool) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        if missing_is_empty:
            return b""
        raise PasswordFileUnreadable(path, "it does not exist") from error
    except OSError as error:
        raise PasswordFileUnreadable(path, str(error.strerror)) from error


def _replace(path: Path, lines: list[bytes]) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(b"".join(line + b"\n" for line in lines))
            _keep_owner_and_mode(path, temporary, file.fileno())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _keep_owner_and_mode(path: Path, temporary: Path, descriptor: int) -> None:
    try:
        before = os.stat(path)
    except FileNotFoundError:
        os.fchmod(descriptor, NEW_FILE_MODE)
        hand_over(temporary)
        return
    os.fchmod(descriptor, before.st_mode & 0o777)
    if (before.st_uid, before.st_gid) != (os.getuid(), os.getgid()):
        # As root on the server's own file; anybody else would take it from the server, so let it fail.
        os.fchown(descriptor, before.st_uid, before.st_gid)

"""The htpasswd file: followed, read, checked, edited.

One `stat` tells whether it is another one now, and a broken one changes nothing. It is edited a line at a
time, whole or not at all.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pypitool.access.hashes import WEAK, PasswordHashes, hash_password
from pypitool.access.password_errors import PasswordFileUnreadable, UnknownUser, UserNameRefused
from pypitool.core.errors import without_descriptors
from pypitool.core.rights.right import ANONYMOUS, AUTHENTICATED
from pypitool.host import FileStamp, file_stamp, hand_over, is_settled, lock, whole_file

NEW_FILE_MODE = 0o640  # never readable for all: hashes can be guessed at leisure
LONGEST_NAME = 255
log = logging.getLogger(__name__)


class PasswordFile:
    """Give the users of a password file, and say once what is wrong with it."""

    def __init__(self, path: Path, hashes: PasswordHashes) -> None:
        self.path = path
        self._hashes = hashes
        self._table = PasswordTable()
        self._has_good = False
        self._last_body: bytes | None = None
        self._stamp: FileStamp | None = None
        self._said = ""
        self._reading = threading.Lock()

    def current(self) -> PasswordTable:
        """Return the users now. The same object means: nothing has changed."""
        try:
            stat = os.stat(self.path)
        except OSError as error:
            self._stamp = None
            self._complain(f"cannot be read ({error.strerror})")
            return self._table
        if file_stamp(stat) != self._stamp:
            self._read()
        return self._table

    def _read(self) -> None:
        with self._reading:
            try:
                with open(self.path, "rb") as file:
                    stat = os.fstat(file.fileno())
                    body = file.read()
            except OSError as error:
                self._complain(f"cannot be read ({error.strerror})")
                known = without_descriptors(error)
                if known is not None and not self._has_good:
                    raise known from error  # who is asked to come back has no wrong password
                return
            self._take(body)
            stamp = file_stamp(stat)
            self._stamp = stamp if is_settled(stamp, time.time_ns()) else None

    def _take(self, body: bytes) -> None:
        table = parse(body)
        if table.faulty_lines:
            lines = ", ".join(map(str, table.faulty_lines[:5]))
            self._complain(f"is broken (no `name:hash` in line {lines})")
        else:
            self._said = ""
        if body == self._last_body or (table.faulty_lines and self._has_good):
            return
        self._last_body = body
        self._has_good = not table.faulty_lines
        self._table = table
        self._judge(table)

    def _complain(self, fault: str) -> None:
        if fault != self._said:
            self._said = fault
            keeps = "the last good one counts on" if self._has_good else "who is not known is refused"
            log.error("the password file `%s` %s: %s", self.path, fault, keeps)

    def _judge(self, table: PasswordTable) -> None:
        schemes = {user: self._hashes.scheme(stored) for user, stored in table.hashes.items()}
        refused = sorted(user for user, scheme in schemes.items() if scheme is None)
        weak = sorted({WEAK[scheme] for scheme in schemes.values() if scheme in WEAK})
        if refused:
            log.error(
                "in `%s` the password of %s is in plain text or of an unknown kind: refused",
                self.path,
                ", ".join(map(repr, refused[:5])),
            )
        if weak:
            log.warning(
                "`%s` holds weak hashes (%s); `pypitool user add NAME` writes bcrypt",
                self.path,
                ", ".join(weak),
            )


@dataclass(frozen=True, slots=True)
class PasswordTable:
    """The users of one reading of the file, and the lines that say nothing."""

    hashes: Mapping[str, str] = field(default_factory=dict)
    faulty_lines: tuple[int, ...] = ()


def parse(body: bytes) -> PasswordTable:
    """Read an htpasswd file; a user named twice has the first password, as Apache says."""
    hashes: dict[str, str] = {}
    faulty = []
    for number, line in enumerate(body.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        line = line.strip()
        if not line or line.startswith(b"#"):
            continue
        name, colon, rest = line.partition(b":")
        if not colon or not name or b"\0" in line:
            faulty.append(number)
            continue
        hashes.setdefault(decode(name), decode(rest.partition(b":")[0].strip()))
    return PasswordTable(hashes, tuple(faulty))


def decode(text: bytes) -> str:
    """Decode a name as Basic credentials are decoded: UTF-8, else Latin-1."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


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


def _unrecorded(_is_new: bool = False) -> None:
    pass


def set_password(
    path: Path, user: str, password: str, *, record: Callable[[bool], None] = _unrecorded
) -> bool:
    """Add a user or change the password, with bcrypt; return whether the user is new.

    `record` is told that when nothing stands in the way any more, before the file is changed.
    """
    _check_name(user)
    line = f"{user}:{hash_password(password)}".encode()
    with _edited(path) as target:
        lines = _read(target, missing_is_empty=True).splitlines()
        kept = [other for other in lines if _user_of(other) != user]
        is_new = len(kept) == len(lines)
        if is_new:  # whoever has such a name already can change the password all the same
            _check_new_name(user)
        place = next((at for at, other in enumerate(lines) if _user_of(other) == user), len(kept))
        record(is_new)
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


def _check_new_name(user: str) -> None:
    """Refuse what rules, the audit and addresses would read as something else than a name."""
    if user.lower() in (ANONYMOUS, AUTHENTICATED):
        raise UserNameRefused(user, "rules and the audit mean something else by it")
    if user.startswith("@"):
        raise UserNameRefused(user, "with `@` begin the groups of rules")
    if "/" in user or "\\" in user or not user.strip("."):
        raise UserNameRefused(user, "it must not hold a slash or a backslash, or nothing but dots")


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
            lock(folder)
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
    try:
        before = os.stat(path)
    except FileNotFoundError:
        before = None

    def keep_owner_and_mode(new: Path) -> None:
        if before is None:
            new.chmod(NEW_FILE_MODE)
            hand_over(new)
            return
        new.chmod(before.st_mode & 0o777)
        if (before.st_uid, before.st_gid) != (os.getuid(), os.getgid()):
            # As root on the server's own file; anybody else would take it from the server, so let it fail.
            os.chown(new, before.st_uid, before.st_gid)

    with whole_file(path, keep_owner_and_mode) as file:
        file.write(b"".join(line + b"\n" for line in lines))

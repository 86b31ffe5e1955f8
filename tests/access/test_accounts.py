"""Accounts, against files that the real `htpasswd` of apache2-utils writes."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from pypitool.access import hashes
from pypitool.access.accounts import KEPT_SECONDS, MOST, Accounts, BasicLogin, RecentVerdicts
from pypitool.access.hashes import PasswordHashes, hash_password
from pypitool.access.htpasswd import accounts, remove_user, set_password
from pypitool.access.password_errors import (
    PasswordFileUnreadable,
    PasswordRefused,
    UnknownUser,
    UserNameRefused,
)
from tests.support.calls import called

ALGORITHMS = {"-B": "bcrypt", "-m": "apr1", "-s": "sha1", "-2": "sha256", "-5": "sha512", "-d": "des"}
HTPASSWD = shutil.which("htpasswd")
needs_htpasswd = pytest.mark.skipif(HTPASSWD is None, reason="apache2-utils is not installed")


def htpasswd(path: Path, algorithm: str, user: str, password: str) -> None:
    assert HTPASSWD is not None
    flags = [algorithm] if path.exists() else ["-c", algorithm]
    subprocess.run([HTPASSWD, "-b", *flags, path, user, password], check=True, capture_output=True)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def cheap_hash() -> str:
    """A bcrypt hash of `secret` that takes 2 ms."""
    import bcrypt

    return bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()


@pytest.fixture
def file(tmp_path: Path, cheap_hash: str) -> Path:
    path = tmp_path / "htpasswd"
    path.write_text(f"deploy:{cheap_hash}\n")
    return path


def header(user: str = "deploy", password: str = "secret") -> BasicLogin:
    return BasicLogin(f"Basic {user}:{password}", user, password)


@needs_htpasswd
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=ALGORITHMS.values())
def test_every_algorithm_of_htpasswd_is_verified(tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "htpasswd"
    htpasswd(path, algorithm, "deploy", "s3cret")

    users = Accounts(path)

    assert users.verify("deploy", "s3cret")
    assert not users.verify("deploy", "S3cret")
    assert not users.verify("deploy", "")


@needs_htpasswd
def test_plain_text_is_refused_and_said_without_the_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "htpasswd"
    htpasswd(path, "-p", "deploy", "hunter2")

    accepted = Accounts(path).verify("deploy", "hunter2")

    assert not accepted
    assert "'deploy' is in plain text" in caplog.text
    assert "hunter2" not in caplog.text


@needs_htpasswd
def test_weak_hashes_work_and_are_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "htpasswd"
    htpasswd(path, "-m", "one", "secret")
    htpasswd(path, "-s", "two", "secret")
    users = Accounts(path)

    accepted = [users.verify("one", "secret"), users.verify("two", "secret")]

    assert accepted == [True, True]
    assert [record.getMessage().split("; ")[0] for record in caplog.records] == [
        f"`{path}` holds weak hashes (SHA-1, apr1)"
    ]


@pytest.mark.parametrize(
    "password",
    ["secret\0", "secret\0more", "s" * 73, "s" * 10_000, "\udcff", "", "é" * 40],
    ids=["NUL", "NUL inside", "73 bytes", "10000", "surrogate", "empty", "80 bytes of UTF-8"],
)
def test_strange_passwords_are_wrong_and_nothing_worse(file: Path, password: str) -> None:
    users = Accounts(file)

    assert not users.verify("deploy", password)
    assert not users.verify("nobody", password)


class WatchedHashes(PasswordHashes):
    """Counts what the thread that hashes calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Counter[str]] = []

    def matches(self, password: str, stored: str) -> bool:
        """Compare, and count the calls of it."""
        verdicts: list[bool] = []
        self.calls.append(
            called(lambda: verdicts.append(super(WatchedHashes, self).matches(password, stored)))
        )
        return verdicts[0]


def test_an_unknown_user_costs_as_much_as_a_known_one(file: Path) -> None:
    file.write_text(f"deploy:{hash_password('secret')}\n")
    hashes = WatchedHashes()
    users = Accounts(file, hashes=hashes)

    users.verify("warm-up", "wrong")
    users.verify("deploy", "wrong")
    users.verify("nobody", "wrong")

    # The file has one hash, and every hash is as dear as it says itself.
    assert [calls["hashpw"] for calls in hashes.calls[1:]] == [1, 1]


def test_a_new_password_is_hashed_in_twelve_rounds(
    real_bcrypt_cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "BCRYPT_COST", real_bcrypt_cost)

    assert hash_password("secret").startswith("$2b$12$")


def test_added_and_removed_users_count_from_the_next_question(file: Path) -> None:
    users = Accounts(file)
    before = users.verify("ci", "other")

    set_password(file, "ci", "other")
    added = users.verify("ci", "other")
    remove_user(file, "ci")
    removed = users.verify("ci", "other")

    assert [before, added, removed] == [False, True, False]


def test_two_changes_within_one_tick_of_the_clock_are_both_seen(file: Path) -> None:
    users = Accounts(file)
    line = file.read_text()
    seen = []

    for user in ("aaaaaa", "bbbbbb", "cccccc"):
        # The same size, the same inode, and often the same mtime.
        with file.open("r+") as opened:
            opened.write(line.replace("deploy", user))
        seen.append(users.verify(user, "secret"))

    assert seen == [True, True, True]


def test_a_remembered_user_who_is_removed_stops_at_once(file: Path, cheap_hash: str) -> None:
    users = Accounts(file)
    users.admit(header())
    remembered = users.recall(header().header)

    file.write_text(f"other:{cheap_hash}\n")
    after = users.recall(header().header)

    assert remembered is not None
    assert remembered.user == "deploy"
    assert after is None


def test_a_change_of_another_user_forgets_nobody(file: Path, cheap_hash: str) -> None:
    users = Accounts(file)
    users.admit(header())

    file.write_text(f"other:{cheap_hash}\n" + file.read_text())
    after = users.recall(header().header)

    assert after is not None
    assert after.user == "deploy"


def test_a_changed_password_forgets_the_old_one(file: Path) -> None:
    users = Accounts(file)
    users.admit(header())

    set_password(file, "deploy", "another")

    assert users.recall(header().header) is None
    assert not users.admit(header())


def test_verified_credentials_are_remembered_for_five_minutes(file: Path) -> None:
    clock = Clock()
    users = Accounts(file, clock=clock)
    users.admit(header())

    clock.now = KEPT_SECONDS - 1
    before = users.recall(header().header)
    clock.now = KEPT_SECONDS + 1
    after = users.recall(header().header)

    assert before is not None
    assert after is None


def test_wrong_credentials_are_remembered_until_the_file_changes(file: Path, cheap_hash: str) -> None:
    users = Accounts(file)
    users.admit(header("ci"))
    before = users.recall(header("ci").header)

    file.write_text(f"ci:{cheap_hash}\n")
    after = users.admit(header("ci"))

    assert before is not None
    assert before.user is None
    assert after


def test_guesses_push_out_nobody_who_was_verified(file: Path) -> None:
    hashes = PasswordHashes()
    users = Accounts(file, hashes=hashes)
    users.admit(header())
    table = users._file.current()
    verified: RecentVerdicts = users._verified

    for number in range(MOST + 10):
        verified.refuse(f"Basic {number}", table)

    assert users.recall(header().header) is not None
    assert verified.recall("Basic 0", table) is None
    assert verified.recall(f"Basic {MOST}", table) is not None


def test_fifty_parallel_questions_hash_a_password_once(file: Path) -> None:
    class Counting(PasswordHashes):
        count = 0

        def matches(self, password: str, stored: str) -> bool:
            Counting.count += 1
            return super().matches(password, stored)

    users = Accounts(file, hashes=Counting(), parallel=1)
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(users.admit(header()))) for _ in range(50)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [True] * 50
    assert Counting.count == 1


def test_a_broken_file_keeps_the_last_good_one_and_is_reported_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    users = Accounts(file)
    users.verify("deploy", "secret")

    file.write_text("half a line\n")
    answers = [users.verify("deploy", "secret") for _ in range(3)]

    assert answers == [True, True, True]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "is broken (no `name:hash` in line 1): the last good one counts on" in caplog.text


def test_a_missing_file_keeps_the_last_good_one_and_is_reported_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    users = Accounts(file)
    users.verify("deploy", "secret")

    file.unlink()
    answers = [users.verify("deploy", "secret"), users.verify("nobody", "secret")]

    assert answers == [True, False]
    assert len(caplog.records) == 1


def test_a_file_that_never_was_refuses_everybody_until_it_comes(tmp_path: Path, cheap_hash: str) -> None:
    users = Accounts(tmp_path / "htpasswd")

    before = users.verify("deploy", "secret")
    (tmp_path / "htpasswd").write_text(f"deploy:{cheap_hash}\n")
    after = users.verify("deploy", "secret")

    assert [before, after] == [False, True]


def test_an_empty_file_refuses_everybody(file: Path) -> None:
    users = Accounts(file)
    users.verify("deploy", "secret")

    file.write_text("")

    assert not users.verify("deploy", "secret")


def test_a_file_that_is_broken_from_the_start_gives_its_good_lines(file: Path) -> None:
    file.write_text("nonsense\n" + file.read_text())

    users = Accounts(file)

    assert users.verify("deploy", "secret")


def test_comments_blank_lines_and_windows_line_ends_are_read(tmp_path: Path, cheap_hash: str) -> None:
    path = tmp_path / "htpasswd"
    path.write_bytes(f"\ufeff# people\r\n\r\ndeploy:{cheap_hash}:a comment\r\n".encode())

    assert Accounts(path).verify("deploy", "secret")


def test_names_beyond_ascii_are_the_same_in_both_encodings(tmp_path: Path, cheap_hash: str) -> None:
    path = tmp_path / "htpasswd"
    path.write_bytes(f"zoë:{cheap_hash}\n".encode() + f"rené:{cheap_hash}\n".encode("latin-1"))

    users = Accounts(path)

    assert users.verify("zoë", "secret")
    assert users.verify("rené", "secret")


def test_an_edited_file_keeps_everything_else(file: Path) -> None:
    os.chmod(file, 0o604)
    before = file.read_text()
    file.write_text("# our people\n" + before + "\nlast:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")

    is_new = set_password(file, "deploy", "changed")

    lines = file.read_text().splitlines()
    assert not is_new
    assert lines[0] == "# our people"
    assert lines[1].startswith("deploy:$2b$")
    assert lines[2:] == ["", "last:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="]
    assert stat.S_IMODE(file.stat().st_mode) == 0o604
    assert os.listdir(file.parent) == [file.name]


def test_the_first_user_makes_the_file_and_not_for_all_to_read(tmp_path: Path) -> None:
    path = tmp_path / "htpasswd"

    is_new = set_password(path, "deploy", "secret")

    assert is_new
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [(account.user, account.scheme, account.is_weak) for account in accounts(path)] == [
        ("deploy", "bcrypt", False)
    ]


def test_a_symbolic_link_to_the_file_stays_one(tmp_path: Path, file: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)

    set_password(link, "ci", "secret")

    assert link.is_symlink()
    assert [account.user for account in accounts(file)] == ["deploy", "ci"]


def test_ten_editors_at_once_lose_nobody(file: Path) -> None:
    threads = [
        threading.Thread(target=set_password, args=(file, f"user{number}", "secret")) for number in range(10)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(accounts(file)) == 11


@needs_htpasswd
def test_htpasswd_verifies_what_we_write(file: Path) -> None:
    set_password(file, "deploy", "pass word")

    assert HTPASSWD is not None
    subprocess.run([HTPASSWD, "-vb", file, "deploy", "pass word"], check=True, capture_output=True)


@pytest.mark.parametrize(
    "user", ["anonymous", "Authenticated", "@group", "../../x", "x/check", "a\\b", ".", ".."]
)
def test_a_new_user_is_not_called_what_others_read_otherwise(tmp_path: Path, user: str) -> None:
    path = tmp_path / "htpasswd"
    path.write_text("joe:x\n")

    with pytest.raises(UserNameRefused):
        set_password(path, user, "secret")

    assert path.read_text() == "joe:x\n"


def test_who_is_called_so_already_changes_the_password_and_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "htpasswd"
    path.write_text("@group:x\njoe:x\n")

    is_new = set_password(path, "@group", "secret")
    remove_user(path, "@group")

    assert not is_new
    assert path.read_text() == "joe:x\n"


@pytest.mark.parametrize("user", ["", "a:b", "a\nb", "#a", " a", "a\0", "x" * 256])
def test_names_that_the_file_cannot_hold_are_refused(file: Path, user: str) -> None:
    before = file.read_text()

    with pytest.raises(UserNameRefused):
        set_password(file, user, "secret")

    assert file.read_text() == before


@pytest.mark.parametrize("password", ["", "a\0b", "x" * 73])
def test_passwords_that_bcrypt_cannot_hold_are_refused(file: Path, password: str) -> None:
    with pytest.raises(PasswordRefused):
        set_password(file, "deploy", password)


def test_removing_an_unknown_user_is_an_error(file: Path) -> None:
    with pytest.raises(UnknownUser, match="there is no user 'nobody'"):
        remove_user(file, "nobody")


def test_a_file_in_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PasswordFileUnreadable, match="No such file or directory"):
        set_password(tmp_path / "missing" / "htpasswd", "deploy", "secret")


@pytest.mark.process
@pytest.mark.parametrize("what_is_left", ["nothing", "a namespace", "the old passlib"])
def test_a_libpass_that_is_not_whole_is_one_sentence(tmp_path: Path, what_is_left: str) -> None:
    broken = tmp_path / "passlib"
    if what_is_left != "nothing":
        (broken / "handlers").mkdir(parents=True)
    if what_is_left == "the old passlib":
        (broken / "__init__.py").write_text('__version__ = "1.7.4"\n')
        (broken / "context.py").write_text("class CryptContext: pass\n")
    code = (
        "import sys, importlib.machinery as m\n"
        "f = m.PathFinder.find_spec\n"
        f"m.PathFinder.find_spec = lambda n, p=None, t=None: f(n, [{os.fspath(tmp_path)!r}], t)"
        " if n == 'passlib' else f(n, p, t)\n"
        "from pypitool.access.hashes import PasswordHashes\n"
        "try: PasswordHashes()\n"
        "except Exception as error: print(error.kind.value, error)\n"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stderr == ""
    assert result.stdout.startswith(
        "config passwords cannot be verified, because the package `libpass` is not whole: "
    )

"""Who may: the answers to none, wrong, right and insufficient credentials."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from pypitool.access.accounts import Accounts, BasicLogin, CallableAccounts
from pypitool.access.htpasswd import remove_user
from pypitool.access.rules import Rules
from pypitool.config.rights_tables import AuthSettings
from pypitool.config.server_table import ServerSettings
from pypitool.config.settings import Settings
from pypitool.core.rights.rulebook import Rulebook, short_form
from pypitool.repository.scan import scan_if_alone
from pypitool_server.access.access import Access
from pypitool_server.access.auth import Authentication, Failures
from pypitool_server.app import create_app
from pypitool_server.http.proxies import TrustedProxies
from pypitool_server.http.thread_budget import Pool, ThreadBudget
from pypitool_server.services import Services
from tests.support.accounts import write_htpasswd
from tests.support.calls import called
from tests.support.wheels import build_wheel

WHEEL = "/packages/acme_core-1.0-py3-none-any.whl"
ALL = ("download", "list", "update")
CHALLENGE = 'Basic realm="pypi"'

Verify = Callable[[str, str], bool]


def short(*authenticate: str) -> Rules:
    """The rules of the short form, where there is a password file."""
    return Rules(Rulebook(short_form(authenticate, recognises=True, open_=False)), is_short=True)


class House:
    """An application over one wheel, with one user."""

    def __init__(self, folder: Path) -> None:
        self.packages = folder / "packages"
        build_wheel(self.packages, "acme-core", "1.0")
        self.passwords = write_htpasswd(folder / "htpasswd", {"deploy": "secret"})
        self._opened: list[Services] = []

    def client(
        self,
        *authenticate: str,
        header: str | None = None,
        proxies: tuple[str, ...] = (),
        passwords: bool = True,
        verify: Verify | None = None,
        threads: int = 512,
    ) -> FlaskClient:
        auth = AuthSettings(authenticate, self.passwords if passwords else None, header)
        server = ServerSettings(
            packages=(self.packages,), trusted_proxies=proxies, disable_fallback=True, threads=threads
        )
        app = create_app(Settings(server=server, auth=auth), verify=verify)
        parts: Services = app.extensions["pypitool"]
        self._opened.append(parts)
        scan_if_alone(parts.repository)
        return app.test_client()

    def close(self) -> None:
        """Close what the applications opened."""
        for parts in self._opened:
            parts.repository.close()
            parts.access.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.close()


def basic(user: str = "deploy", password: str = "secret") -> dict[str, str]:
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {credentials}"}


def status(client: FlaskClient, path: str, headers: dict[str, str] | None = None) -> int:
    return client.get(path, headers=headers or {}).status_code


@pytest.mark.parametrize(
    ("authenticate", "listing", "file"),
    [(("update",), 200, 200), (("list",), 401, 200), (("download",), 200, 401), (ALL, 401, 401)],
    ids=["update", "list", "download", "all"],
)
def test_only_what_a_flag_names_needs_credentials(
    house: House, authenticate: tuple[str, ...], listing: int, file: int
) -> None:
    client = house.client(*authenticate)

    without = status(client, "/simple/"), status(client, WHEEL)
    with_credentials = status(client, "/simple/", basic()), status(client, WHEEL, basic())

    assert without == (listing, file)
    assert with_credentials == (200, 200)


def test_a_stale_password_breaks_nothing_that_is_open(house: House) -> None:
    client = house.client("update")

    assert status(client, "/simple/", basic(password="stale")) == 200
    assert status(client, WHEEL, basic(password="stale")) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(password="wrong"),
        basic("nobody"),
        basic("", ""),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic bm9jb2xvbg=="},
        {"Authorization": "Bearer ZGVwbG95OnNlY3JldA=="},
        basic(password="secret\0"),
        basic(password="x" * 6_000),
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:\x80").decode()},
    ],
    ids=[
        "none", "wrong password", "unknown user", "empty", "no value", "no base64", "no colon", "bearer",
        "NUL", "6000 characters", "no UTF-8",
    ],
)  # fmt: skip
def test_none_or_wrong_credentials_are_401_with_the_challenge(house: House, headers: dict[str, str]) -> None:
    answer = house.client(*ALL).get("/simple/", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == CHALLENGE


def test_an_unknown_user_and_a_wrong_password_read_the_same(house: House) -> None:
    client = house.client(*ALL)

    unknown = client.get("/simple/", headers=basic("nobody"))
    wrong = client.get("/simple/", headers=basic(password="wrong"))

    assert unknown.data == wrong.data == b"wrong user name or password\n"


def test_a_project_that_is_not_there_is_401_as_well(house: House) -> None:
    client = house.client(*ALL)

    assert status(client, "/simple/acme-core/") == 401
    assert status(client, "/simple/nothing/") == 401


def test_a_removed_user_is_refused_a_replayed_answer_at_once(house: House) -> None:
    client = house.client(*ALL)
    before = [status(client, "/simple/", basic()) for _ in range(3)]

    remove_user(house.passwords, "deploy")
    after = status(client, "/simple/", basic())

    assert before == [200, 200, 200]
    assert after == 401


def test_replayed_answers_ask_for_credentials_too(house: House) -> None:
    client = house.client(*ALL)
    for _ in range(3):
        client.get("/simple/", headers=basic())

    without = status(client, "/simple/")
    wrong = status(client, "/simple/", basic(password="wrong"))

    assert [without, wrong] == [401, 401]


def test_a_password_file_that_vanishes_or_breaks_is_never_a_500(house: House) -> None:
    client = house.client(*ALL)
    before = status(client, "/simple/", basic())

    house.passwords.write_bytes(b"\0\xff nonsense\n")
    broken = status(client, "/simple/", basic()), status(client, "/simple/", basic("nobody"))
    house.passwords.unlink()
    missing = status(client, "/simple/", basic()), status(client, "/simple/", basic("nobody"))

    assert before == 200
    assert broken == missing == (200, 401)


def test_a_server_that_starts_without_its_password_file_refuses_everybody(house: House) -> None:
    house.passwords.unlink()

    client = house.client(*ALL)

    assert status(client, "/simple/", basic()) == 401


def test_a_callable_of_the_house_decides_instead_of_the_file(house: House) -> None:
    asked: list[tuple[str, str]] = []

    def verify(user: str, password: str) -> bool:
        asked.append((user, password))
        return (user, password) == ("ldap", "right")

    client = house.client(*ALL, verify=verify)
    right = [status(client, "/simple/", basic("ldap", "right")) for _ in range(3)]
    wrong = status(client, "/simple/", basic())

    assert right == [200, 200, 200]
    assert wrong == 401
    assert asked == [("ldap", "right"), ("deploy", "secret")]


def test_a_callable_that_fails_is_503(house: House) -> None:
    def verify(user: str, password: str) -> bool:
        raise ConnectionRefusedError("ldap.acme.example")

    answer = house.client(*ALL, verify=verify).get("/simple/", headers=basic())

    assert answer.status_code == 503
    assert b"acme" not in answer.data


def test_a_callable_is_asked_again_after_a_minute() -> None:
    now = [0.0]
    answers = iter([True, False])
    accounts = CallableAccounts(lambda user, password: next(answers), clock=lambda: now[0])
    credentials = BasicLogin("Basic x", "deploy", "secret")

    first = accounts.admit(credentials)
    now[0] = 59
    remembered = accounts.recall("Basic x")
    now[0] = 61
    forgotten = accounts.recall("Basic x")

    assert first
    assert remembered is not None
    assert remembered.user == "deploy"
    assert forgotten is None
    assert not accounts.admit(credentials)


@pytest.mark.parametrize(
    ("peer", "proxies", "expected"),
    [
        ("127.0.0.1", ("127.0.0.1/32",), 200),
        ("10.1.2.3", ("10.0.0.0/8",), 200),
        ("10.1.2.3", ("127.0.0.1/32",), 401),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",), 200),
        ("", ("unix",), 200),
        ("", ("127.0.0.1/32",), 401),
    ],
)
def test_the_name_of_a_proxy_counts_only_from_a_trusted_one(
    house: House, peer: str, proxies: tuple[str, ...], expected: int
) -> None:
    client = house.client(*ALL, header="Remoteuser", proxies=proxies, passwords=False)

    answer = client.get("/simple/", headers={"Remoteuser": "deploy"}, environ_overrides={"REMOTE_ADDR": peer})

    assert answer.status_code == expected


@pytest.mark.parametrize("value", ["", "  ", "deploy,admin", "x" * 300, "{http.auth.user.id}", "(null)"])
def test_a_header_without_one_name_names_nobody(house: House, value: str) -> None:
    client = house.client(*ALL, header="Remoteuser", proxies=("127.0.0.1",), passwords=False)

    assert status(client, "/simple/", {"Remoteuser": value}) == 401


def test_passwords_work_beside_the_header(house: House) -> None:
    client = house.client(*ALL, header="Remoteuser", proxies=("10.0.0.0/8",))

    assert status(client, "/simple/", basic()) == 200


def waiting() -> Pool:
    """Places for who waits for a verdict."""
    return ThreadBudget(512).passwords


class Forgiven:
    """No memory of failures."""

    def delay(self, address: str, user: str) -> float:
        return 0.0

    def begin_guess(self, address: str, user: str) -> float:
        return 0.0

    def drop_guess(self, address: str, user: str) -> None:
        pass

    def note_failure(self, address: str, user: str) -> None:
        pass

    def note_success(self, address: str, user: str) -> None:
        pass

    def close(self) -> None:
        pass


class Counted:
    """Failures that are counted in memory: every third one has to wait."""

    def __init__(self) -> None:
        self.failures: list[tuple[str, str]] = []

    def delay(self, address: str, user: str) -> float:
        return 2.5 if self.failures.count((address, user)) >= 3 else 0.0

    def begin_guess(self, address: str, user: str) -> float:
        return self.delay(address, user)

    def drop_guess(self, address: str, user: str) -> None:
        pass

    def note_failure(self, address: str, user: str) -> None:
        self.failures.append((address, user))

    def note_success(self, address: str, user: str) -> None:
        self.failures = [failure for failure in self.failures if failure != (address, user)]

    def close(self) -> None:
        pass


def guarded(house: House, failures: Failures, proxies: tuple[str, ...] = ()) -> FlaskClient:
    """An application whose failures are counted by `failures`."""
    client = house.client(*ALL)
    parts = client.application.extensions["pypitool"]
    authentication = Authentication(
        Accounts(house.passwords), failures, TrustedProxies(proxies), waiting=waiting()
    )
    access = Access(short(*ALL), authentication)
    client.application.extensions["pypitool"] = replace(parts, access=access)
    return client


def from_address(client: FlaskClient, address: str, headers: dict[str, str]) -> int:
    return client.get("/simple/", headers=headers, environ_overrides={"REMOTE_ADDR": address}).status_code


def test_guesses_have_to_wait_and_other_addresses_do_not(house: House) -> None:
    failures = Counted()
    client = guarded(house, failures)

    guesses = [from_address(client, "10.0.0.1", basic(password=f"guess {number}")) for number in range(5)]
    right_from_there = client.get("/simple/", headers=basic(), environ_overrides={"REMOTE_ADDR": "10.0.0.1"})
    right_from_elsewhere = from_address(client, "10.0.0.2", basic())

    assert guesses == [401, 401, 401, 429, 429]
    assert right_from_there.status_code == 429
    assert right_from_there.headers["Retry-After"] == "3"
    assert right_from_elsewhere == 200


def test_who_was_verified_before_never_waits(house: House) -> None:
    client = guarded(house, Counted())
    before = from_address(client, "10.0.0.1", basic())

    for number in range(5):
        from_address(client, "10.0.0.1", basic(password=f"guess {number}"))
    after = from_address(client, "10.0.0.1", basic())

    assert [before, after] == [200, 200]


def test_one_wrong_password_again_and_again_is_one_failure(house: House) -> None:
    failures = Counted()
    client = guarded(house, failures)

    answers = [from_address(client, "10.0.0.1", basic(password="stale")) for _ in range(10)]

    assert answers == [401] * 10
    assert failures.failures == [("10.0.0.1", "deploy")]


def test_behind_a_trusted_proxy_the_client_is_counted(house: House) -> None:
    failures = Counted()
    client = guarded(house, failures, proxies=("127.0.0.1/32",))

    from_address(client, "127.0.0.1", basic(password="x") | {"X-Forwarded-For": "1.2.3.4, 10.0.0.9"})

    assert failures.failures == [("10.0.0.9", "deploy")]


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (None, "10.0.0.1"),
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::7]:4711, 10.0.0.2", "2001:db8::7"),
        ("nonsense", "10.0.0.1"),
        ("192.0.2.7, nonsense", "10.0.0.1"),
        ("192.0.2.7, nonsense, 10.0.0.2", "10.0.0.2"),
        ('9.9.9.9 - root [29/Nov/2026] "POST /api/v1/users" 200 5', "10.0.0.1"),
        ('fe80::1%9.9.9.9 - root [29/Nov/2026] "POST /api/v1/users" 200 5', "10.0.0.1"),
    ],
)
def test_the_rightmost_address_that_is_no_proxy_is_the_client(forwarded: str | None, expected: str) -> None:
    proxies = TrustedProxies(["10.0.0.0/8"])

    client = proxies.client({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded})

    assert client == expected


def test_a_guess_counts_before_it_is_verified(house: House) -> None:
    """Of any number that are verified at the same time, only as many are free as one after another."""
    asked: list[str] = []
    answers: list[int] = []

    def verify(user: str, password: str) -> bool:
        asked.append(password)
        if len(asked) <= 60:
            # While this one is being verified, the next one comes.
            answers.append(from_address(client, "10.0.0.1", basic(password=f"guess {len(asked)}")))
        return False

    client = house.client(*ALL, verify=verify)
    answers.append(from_address(client, "10.0.0.1", basic(password="guess 0")))

    assert len(asked) == 5
    assert answers == [429, 401, 401, 401, 401, 401]


def test_a_guess_from_another_address_of_the_same_network_counts_too(house: House) -> None:
    client = house.client(*ALL)

    answers = [
        from_address(client, f"2001:db8:1:2::{number:x}", basic(password=f"guess {number}"))
        for number in range(6)
    ]

    assert answers == [401, 401, 401, 401, 401, 429]
    assert from_address(client, "2001:db8:1:3::1", basic()) == 200


def test_few_wait_for_a_verdict_and_no_address_has_all_their_places(house: House) -> None:
    answers: dict[str, int] = {}

    def verify(user: str, password: str) -> bool:
        if not answers:
            answers["same"] = -1
            answers["same"] = from_address(client, "10.0.0.1", basic("mallory", "another"))
            answers["other"] = from_address(client, "10.0.0.2", basic("deploy", "secret"))
            answers["nobody"] = client.get("/health").status_code
        return password == "secret"

    client = house.client(*ALL, verify=verify, threads=32)
    first = from_address(client, "10.0.0.1", basic("mallory", "guess"))

    assert first == 401
    assert answers == {"same": 503, "other": 200, "nobody": 200}


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("for=192.0.2.7", "192.0.2.7"),
        ('for=6.6.6.6, For="192.0.2.7:4711";proto=https;by=10.0.0.2, for=10.0.0.2', "192.0.2.7"),
        ('for="[2001:db8::7]:4711"', "2001:db8::7"),
        ("for=unknown", "10.0.0.1"),
        ("for=192.0.2.7, for=_hidden, for=10.0.0.2", "10.0.0.2"),
        ("proto=https", "10.0.0.1"),
        ("for=192.0.2.7;for=192.0.2.8", "10.0.0.1"),
        # What a client leaves open swallows nothing of what the proxy adds.
        ('for="6.6.6.6, for=192.0.2.7', "192.0.2.7"),
        ('for=192.0.2.7;host="a\\", for=6.6.6.6;x=\\""', "192.0.2.7"),
    ],
)
def test_the_standard_header_is_read_where_it_is_configured(forwarded: str, expected: str) -> None:
    proxies = TrustedProxies(["10.0.0.0/8"], header="Forwarded")
    forged = {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}

    client = proxies.client({"REMOTE_ADDR": "10.0.0.1", "HTTP_FORWARDED": forwarded, **forged})

    assert client == expected


def test_a_peer_that_is_no_proxy_speaks_for_itself() -> None:
    proxies = TrustedProxies([])

    assert proxies.client({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "1.2.3.4"}) == "10.0.0.1"


def test_an_open_index_is_classified_without_a_look_at_the_header(house: House) -> None:
    class Untouchable(dict[str, object]):
        def get(self, key: str, default: object = None) -> object:
            raise AssertionError(key)

    access = Access(
        short("update"),
        Authentication(Accounts(house.passwords), Forgiven(), TrustedProxies([]), waiting=waiting()),
    )

    assert access.classify(Untouchable())[1] is None


def test_unverified_credentials_have_no_class(house: House) -> None:
    accounts = Accounts(house.passwords)
    access = Access(short(*ALL), Authentication(accounts, Forgiven(), TrustedProxies([]), waiting=waiting()))
    environ = {"HTTP_AUTHORIZATION": "Basic x"}

    before = access.classify(environ)
    accounts.admit(BasicLogin("Basic x", "deploy", "wrong"))
    wrong = access.classify(environ)
    accounts.admit(BasicLogin("Basic y", "deploy", "secret"))
    right = access.classify({"HTTP_AUTHORIZATION": "Basic y"})
    nobody = access.classify({})

    assert before == wrong == (None, None)
    assert right[1] == "deploy"
    assert nobody[1] is None
    assert right[0] != nobody[0]


def test_classifying_costs_a_few_calls(house: House) -> None:
    accounts = Accounts(house.passwords)
    access = Access(short(*ALL), Authentication(accounts, Forgiven(), TrustedProxies([]), waiting=waiting()))
    environ = {"HTTP_AUTHORIZATION": "Basic x", "REMOTE_ADDR": "10.0.0.1"}
    accounts.admit(BasicLogin("Basic x", "deploy", "secret"))
    old = time.time() - 60
    os.utime(house.passwords, (old, old))
    access.classify(environ)

    calls = called(lambda: access.classify(environ))

    assert calls.total() < 40
    assert not {"hashpw", "checkpw", "open", "loads", "ip_address"} & calls.keys()

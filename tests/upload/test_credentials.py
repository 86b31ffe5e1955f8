"""As whom files are sent: every place, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.credentials import Credential, SimpleCredential
from keyring.errors import KeyringLocked

from pypitool.config.faults import BadConfiguration
from pypitool.config.upstream_tables import RemoteAuth, RemoteSettings
from pypitool.core.upload.credential_choice import Credentials
from pypitool.core.upload.pypirc import Section
from pypitool.upload.credentials import CredentialSources, Login

URL = "https://h.example/legacy/"
SECTION = Section("house", URL, "ann", "of section")


class Backend(KeyringBackend):
    """A keyring that knows one user at one service, and what it was asked."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.asked: list[tuple[str, str | None]] = []
        self.fault: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        self._note(service, username)
        return "of keyring" if (service, username) == (URL, "ann") else None

    def get_credential(self, service: str, username: str | None) -> Credential | None:
        self._note(service, username)
        return SimpleCredential("ann", "of keyring") if service == URL else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("nothing is ever written into a keyring")

    def _note(self, service: str, username: str | None) -> None:
        self.asked.append((service, username))
        if self.fault is not None:
            raise self.fault


@pytest.fixture(autouse=True)
def backend() -> Iterator[Backend]:
    before, own = keyring.get_keyring(), Backend()
    keyring.set_keyring(own)
    yield own
    keyring.set_keyring(before)


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "netrc"
    file.write_text("machine h.example login ann password of_netrc\n")
    monkeypatch.setenv("NETRC", str(file))
    return file


def sources(**more: object) -> CredentialSources:
    settings: dict[str, object] = {"url": URL, "environ": {}, "twine": True, **more}
    return CredentialSources(**settings)  # type: ignore[arg-type]


def test_the_address_comes_before_everything() -> None:
    found = sources(url="https://ann:one@h.example/legacy/", login=Login("bob", "two"))

    assert found.credentials() == Credentials("ann", "one")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PYPITOOL_TOKEN": "t", "PYPITOOL_USERNAME": "bob", "PYPITOOL_PASSWORD": "p"}, ("__token__", "t")),
        ({"PYPITOOL_USERNAME": "bob", "PYPITOOL_PASSWORD": "p", "TWINE_USERNAME": "eve"}, ("bob", "p")),
        ({"TWINE_USERNAME": "eve", "TWINE_PASSWORD": "q"}, ("eve", "q")),
        ({"TWINE_PASSWORD": "q"}, ("ann", "q")),
        ({"PYPITOOL_TOKEN": "", "TWINE_USERNAME": "", "TWINE_PASSWORD": ""}, ("ann", "of section")),
        ({"PYPITOOL_USERNAME": "ann", "TWINE_USERNAME": "eve", "TWINE_PASSWORD": "q"}, ("ann", "of section")),
    ],
)
def test_variables_come_before_the_section(environ: dict[str, str], expected: tuple[str, str]) -> None:
    assert sources(environ=environ, section=SECTION).credentials() == Credentials(*expected)


def test_twines_variables_count_for_uploads_only() -> None:
    environ = {"TWINE_USERNAME": "eve", "TWINE_PASSWORD": "q"}

    assert sources(environ=environ, section=SECTION, twine=False).credentials() == Credentials(
        "ann", "of section"
    )


def test_a_remote_keeps_its_password_or_its_token_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pypitool_x\n")
    by_token = RemoteSettings("acme", URL, auth=RemoteAuth(token_file=tmp_path / "token"))
    by_password = RemoteSettings("acme", URL, auth=RemoteAuth("ann", password_env="ACME"))

    assert sources(remote=by_token).credentials() == Credentials("__token__", "pypitool_x")
    assert sources(remote=by_password, environ={"ACME": "one"}).credentials() == Credentials("ann", "one")


def test_a_remote_whose_secret_is_missing_is_a_wrong_configuration_when_it_is_needed() -> None:
    remote = RemoteSettings("acme", URL, auth=RemoteAuth(token_env="ACME"))

    with pytest.raises(
        BadConfiguration, match=r"remote\.acme\.auth\.token-env: the variable ACME is not set"
    ):
        sources(remote=remote).credentials()
    assert sources(remote=remote, login=Login("ann", "one")).credentials() == Credentials("ann", "one")


def test_a_keyring_is_asked_for_the_user_or_for_whom_it_knows(backend: Backend) -> None:
    assert sources().credentials() == Credentials("ann", "of keyring")
    assert sources(login=Login("ann")).credentials() == Credentials("ann", "of keyring")
    assert sources(login=Login("bob")).credentials() is None
    assert backend.asked == [(URL, None), (URL, "ann"), (URL, "bob")]


def test_a_keyring_is_not_asked_when_everything_is_known(backend: Backend) -> None:
    sources(section=SECTION).credentials()

    assert backend.asked == []


def test_a_keyring_that_fails_is_told_and_passed(
    backend: Backend, netrc: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend.fault = KeyringLocked("locked")

    assert sources().credentials() == Credentials("ann", "of_netrc")
    assert "the keyring cannot be asked: locked" in caplog.text


def test_without_the_library_there_is_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypitool.upload.credentials.find_spec", lambda name: None)

    assert sources().credentials() is None


def test_netrc_is_looked_at_after_the_keyring(backend: Backend, netrc: Path) -> None:
    assert sources(url="https://h.example/other/").credentials() == Credentials("ann", "of_netrc")
    assert sources(url="https://h.example/other/", login=Login("bob")).credentials() is None
    assert len(backend.asked) == 2


def test_a_person_is_asked_for_what_is_missing() -> None:
    asked: list[tuple[str, bool]] = []

    def ask(question: str, hidden: bool) -> str:
        asked.append((question, hidden))
        return "secret" if hidden else "bob"

    at = "https://far.example/"
    assert sources(url=at).credentials(ask) == Credentials("bob", "secret")
    assert sources(url=at, login=Login("eve")).credentials(ask) == Credentials("eve", "secret")
    assert sources(url=at, section=Section("far", at, "__token__")).credentials(ask) == Credentials(
        "__token__", "secret"
    )
    assert asked == [
        ("User at far.example (none: without)", False),
        ("Password of bob at far.example", True),
        ("Password of eve at far.example", True),
        ("Token for far.example", True),
    ]


def test_a_person_who_says_nothing_is_nobody_in_particular() -> None:
    asked: list[str] = []

    def ask(question: str, hidden: bool) -> str:
        asked.append(question)
        return ""

    assert sources(url="https://far.example/").credentials(ask) is None
    assert len(asked) == 1


def test_a_login_of_an_empty_user_is_nobody_and_nobody_is_asked(backend: Backend) -> None:
    assert sources(login=Login("", ""), section=SECTION).credentials() is None
    assert backend.asked == []


def test_what_was_used_is_told_without_the_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="pypitool")

    sources(section=SECTION).credentials()

    assert "as ann, with the password from the section `house`" in caplog.text
    assert "of section" not in caplog.text

"""Tokens in requests: what they open, what they never do, and that they end at once."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from pypitool.access.htpasswd import remove_user
from pypitool.core.fact import Actor
from pypitool.core.rights.rulebook import ProjectGlobs, Scope
from pypitool.core.rights.tokens import PREFIX, checked_rights
from pypitool.repository.tokens import MadeToken, TokenRequest, create, listed, revoke
from pypitool_server.access.token_login import TokenLogin, presented
from tests.server.house import House, make_house
from tests.server.site import basic
from tests.support.forms import upload_form
from tests.support.wheels import Release, wheel_bytes, wheel_filename

RULES = """
[[rule]]
who = ["ann"]
may = ["list", "download", "upload"]
projects = ["acme-*"]
[[rule]]
who = ["token:ci-*"]
may = ["list"]
projects = ["open-*"]
[[rule]]
who = ["authenticated"]
may = ["list"]
projects = ["other"]
"""
ROOT = Actor("local:root", means="local")
CORE, SECRET, OPEN, OTHER = (f"/simple/{name}/" for name in ("acme-core", "acme-secret", "open-lib", "other"))
WORDS = b"wrong token\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with (made := make_house(tmp_path, RULES)).repository:
        yield made
        made.parts.access.close()


def make(house: House, name: str = "ci-acme", **more: Any) -> MadeToken:
    wanted = {"name": name, "projects": ("acme-core",), "may": ("list", "upload"), **more}
    return create(house.repository, TokenRequest(**wanted), ROOT)


def bearer(token: str) -> str:
    return f"Bearer {token}"


def ask(house: House, path: str, authorization: str) -> TestResponse:
    return house.get(path, Authorization=authorization)


def upload(house: House, token: str, name: str = "acme-core") -> TestResponse:
    release = Release(name, "2.0")
    body = upload_form(wheel_filename(release), wheel_bytes(release))
    return house.post(body, "__token__", password=token)


@pytest.mark.parametrize("user", ["__token__", "", "ann", "nobody", "a b"])
def test_a_token_is_a_password_of_any_user(house: House, user: str) -> None:
    secret = make(house).secret

    assert ask(house, CORE, basic(user, secret)).status_code == 200
    assert ask(house, CORE, bearer(secret)).status_code == 200
    assert ask(house, CORE, f"bEARER   {secret} ").status_code == 200


def test_a_service_token_may_what_its_scope_says_and_what_rules_add(house: House) -> None:
    authorization = bearer(make(house).secret)

    statuses = [ask(house, path, authorization).status_code for path in (CORE, SECRET, OPEN, OTHER)]

    # Neither is it `authenticated`, nor does a user of the name matter.
    assert statuses == [200, 404, 200, 404]
    assert ask(house, "/packages/acme_core-1.0-py3-none-any.whl", authorization).status_code == 403


def test_a_personal_token_may_what_its_scope_says_and_its_owner_may(house: House) -> None:
    mine = make(house, owner="user:ann", projects=("acme-*", "open-*", "other"))

    statuses = [ask(house, path, bearer(mine.secret)).status_code for path in (CORE, SECRET, OPEN, OTHER)]

    assert statuses == [200, 200, 404, 200]


def test_a_personal_token_ends_with_its_owner(house: House, tmp_path: Path) -> None:
    secret = make(house, owner="user:ann").secret
    before = [ask(house, CORE, bearer(secret)).status_code for _ in range(3)]

    remove_user(tmp_path / "htpasswd", "ann")

    assert before == [200, 200, 200]
    assert house.replayed == [False, False, True]
    assert ask(house, CORE, bearer(secret)).data == WORDS


def test_a_file_is_uploaded_in_the_name_of_a_token(house: House) -> None:
    made = make(house)

    answer = upload(house, made.secret)

    assert answer.status_code == 200, answer.data
    fact = house.facts[-1]
    assert (fact["what"], fact["who"], fact["with"]) == ("upload", "token:ci-acme", f"token:{made.token.id}")


def test_a_personal_token_uploads_under_its_full_name(house: House) -> None:
    assert upload(house, make(house, "laptop", owner="user:ann").secret).status_code == 200

    assert house.facts[-1]["who"] == "token:ann/laptop"


def test_an_upload_outside_the_scope_is_forbidden(house: House) -> None:
    assert upload(house, make(house).secret, "acme-secret").status_code == 403


def ended(house: House, how: str) -> str:
    if how == "unknown":
        return PREFIX + "a" * 43
    made = make(house, how, expires="1s" if how == "expired" else "1d")
    if how == "revoked":
        revoke(house.repository, made.token, ROOT)
    return made.secret


def test_what_has_ended_reads_as_what_never_was(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {how: ended(house, how) for how in ("unknown", "expired", "revoked")}
    tokens = house.parts.access._authentication.tokens
    assert tokens is not None
    later = tokens._clock() + 10
    monkeypatch.setattr(tokens, "_clock", lambda: later)

    answers = {how: ask(house, CORE, bearer(secret)) for how, secret in secrets.items()}
    uploads = {how: upload(house, secret) for how, secret in secrets.items()}

    for answer in [*answers.values(), *uploads.values()]:
        assert (answer.status_code, answer.data) == (401, WORDS)
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="pypi"'


def test_a_token_ends_at_its_moment_replayed_answers_included(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorization = bearer(make(house, expires="1h").secret)
    for _ in range(3):
        assert ask(house, CORE, authorization).status_code == 200
    tokens = house.parts.access._authentication.tokens
    assert tokens is not None
    later = tokens._clock() + 3600
    monkeypatch.setattr(tokens, "_clock", lambda: later)

    assert ask(house, CORE, authorization).status_code == 401
    assert house.replayed == [False, False, True, False]


def test_a_revoked_token_stops_at_the_next_request_replayed_answers_included(house: House) -> None:
    made = make(house)
    for _ in range(3):
        assert ask(house, CORE, bearer(made.secret)).status_code == 200

    revoke(house.repository, made.token, ROOT)

    assert ask(house, CORE, bearer(made.secret)).status_code == 401
    assert house.replayed == [False, False, True, False]
    assert upload(house, made.secret).status_code == 401


def test_an_upload_with_a_revoked_token_is_refused_though_nobody_has_asked_before(house: House) -> None:
    made = make(house)
    assert upload(house, made.secret, "acme-core").status_code == 200

    revoke(house.repository, made.token, ROOT)

    assert upload(house, made.secret, "acme-core").status_code == 401


@pytest.mark.parametrize(
    "password",
    [PREFIX, PREFIX + "x", PREFIX + "a" * 44, PREFIX + "ä" * 43, PREFIX + "a" * 4000],
    ids=["empty", "short", "long", "umlauts", "endless"],
)
def test_another_shape_is_refused_before_it_is_looked_up(
    house: House, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_text: str) -> str:
        raise AssertionError("it was hashed")

    monkeypatch.setattr("pypitool_server.access.token_login.hash_of", never)

    for authorization in (basic("__token__", password), bearer(password.encode().decode("latin-1"))):
        answer = ask(house, CORE, authorization)
        assert (answer.status_code, answer.data) == (401, WORDS)


def test_what_looks_like_a_token_is_never_tried_as_a_password(tmp_path: Path) -> None:
    from tests.support.accounts import write_htpasswd

    with (house := make_house(tmp_path, RULES)).repository:
        write_htpasswd(tmp_path / "htpasswd", {"ann": PREFIX + "s3cret"})

        answers = [ask(house, CORE, basic("ann", PREFIX + "s3cret"))]

        assert [answer.data for answer in answers] == [WORDS]


def test_a_token_in_a_query_opens_nothing(house: House) -> None:
    secret = make(house).secret

    for name in ("token", "access_token", "password"):
        assert house.get(f"{CORE}?{name}={secret}").status_code == 401


def test_tokens_work_without_a_password_file(house: House, tmp_path: Path) -> None:
    from pypitool.config.rights_tables import AuthSettings
    from pypitool.config.server_table import ServerSettings
    from pypitool.config.settings import Settings
    from pypitool_server.app import create_app

    made = make(house)
    server = ServerSettings(packages=house.repository.roots, disable_fallback=True)
    app = create_app(Settings(server=server, auth=AuthSettings()), repository=house.repository)
    alone = House(house.repository, app.test_client(use_cookies=False), [])

    assert upload(alone, made.secret).status_code == 200
    assert upload(alone, PREFIX + "a" * 43).status_code == 401
    assert b"takes a token" in alone.post(upload_form("a-1.0.tar.gz", b"")).data


def test_the_log_and_the_list_know_the_use_and_not_the_token(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    made = make(house)
    with caplog.at_level(logging.DEBUG):
        ask(house, CORE, bearer(made.secret))
        ask(house, SECRET, bearer(made.secret))
        upload(house, made.secret, "acme-secret")
    house.parts.access.close()

    (one,) = listed(house.repository)

    assert one.last_used is not None
    assert one.last_used.endswith(":00.000000Z")
    assert made.secret not in caplog.text


def test_a_minted_token_stays_within_what_its_publisher_may_now(house: House) -> None:
    made = make(house, owner="publisher:github", projects=("acme-*",), may=("list",))
    tokens = house.parts.access._authentication.tokens
    assert tokens is not None

    def statuses(**publishers: Scope) -> list[int]:
        tokens.adopt(publishers)
        return [ask(house, path, bearer(made.secret)).status_code for path in (CORE, SECRET)]

    def scope(*globs: str) -> Scope:
        return Scope(checked_rights(["list"]), ProjectGlobs.of(globs))

    assert statuses(github=scope("*")) == [200, 200]
    assert statuses(github=scope("acme-core", "other")) == [200, 404]
    assert statuses(gitlab=scope("*")) == [401, 401]
    assert statuses() == [401, 401]


def test_no_more_than_some_thousand_tokens_are_remembered() -> None:
    from pypitool.core.rights.tokens import Token, hash_of, token_of

    tokens = {}
    for number in range(5000):
        secret = token_of(number.to_bytes(32, "big"))
        tokens[secret] = Token(hash_of(secret), "a", ("*",), checked_rights(["list"]), "2026")
    by_hash = {token.hash: token for token in tokens.values()}

    class Held:
        def token(self, hash: str) -> Token | None:
            return by_hash.get(hash)

    class Unnoted:
        def note(self, token_id: str) -> None:
            pass

        def close(self) -> None:
            pass

    login = TokenLogin(Held(), Unnoted(), is_user=lambda name: True)
    for secret, token in tokens.items():
        assert login.recognise(secret).token_id == token.id

    assert len(login._known) <= 4096


@given(header=st.text() | st.builds(lambda raw: "Basic " + base64.b64encode(raw).decode(), st.binary()))
def test_any_header_can_be_read(header: str) -> None:
    found = presented(header)

    assert found is None or isinstance(found, str)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    text=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=200),
    prefixed=st.booleans(),
    as_bearer=st.booleans(),
)
def test_no_credentials_at_all_bring_the_server_to_fall(
    house: House, text: str, prefixed: bool, as_bearer: bool
) -> None:
    word = (PREFIX if prefixed else "") + text
    header = f"Bearer {word}" if as_bearer else basic("__token__", word)

    answer = ask(house, CORE, header)

    # 429 where several wrong passwords of one user are slowed down.
    assert answer.status_code in (401, 429)

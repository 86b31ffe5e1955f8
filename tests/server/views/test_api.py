"""The API: its documents, its errors, who may, and what a web page cannot make a browser send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pypitool import __version__
from pypitool.access.accounts import Accounts
from pypitool.config.rights_tables import AuthSettings, RuleSettings
from pypitool.config.server_table import ServerSettings
from pypitool.config.settings import Settings
from pypitool.core.fact import Fact
from pypitool.mirror.record import MirrorRecord
from pypitool.repository.repository import Repository
from pypitool_server.app import create_app
from tests.server.conftest import three_projects
from tests.server.site import basic
from tests.support.accounts import write_htpasswd
from tests.support.repositories import scan

WHEEL = "acme_core-1.0-py3-none-any.whl"
SDIST = "acme_core-1.0.tar.gz"
EVERYBODY = RuleSettings(None, ("anonymous",), ("list", "download"), ("acme-*",))
RULES = (
    EVERYBODY,
    RuleSettings(None, ("ann",), ("list", "yank"), ("*",)),
    RuleSettings(None, ("dora",), ("delete", "list"), ("acme-*",)),
    RuleSettings(None, ("qa",), ("admin",), ("acme-*",)),
    RuleSettings(None, ("root",), ("admin",)),
)


class Api:
    """The API of one application, asked without a socket."""

    def __init__(self, client: FlaskClient, mount: str = "") -> None:
        self._client = client
        self._mount = mount

    def get(self, path: str, user: str | None = None, **headers: str) -> TestResponse:
        return self.ask("GET", path, user, **headers)

    def post(self, path: str, user: str | None = "ann", body: Any = None, **headers: str) -> TestResponse:
        return self.ask("POST", path, user, {} if body is None else body, **headers)

    def ask(
        self, method: str, path: str, user: str | None = None, body: Any = None, **headers: str
    ) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if user is not None:
            named["Authorization"] = basic(user, f"{user}s")
        return self._client.open(
            f"{self._mount}/api/v1/{path}", method=method, headers=named, json=body, buffered=True
        )


Start = Callable[..., Api]


@pytest.fixture
def start(repository: Repository, tmp_path: Path) -> Start:
    return starter(repository, tmp_path)


def starter(repository: Repository, place: Path) -> Start:
    """Scan a repository, and return what makes an application for it."""
    scan(repository)
    names = ("ann", "dora", "qa", "root", "eve")
    passwords = write_htpasswd(place / "htpasswd", {name: f"{name}s" for name in names})

    def start(
        rules: tuple[RuleSettings, ...] = RULES, *, auth: AuthSettings | None = None, **server: Any
    ) -> Api:
        settings = Settings(
            server=ServerSettings(packages=repository.roots, **server),
            auth=auth or AuthSettings(passwords=passwords),
            rules=rules,
        )
        app = create_app(settings, repository=repository)
        return Api(app.test_client(use_cookies=False), server.get("server_base_url", "").rstrip("/"))

    return start


@pytest.fixture
def api(start: Start) -> Api:
    return start()


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The same, made once, for tests that only read."""
    place = tmp_path_factory.mktemp("shared-api")
    with three_projects(place) as repository:
        yield starter(repository, place)()


def error(answer: TestResponse) -> Any:
    assert answer.content_type == "application/json"
    document = answer.get_json()
    assert set(document) == {"error"}
    assert set(document["error"]) - {"words"} == {"kind", "message", "hint"}
    return document["error"]


def bearer(token: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token['token']}"}


def made_by(api: Api, user: str, name: str) -> Any:
    return api.post("tokens", user, {"name": name, "may": ["yank"]}).get_json()


def last_fact(repository: Repository) -> Fact:
    return list(repository.facts.replay())[-1]


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_root_says_which_api_it_is_to_everybody(start: Start, slash: str) -> None:
    answer = start(rules=(RULES[-1],))._client.get(f"/api/v1{slash}")

    assert (answer.status_code, answer.get_json()) == (200, {"api": 1, "version": __version__})
    assert answer.headers["Cache-Control"] == "no-store"


def test_lists_hold_what_the_caller_may_list(shared_api: Api) -> None:
    def listed(user: str | None) -> list[str]:
        return [one["name"] for one in shared_api.get("projects", user).get_json()["projects"]]

    assert listed(None) == ["acme-core", "acme-web"]
    assert listed("ann") == ["acme-core", "acme-web", "zope-x"]
    assert listed("eve") == ["acme-core", "acme-web"]


def test_a_project_and_a_release_are_told_by_any_spelling(shared_api: Api) -> None:
    assert shared_api.get("projects/Acme.Core").get_json()["project"] == "acme-core"
    assert shared_api.get("projects/acme-core/1.0.0").get_json()["version"] == "1.0"
    assert shared_api.get("projects/acme.web/1.0%2Blocal.1").get_json()["version"] == "1.0+local.1"


def test_what_is_hidden_is_answered_as_what_is_not_there(api: Api) -> None:
    hidden, absent = api.get("projects/zope-x", "eve"), api.get("projects/nobody", "eve")

    assert hidden.status_code == absent.status_code == 404
    assert error(hidden)["message"] == "there is no project `zope-x`"
    assert error(absent) == error(hidden) | {"message": "there is no project `nobody`"}
    assert error(api.post("projects/zope-x/yank", "eve", {"version": "3.0"})) == error(hidden)
    assert api.get("projects/zope-x").status_code == api.get("projects/nobody").status_code == 401


def test_who_may_list_but_not_yank_is_told_which_right_is_missing(api: Api) -> None:
    answer = api.post("projects/acme-core/yank", "eve", {"version": "1.0"})

    assert answer.status_code == 403
    assert error(answer)["kind"] == "forbidden"
    assert "`yank`" in error(answer)["message"]


def test_a_release_is_yanked_and_unyanked_in_the_name_of_who_asks(api: Api, repository: Repository) -> None:
    files = [WHEEL, SDIST]

    yanked = api.post("projects/acme-core/yank", body={"version": "1.0", "reason": "broken"})
    again = api.post("projects/acme-core/yank", body={"version": "1.0.0", "reason": "broken"})

    assert yanked.get_json() == {"project": "acme-core", "changed": files, "unchanged": []}
    assert (again.status_code, again.get_json()["unchanged"]) == (200, files)
    fact = last_fact(repository)
    assert (fact.what, fact.actor.who, fact.actor.means) == ("yank", "user:ann", "password")
    assert fact.actor.address == "127.0.0.1"
    unyanked = api.post("projects/acme-core/unyank", body={"version": "1.0"})
    assert unyanked.get_json() == {"project": "acme-core", "changed": files, "unchanged": []}


def test_a_plan_is_shown_and_carried_out_under_its_serial(api: Api, repository: Repository) -> None:
    plan = api.post("projects/acme-core/delete", "dora", {"version": "1.0", "dry_run": True}).get_json()
    done = api.post("projects/acme-core/delete", "dora", {"version": "1.0", "serial": plan["serial"]})

    assert plan["deleted"] == [WHEEL, SDIST]
    assert (done.status_code, done.get_json()) == (200, plan)
    assert not (repository.roots[0] / WHEEL).exists()


def test_a_plan_that_no_longer_holds_deletes_nothing(api: Api, repository: Repository) -> None:
    plan = api.post("projects/acme-core/delete", "dora", {"dry_run": True}).get_json()
    api.post("projects/acme-core/yank", body={"version": "1.0"})

    answer = api.post("projects/acme-core/delete", "dora", {"serial": plan["serial"]})

    assert (answer.status_code, error(answer)["kind"]) == (409, "conflict")
    assert (repository.roots[0] / WHEEL).exists()


def test_one_file_is_deleted(api: Api, repository: Repository) -> None:
    done = api.post("projects/acme-core/delete", "dora", {"file": SDIST}).get_json()

    assert done["deleted"] == [SDIST]
    assert (repository.roots[0] / WHEEL).exists()


def test_the_status_is_set_and_it_is_said_whether_that_is_new(api: Api) -> None:
    said = {"status": "archived", "reason": "done"}

    first = api.post("projects/acme-core/status", body=said)
    again = api.post("projects/acme-core/status", body=said)

    assert first.get_json() == again.get_json() == {"project": "acme-core", **said}
    assert [one.headers["X-Pypitool-Outcome"] for one in (first, again)] == ["changed", "unchanged"]


def test_quarantine_and_its_end_are_for_admins(api: Api) -> None:
    quarantine, active = {"status": "quarantined"}, {"status": "active"}

    assert api.post("projects/acme-core/status", "ann", quarantine).status_code == 403
    assert api.post("projects/acme-core/status", "qa", quarantine).status_code == 200
    assert api.post("projects/acme-core/status", "ann", active).status_code == 403
    assert api.post("projects/acme-core/status", "qa", active).status_code == 200


@pytest.mark.parametrize("user", ["ann", "dora"])
def test_who_may_not_quarantine_is_told_that_it_takes_admin(api: Api, user: str) -> None:
    quarantine = api.post("projects/acme-core/status", user, {"status": "quarantined"})
    api.post("projects/acme-core/status", "qa", {"status": "quarantined"})
    lifted = api.post("projects/acme-core/status", user, {"status": "active"})

    for refused in (quarantine, lifted):
        assert refused.status_code == 403
        assert "admin" in error(refused)["message"]
        assert "yank" not in error(refused)["message"]


def test_users_are_managed_by_admins_of_everything(api: Api, tmp_path: Path) -> None:
    added = api.ask("PUT", "users/carl", "root", {"password": "carls"})
    changed = api.ask("PUT", "users/carl", "root", {"password": "new"})

    assert (added.get_json(), added.headers["X-Pypitool-Outcome"]) == ({"user": "carl"}, "created")
    assert changed.headers["X-Pypitool-Outcome"] == "replaced"
    assert Accounts(tmp_path / "htpasswd").verify("carl", "new")
    assert "carl" in api.get("users", "root").get_json()["users"]
    checked = api.post("users/carl/check", "root", {"password": "new"})
    assert checked.get_json() == {"user": "carl", "valid": True}
    assert api.post("users/carl/check", "root", {"password": "x"}).get_json()["valid"] is False
    assert api.ask("DELETE", "users/carl", "root").get_json() == {"user": "carl"}
    gone = api.ask("DELETE", "users/carl", "root")
    assert (gone.status_code, str(tmp_path) in gone.text) == (404, False)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "users"), ("PUT", "users/x"), ("DELETE", "users/x"), ("POST", "users/x/check"), ("GET", "runs")],
)
def test_what_is_about_the_server_is_for_admins_of_everything(api: Api, method: str, path: str) -> None:
    assert api.ask(method, path).status_code == 401
    assert error(api.ask(method, path, "qa"))["kind"] == "forbidden"


def test_a_server_without_a_mirror_has_no_runs(api: Api, repository: Repository) -> None:
    assert api.get("runs", "root").get_json() == []
    assert not repository.files.mirror.exists()


def test_runs_are_told(api: Api, repository: Repository) -> None:
    record = MirrorRecord(repository.files.mirror)
    number = record.begin_run("sync", "2026-01-01T00:00:00.000000Z")
    record.close()

    assert [run["run"] for run in api.get("runs", "root").get_json()] == [number]
    assert api.get(f"runs/{number}", "root").get_json()["events"] == []
    assert api.get("runs/99", "root").status_code == api.get("runs/x", "root").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("projects/acme-core/yank", {}, "missing field `version`"),
        ("projects/acme-core/yank", {"version": None}, "missing field `version`"),
        ("projects/acme-core/yank", {"version": 1}, "`version` has to be a text"),
        ("projects/acme-core/yank", {"version": "1.0", "x": 1}, "unknown field `x`"),
        ("projects/acme-core/yank", ["1.0"], "the body is no JSON object"),
        ("projects/acme-core/yank", {"version": "1.0", "reason": "\ud800"}, "`reason` is no text"),
        ("projects/acme-core/delete", {"serial": True}, "`serial` has to be a whole number"),
        ("projects/acme-core/status", {"status": "gone"}, "`status` has to be one of active"),
        ("projects/-/yank", {"version": "1.0"}, "-"),
    ],
)
def test_a_body_that_says_something_else_is_invalid(api: Api, path: str, body: Any, words: str) -> None:
    answer = api.post(path, "root", body)

    assert (answer.status_code, error(answer)["kind"]) == (400, "invalid")
    assert words in error(answer)["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_invalid(api: Api, body: bytes) -> None:
    answer = api._client.post(
        "/api/v1/projects/acme-core/yank",
        data=body,
        headers={"Authorization": basic("ann", "anns"), "Content-Type": "application/json"},
    )

    assert (answer.status_code, error(answer)["kind"]) == (400, "invalid")


def test_a_body_beyond_a_mebibyte_is_413(api: Api) -> None:
    answer = api.post("projects/acme-core/yank", body={"version": "1.0", "reason": "x" * 1024**2})

    assert (answer.status_code, error(answer)["kind"]) == (413, "invalid")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_a_web_page_cannot_make_a_browser_change_something(
    api: Api, headers: dict[str, str], status: int
) -> None:
    answer = api.post("projects/acme-core/yank", body={"version": "1.0"}, **headers)

    assert answer.status_code == status
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_change_needs_a_name_even_where_anybody_may(start: Start) -> None:
    api = start(rules=(), auth=AuthSettings(authenticate=()))

    answer = api.post("projects/acme-core/yank", None, {"version": "1.0"})

    assert (answer.status_code, error(answer)["kind"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert api.get("projects").status_code == 200


def test_cookies_are_nobody(api: Api) -> None:
    answer = api.post("projects/acme-core/yank", None, {"version": "1.0"}, Cookie="session=ann; user=ann")

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


def test_wrong_credentials_are_unauthorized(api: Api) -> None:
    answer = api.post(
        "projects/acme-core/yank", None, {"version": "1.0"}, Authorization=basic("ann", "wrong")
    )

    assert (answer.status_code, error(answer)["kind"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("GET", "projects/acme-core/1.0/x", 404), ("PUT", "projects", 405)],
)
def test_other_addresses_are_not_found(api: Api, method: str, path: str, status: int) -> None:
    answer = api.ask(method, path, "root")

    assert (answer.status_code, error(answer)["kind"]) == (status, "not_found")
    assert answer.headers["Cache-Control"] == "no-store"


def test_answers_are_never_replayed(api: Api) -> None:
    before = api.get("projects/acme-core/1.0").get_json()
    api.post("projects/acme-core/yank", body={"version": "1.0"})
    after = api.get("projects/acme-core/1.0")

    assert (before["yanked"], after.get_json()["yanked"]) == (False, True)
    assert after.headers["Cache-Control"] == "no-store"
    assert "ETag" not in after.headers


def test_the_api_lies_below_what_the_server_is_mounted_at(start: Start) -> None:
    api = start(server_base_url="/pypi/")

    assert api.get("").get_json()["api"] == 1
    assert error(api.get("projects/nobody", "ann"))["kind"] == "not_found"


def test_a_read_only_server_changes_nothing(start: Start) -> None:
    answer = start(read_only=True).post("projects/acme-core/yank", body={"version": "1.0"})

    assert (answer.status_code, error(answer)["kind"]) == (503, "unavailable")


def test_without_a_password_file_there_are_no_users(start: Start) -> None:
    proxy = AuthSettings(header="Remoteuser")
    api = start(auth=proxy, trusted_proxies=("127.0.0.1",))

    answer = api.get("users", Remoteuser="root")

    assert (answer.status_code, error(answer)["kind"]) == (404, "not_found")


def test_owners_are_for_admins_of_the_project(api: Api, repository: Repository) -> None:
    assert api.get("projects/acme-core/owners", "ann").status_code == 403
    assert api.get("projects/zope-x/owners", "eve").status_code == 404
    assert api.get("projects/acme-core/owners", "qa").get_json() == {"project": "acme-core", "owners": []}

    changed = api.ask("PUT", "projects/Acme.Core/owners", "qa", {"owners": ["eve", "token:ci"]})

    assert changed.get_json() == {"project": "acme-core", "owners": ["token:ci", "user:eve"]}
    assert last_fact(repository).actor.who == "user:qa"
    assert api.post("projects/acme-core/yank", "eve", {"version": "1.0"}).status_code == 200
    assert api.ask("PUT", "projects/acme-core/owners", "qa", {"owners": ["*"]}).status_code == 400
    assert api.ask("PUT", "projects/acme-core/owners", "qa", {"owners": "eve"}).status_code == 400
    assert api.ask("PUT", "projects/acme-none/owners", "qa", {"owners": []}).status_code == 404


def test_everybody_makes_personal_tokens_and_sees_no_others(api: Api) -> None:
    wanted = {"name": "laptop", "projects": ["acme-*"], "may": ["yank", "delete"], "expires": "1d"}

    made = api.post("tokens", "ann", wanted)
    service = api.post("tokens", "root", {"name": "ci", "may": ["upload"]})

    assert (made.status_code, service.status_code) == (201, 201)
    assert (made.get_json()["owner"], service.get_json()["owner"]) == ("user:ann", None)
    assert [one["name"] for one in api.get("tokens", "ann").get_json()] == ["laptop"]
    assert [one["name"] for one in api.get("tokens", "eve").get_json()] == []
    assert sorted(one["name"] for one in api.get("tokens", "root").get_json()) == ["ci", "laptop"]
    assert "token" not in api.get("tokens", "ann").get_json()[0]
    identity = made.get_json()["id"]
    assert api.ask("DELETE", f"tokens/{identity}", "eve").status_code == 404
    assert api.ask("DELETE", f"tokens/{service.get_json()['id']}", "ann").status_code == 404
    assert api.ask("DELETE", "tokens/laptop", "ann").get_json()["revoked"]
    assert api.ask("DELETE", f"tokens/{identity}", "ann").headers["X-Pypitool-Outcome"] == "unchanged"
    assert api.get("tokens").status_code == api.post("tokens", None, wanted).status_code == 401


def test_a_personal_token_may_no_more_than_its_owner_and_makes_no_other(api: Api) -> None:
    wanted = {"name": "laptop", "may": ["yank", "delete", "admin"]}
    secret = api.post("tokens", "ann", wanted).get_json()["token"]

    def ask(method: str, path: str, body: Any = None) -> TestResponse:
        return api.ask(method, path, None, body, Authorization=f"Bearer {secret}")

    assert ask("POST", "projects/acme-core/yank", {"version": "1.0"}).status_code == 200
    assert ask("POST", "projects/acme-core/delete", {"version": "1.0"}).status_code == 403
    assert error(ask("POST", "tokens", wanted))["kind"] == "forbidden"
    assert [one["name"] for one in ask("GET", "tokens").get_json()] == ["laptop"]
    assert ask("DELETE", "tokens/ann/laptop").status_code == 200
    assert ask("GET", "tokens").status_code == 401


def test_a_taken_name_of_a_token_is_a_conflict(api: Api) -> None:
    api.post("tokens", "ann", {"name": "laptop", "may": ["yank"]})

    assert api.post("tokens", "ann", {"name": "laptop", "may": ["yank"]}).status_code == 409
    assert api.post("tokens", "dora", {"name": "laptop", "may": ["yank"]}).status_code == 201
    assert api.post("tokens", "ann", {"name": "x", "may": []}).status_code == 400


def test_a_personal_token_does_not_come_back_with_another_user_of_that_name(
    api: Api, repository: Repository
) -> None:
    made = [
        api.post("tokens", "ann", {"name": name, "may": ["yank"]}).get_json() for name in ("pc", "laptop")
    ]
    other = made_by(api, "dora", "pc")

    removed = api.ask("DELETE", "users/ann", "root")
    added = api.ask("PUT", "users/ann", "root", {"password": "anns"})

    assert (removed.get_json(), added.get_json()) == ({"user": "ann", "revoked": 2}, {"user": "ann"})
    assert [api.get("tokens", **bearer(one)).status_code for one in (*made, other)] == [401, 401, 200]
    ends = [fact for fact in repository.facts.replay() if fact.what == "token-revoke"]
    assert [fact.details["id"] for fact in ends] == [one["id"] for one in made]
    assert {(fact.actor.who, fact.reason) for fact in ends} == {("user:root", "its owner was removed")}


def test_a_changed_password_keeps_tokens_and_says_how_many(api: Api) -> None:
    token = made_by(api, "ann", "laptop")

    changed = api.ask("PUT", "users/ann", "root", {"password": "anns"})

    assert changed.get_json() == {"user": "ann", "tokens": 1}
    assert api.get("tokens", **bearer(token)).status_code == 200


def test_all_tokens_of_a_user_end_at_once(api: Api) -> None:
    made = [
        api.post("tokens", "ann", {"name": name, "may": ["yank"]}).get_json() for name in ("pc", "laptop")
    ]
    service = made_by(api, "root", "ann")

    by_another = api.ask("DELETE", "users/ann/tokens", "dora")
    by_admin = api.ask("DELETE", "users/ann/tokens", "root")
    again = api.ask("DELETE", "users/ann/tokens", "root")

    assert (by_another.status_code, by_another.get_json()) == (200, [])
    assert [one["name"] for one in by_admin.get_json()] == ["pc", "laptop"]
    assert [one.headers["X-Pypitool-Outcome"] for one in (by_admin, again)] == ["changed", "unchanged"]
    assert [api.get("tokens", **bearer(one)).status_code for one in (*made, service)] == [401, 401, 200]


def test_decisions_are_explained_to_admins_and_to_whom_they_are_about(shared_api: Api) -> None:
    question = "may?who=ann&action=yank&project=acme-core"

    assert shared_api.get(question, "root").get_json() == shared_api.get(question, "ann").get_json()
    assert shared_api.get(question, "ann").get_json()["may"] is True
    assert shared_api.get(question, "dora").status_code == shared_api.get(question, "qa").status_code == 403
    assert shared_api.get(question).status_code == 401


@pytest.mark.parametrize(
    "query",
    ["", "who=ann", "who=ann&action=fly&project=x", "who=@&action=list&project=x", "who=*&x=1",
     "who=ann&who=bob&action=list&project=x", "who=ann&action=list&project=x&from=here"],
)  # fmt: skip
def test_a_question_that_is_none_is_invalid(shared_api: Api, query: str) -> None:
    assert error(shared_api.get(f"may?{query}", "root"))["kind"] == "invalid"


def test_an_explanation_does_not_tell_whether_a_hidden_project_is_there(start: Start, tmp_path: Path) -> None:
    passwords = tmp_path / "htpasswd"
    api = start(auth=AuthSettings(passwords=passwords, new_projects=("root",)))

    def explained(project: str) -> Any:
        document = api.get(f"may?who=eve&action=upload&project={project}", "eve").get_json()
        return {**document, "project": ""}

    assert explained("zope-x") == explained("zope-nothing")


def test_an_explanation_names_only_the_globs_that_hold_the_project(start: Start) -> None:
    api = start((
        RuleSettings(None, ("authenticated",), ("list",), ("*", "!acme-secret", "f*")),
        RuleSettings(None, ("ann",), ("list", "upload"), ("hush-*",)),
        RuleSettings(None, ("root",), ("admin",), ("*",)),
    ))  # fmt: skip
    api.post("tokens", "ann", {"name": "laptop", "projects": ["foo", "quiet-*"], "may": ["list"]})

    def reasons(user: str, who: str, project: str) -> list[str]:
        document = api.get(f"may?who={who}&action=list&project={project}", user).get_json()
        return [one["reason"] for one in document["because"]]

    assert reasons("ann", "ann", "foo") == ["projects * f*", "not for this project"]
    assert reasons("ann", "ann", "acme-secret") == ["not for this project", "not for this project"]
    assert reasons("ann", "ann", "*") == ["not for this project", "not for this project"]
    assert reasons("root", "ann", "foo") == ["projects * f* !acme-secret", "projects hush-* only"]
    assert reasons("root", "token:ann/laptop", "foo")[-1] == "scope: list on foo quiet-*"


def test_a_token_is_told_of_its_own_globs_as_little(api: Api) -> None:
    made = api.post("tokens", "root", {"name": "ci", "projects": ["foo", "quiet-*"], "may": ["list"]})
    token = {"Authorization": f"Bearer {made.get_json()['token']}"}

    def reason(project: str) -> str:
        document = api.get(f"may?who=token:ci&action=list&project={project}", **token).get_json()
        return str(document["because"][-1]["reason"])

    assert reason("foo") == "scope: list on foo"
    assert reason("other") == "scope: list, not for this project"


def test_a_dead_token_is_explained_as_the_server_judges_it(api: Api) -> None:
    first = api.post("tokens", "root", {"name": "ci", "projects": ["acme-*"], "may": ["upload"]}).get_json()
    ended = api.ask("DELETE", f"tokens/{first['id']}", "root").get_json()["revoked"]
    dead = api.get("may?who=token:ci&action=upload&project=acme-core", "root").get_json()
    api.post("tokens", "root", {"name": "ci", "projects": ["other"], "may": ["upload"]})
    alive = api.get("may?who=token:ci&action=upload&project=other", "root").get_json()

    assert (dead["may"], dead["because"]) == (
        False, [{"speaks": False, "reason": f"revoked {ended[:19]}Z"}],
    )  # fmt: skip
    assert alive["may"]


def test_the_record_of_decisions_is_for_admins_of_everything(api: Api) -> None:
    api.post("projects/acme-core/yank", body={"version": "1.0"})
    api.post("tokens", "root", {"name": "ci", "may": ["upload"]})

    lines = api.get("audit", "root").get_json()
    assert [line["what"] for line in lines] == ["yank", "yank", "token-create"]
    assert not any("hash" in line for line in lines)
    assert len(api.get("audit?project=Acme.Core&user=ann&since=1d", "root").get_json()) == 2
    assert api.get("audit?since=2999-01-01", "root").get_json() == []
    assert api.get("audit?since=never", "root").status_code == 400
    assert api.get("audit", "qa").status_code == 403
    assert error(api.get("audit/downloads/acme-core/1.0", "root"))["kind"] == "config"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "projects/acme-core/{}"),
        ("GET", "runs/{}"),
    ],
)
@pytest.mark.parametrize("number", ["9" * 5000, "9" * 23, "9" * 19], ids=[5000, 23, 19])
def test_numbers_of_many_digits_in_addresses_are_not_found(
    api: Api, method: str, path: str, number: str
) -> None:
    assert api.ask(method, path.format(number), "root").status_code == 404


@pytest.mark.parametrize("deed", ["yank", "unyank"])
def test_a_version_of_many_digits_is_not_held(api: Api, deed: str) -> None:
    answer = api.post(f"projects/acme-core/{deed}", "root", {"version": "9" * 5000})

    assert answer.status_code == 404


@pytest.mark.parametrize("text", ["9" * 5000, "9" * 5000 + "d", "2026-01-" + "9" * 5000])
def test_times_of_many_digits_are_wrong(shared_api: Api, text: str) -> None:
    assert shared_api.get(f"audit?since={text}", "root").status_code == 400


def test_downloads_of_a_version_of_many_digits_are_none(start: Start) -> None:
    answer = start(download_log=True).get(f"audit/downloads/acme-core/{'9' * 5000}", "root")

    assert answer.status_code == 404

"""`pypitool may` and `pypitool owner`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.cli.commands.may import ACTIONS
from pypitool.core.rights.right import Right
from pypitool.core.rights.tokens import Token
from pypitool.repository.repository import Repository
from tests.cli.conftest import Ended, Run
from tests.support.accounts import write_htpasswd

RULES = """
[groups]
data = ["ann", "@night"]
night = ["deploy"]

[[rule]]
who = ["anonymous"]
may = ["list"]

[[rule]]
who = ["@data", "token:ci-*"]
may = ["upload", "overwrite"]
projects = ["acme-*", "new-*"]
from = ["10.0.0.0/8"]

[[rule]]
who = ["deploy"]
may = ["yank"]
projects = ["web-*"]

[[rule]]
who = ["root"]
may = ["admin"]
"""


PUBLISHER = """
[auth]
oidc-audience = "pypi.example"

[[rule]]
who = ["root"]
may = ["admin"]

[[publisher]]
name = "gh"
issuer = "https://ci.example"
claims = { repository = "acme/core" }
projects = ["acme-*"]
"""
CREATED, EXPIRED = "2026-01-02T03:04:05.000000Z", "2026-02-03T04:05:06.000007Z"


@pytest.fixture
def configured(run: Run, tmp_path: Path) -> Run:
    """Run a command under rules; `rules` replaces them."""

    def configured(*words: str, rules: str = RULES) -> Ended:
        file = tmp_path / "config.toml"
        file.write_text(rules)
        return run(*words, "--config", str(file))

    return configured


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (("deploy", "upload", "acme-core", "--from", "10.0.0.1"), 0),
        (("user:deploy", "upload", "Acme.Core", "--from", "::ffff:10.0.0.1"), 0),
        (("deploy", "upload", "acme-core", "--from", "192.0.2.1"), 1),
        (("deploy", "upload", "acme-core"), 1),
        (("deploy", "yank", "acme-core"), 1),
        (("deploy", "list", "other"), 0),
        (("nobody", "list", "other"), 0),
        (("@data", "upload", "acme-core", "--from", "10.0.0.1"), 0),
        (("@night", "upload", "acme-core", "--from", "10.0.0.1"), 0),
        (("@night", "yank", "web-x"), 1),
        (("token:ci-1", "upload", "acme-core", "--from", "10.0.0.1"), 0),
        (("token:other", "upload", "acme-core", "--from", "10.0.0.1"), 1),
        (("publisher:x", "list", "other"), 0),
        (("anonymous", "download", "other"), 1),
        (("authenticated", "list", "other"), 0),
        (("root", "admin", "*"), 0),
        (("deploy", "admin", "*"), 1),
        (("anonymous", "list", "*"), 0),
        (("deploy", "overwrite", "acme-core", "--from", "10.0.0.1"), 1),  # the server runs without -o
    ],
)
def test_the_exit_code_is_the_answer(configured: Run, question: tuple[str, ...], code: int) -> None:
    ended = configured("may", *question)

    assert ended.code == code
    assert ended.out.splitlines()[0] == ("no" if code else "yes")


def test_each_rule_that_names_somebody_says_why(configured: Run) -> None:
    ended = configured("may", "deploy", "upload", "web-core", "--from", "192.0.2.1")

    assert ended.rows == [
        ["no"],
        ["1", "6", "no", "may list only"],
        ["2", "10", "no", "from 10.0.0.0/8 only, not from 192.0.2.1"],
        ["3", "16", "no", "may yank only"],
    ]


def test_programs_get_a_document(configured: Run) -> None:
    ended = configured("may", "deploy", "upload", "acme-core", "--from", "10.0.0.1", "--json")

    assert ended.document == {
        "may": True,
        "who": "user:deploy",
        "action": "upload",
        "project": "acme-core",
        "because": [
            {"rule": 1, "line": 6, "speaks": False, "reason": "may list only"},
            {"rule": 2, "line": 10, "speaks": True, "reason": "projects acme-* new-*"},
            {"rule": 3, "line": 16, "speaks": False, "reason": "may yank only"},
        ],
    }


def test_the_short_form_is_a_reason(configured: Run) -> None:
    rules = "[auth]\npasswords = 'htpasswd'\nauthenticate = ['download', 'update']"

    anonymous = configured("may", "anonymous", "download", "other", "--json", rules=rules)
    deploy = configured("may", "deploy", "download", "other", "--json", rules=rules)

    assert (anonymous.code, deploy.code) == (1, 0)
    assert [reason["reason"] for reason in deploy.document["because"]] == [
        "short form: anonymous may list",
        "short form: authenticated may download, upload, overwrite, yank, delete",
    ]


def test_an_owner_and_a_new_name_are_reasons(configured: Run) -> None:
    rules = RULES + '[auth]\nnew-projects = ["@data"]\nowners = true\n'
    configured("owner", "other", "--add", "eve", rules=rules)

    owner = configured("may", "eve", "delete", "other", "--json", rules=rules)
    beginner = configured("may", "ann", "upload", "brand-new", "--json", rules=rules)
    stranger = configured("may", "eve", "upload", "brand-new", "--json", rules=rules)
    not_new = configured("may", "ann", "upload", "other", rules=rules)

    assert (owner.code, beginner.code, stranger.code, not_new.code) == (0, 0, 1, 1)
    assert owner.document["because"][-1] == {
        "rule": None, "line": None, "speaks": True,
        "reason": "owner: may list, download, upload, yank, delete there",
    }  # fmt: skip
    assert beginner.document["because"][-1]["reason"] == "new project: only @data may upload it"
    assert stranger.document["because"][-1]["speaks"] is False


def test_a_token_is_asked_about_with_its_scope(configured: Run) -> None:
    configured("token", "create", "--name", "ci-web", "--projects", "web-*", "--may", "upload")

    inside = configured("may", "token:ci-web", "upload", "web-core", "--json")
    outside = configured("may", "token:ci-web", "upload", "other", "--json")

    assert (inside.code, outside.code) == (0, 1)
    assert inside.document["because"][-1] == {
        "rule": None, "line": None, "speaks": True, "reason": "scope: upload on web-*",
    }  # fmt: skip


def test_a_revoked_token_may_nothing_and_it_is_said_since_when(configured: Run) -> None:
    configured("token", "create", "--name", "web", "--may", "upload")
    ended = configured("token", "revoke", "web", "--json").document["revoked"]

    # Anybody may list this; with this token nobody does.
    asked = configured("may", "token:web", "list", "acme-core", "--json")
    shown = configured("may", "token:web", "list", "acme-core")

    reason = f"revoked {ended[:19]}Z"
    assert (asked.code, asked.document) == (1, {
        "may": False, "who": "token:web", "action": "list", "project": "acme-core",
        "because": [{"speaks": False, "reason": reason}],
    })  # fmt: skip
    assert shown.rows == [["no"], ["-", "-", "no", reason]]


def test_a_token_made_anew_under_its_old_name_is_the_one_that_is_asked_about(configured: Run) -> None:
    configured("token", "create", "--name", "web", "--projects", "acme-*", "--may", "yank")
    configured("token", "revoke", "web")
    configured("token", "create", "--name", "web", "--projects", "other", "--may", "upload")

    assert configured("may", "token:web", "yank", "acme-core").code == 1
    assert configured("may", "token:web", "upload", "other").code == 0


def test_an_expired_token_may_nothing(configured: Run, packages: Path) -> None:
    with Repository.open([packages]) as repository:
        token = Token("f" * 64, "old", ("*",), frozenset({Right.LIST}), CREATED, expires=EXPIRED)
        repository.catalogue.add_token(token)

    asked = configured("may", "token:old", "list", "acme-core", "--json")

    assert (asked.code, asked.document["because"]) == (
        1, [{"speaks": False, "reason": "expired 2026-02-03T04:05:06Z"}],
    )  # fmt: skip


def test_a_personal_token_may_nothing_when_its_owner_is_gone(
    configured: Run, packages: Path, tmp_path: Path
) -> None:
    file = write_htpasswd(tmp_path / "htpasswd", {"deploy": "x", "ann": "y"})
    rules = f"{RULES}[auth]\npasswords = '{file}'\n"
    with Repository.open([packages]) as repository:
        token = Token("f" * 64, "mine", ("*",), frozenset({Right.LIST}), CREATED, owner="user:ann")
        repository.catalogue.add_token(token)

    before = configured("may", "token:ann/mine", "list", "acme-core", rules=rules).code
    write_htpasswd(file, {"deploy": "x"})
    after = configured("may", "token:ann/mine", "list", "acme-core", "--json", rules=rules)

    assert (before, after.code) == (0, 1)
    assert after.document["because"] == [{"speaks": False, "reason": "its owner ann is gone"}]


def test_a_publisher_may_what_its_table_gives(configured: Run) -> None:
    inside = configured("may", "publisher:gh", "upload", "acme-core", "--json", rules=PUBLISHER)
    outside = configured("may", "publisher:gh", "upload", "other", rules=PUBLISHER)

    assert (inside.code, outside.code) == (0, 1)
    assert inside.document["because"][-1] == {
        "rule": None, "line": None, "speaks": True, "reason": "scope: upload on acme-*",
    }  # fmt: skip


@pytest.mark.parametrize(
    "question",
    [
        ("*", "list", "acme-core"),
        ("us?r", "list", "acme-core"),
        ("@da*", "list", "acme-core"),
        ("publisher:*", "list", "acme-core"),
        ("deploy", "fly", "acme-core"),
        ("tokn:ci", "upload", "acme-core"),
        ("token:ci-*", "upload", "acme-core"),
        ("", "upload", "acme-core"),
        ("@", "upload", "acme-core"),
        ("deploy", "upload", "acme-core", "--from", "here"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(configured: Run, question: tuple[str, ...]) -> None:
    assert configured("may", *question).code == 2


def test_a_configuration_is_tried_out_where_nothing_is_served_yet(configured: Run, packages: Path) -> None:
    ended = configured("may", "root", "admin", "acme-core")

    assert ended.code == 0
    assert not (packages / ".pypitool" / "catalogue.sqlite").exists()


def test_actions_are_the_rights() -> None:
    assert tuple(right.value for right in Right) == ACTIONS


def test_owners_are_shown_added_and_removed(run: Run) -> None:
    assert run("owner", "acme-core").out == ""
    changed = run("owner", "Acme.Core", "--add", "bob", "--add", "token:ci")
    assert (changed.code, changed.err) == (0, "acme-core is owned by token:ci, user:bob\n")
    assert run("owner", "acme-core").out == "token:ci\nuser:bob\n"
    assert run("owner", "acme-core", "--remove", "user:bob", "--json").document == {
        "project": "acme-core",
        "owners": ["token:ci"],
    }
    assert run("owner", "acme-core", "--remove", "token:ci").err == "acme-core is owned by nobody\n"


def test_a_name_may_have_an_owner_before_it_has_a_file(run: Run) -> None:
    assert run("owner", "to-come").code == 5
    assert run("owner", "to-come", "--remove", "ann").code == 5
    assert run("owner", "to-come", "--add", "ann").code == 0
    assert run("owner", "to-come").out == "user:ann\n"


@pytest.mark.parametrize("word", ["@data", "token:*", "anonymous", "authenticated", ""])
def test_only_somebody_can_own_a_project(run: Run, word: str) -> None:
    assert run("owner", "acme-core", "--add", word).code == 1

"""`pypitool token`: made once, shown once, ended at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.core.rights.tokens import hash_of, is_token
from pypitool.repository.repository import Repository
from tests.cli.conftest import Run

CREATE = ("token", "create", "--name", "ci-acme", "--projects", "acme-*", "--may", "upload")


def test_a_token_is_printed_alone_and_once(run: Run, packages: Path) -> None:
    ended = run(*CREATE)

    token = ended.out.removesuffix("\n")
    assert ended.code == 0
    assert is_token(token)
    assert ended.err.startswith(f"created ci-acme {hash_of(token)[:12]}: upload on acme-* until ")
    with Repository.open([packages]) as repository:
        held = repository.catalogue.token(hash_of(token))
    assert held is not None
    assert held.owner is None
    assert token not in run("token", "list", "--json").out


def test_a_token_as_a_document(run: Run) -> None:
    made = run(*CREATE, "--may", "yank,list", "--projects", "!acme-secret", "--expires", "never", "--json")

    document = made.document
    token = document.pop("token")
    assert is_token(token)
    assert document == {
        "id": hash_of(token)[:12],
        "name": "ci-acme",
        "owner": None,
        "projects": ["acme-*", "!acme-secret"],
        "may": ["list", "upload", "yank"],
        "created": document["created"],
        "expires": None,
        "last_used": None,
        "revoked": None,
    }
    assert run("token", "list", "--json").document == [document]


def test_without_projects_it_is_for_all_and_for_ninety_days(run: Run) -> None:
    document = run("token", "create", "--name", "a", "--may", "list", "--json").document

    assert document["projects"] == ["*"]
    assert document["expires"] > document["created"]


def test_a_live_name_is_refused(run: Run) -> None:
    run(*CREATE)

    ended = run(*CREATE, "--json")

    assert ended.code == 6
    assert ended.out == ""
    assert ended.error["kind"] == "conflict"
    assert "already" in ended.error["message"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--name", "CI", "--may", "list"), 2),
        (("--name", "a", "--may", "fly"), 2),
        (("--name", "a", "--may", ","), 2),
        (("--name", "a", "--may", "list", "--projects", "!b"), 2),
        (("--name", "a", "--may", "list", "--expires", "soon"), 2),
        (("--name", "a"), 2),
        (("--may", "list"), 2),
    ],
)
def test_what_makes_no_token_is_refused(run: Run, words: tuple[str, ...], code: int) -> None:
    ended = run("token", "create", *words)

    assert ended.code == code
    assert ended.out == ""
    assert run("token", "list", "--json").document == []


def test_a_right_that_there_is_not_gets_the_one_that_was_meant(run: Run) -> None:
    ended = run("token", "create", "--name", "ci", "--may", "uplaod")

    assert (ended.code, ended.err) == (2, "error: there is no right `uplaod`, did you mean `upload`?\n")


def test_tokens_are_listed_with_what_became_of_them(run: Run) -> None:
    document = run(*CREATE, "--json").document

    run("token", "revoke", "ci-acme")

    row = ["ci-acme", document["id"], "upload", "acme-*", document["expires"][:16], "", "revoked"]
    assert run("token", "list").rows == [row]


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_token_is_revoked(run: Run, by: str) -> None:
    document = run(*CREATE, "--json").document

    ended = run("token", "revoke", document[by])
    again = run("token", "revoke", document[by], "--json")

    assert (ended.code, ended.out, ended.err) == (0, "", "revoked ci-acme\n")
    assert again.code == 0
    assert again.document == {**{key: value for key, value in document.items() if key != "token"},
                              "revoked": again.document["revoked"]}  # fmt: skip
    assert again.document["revoked"] is not None


def test_revoking_what_is_not_there_is_told(run: Run) -> None:
    ended = run("token", "revoke", "ci-acme", "--json")

    assert ended.code == 5
    assert ended.error["kind"] == "not_found"

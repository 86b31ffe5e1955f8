"""From the configuration to the rules that count."""

from __future__ import annotations

from pathlib import Path

from pypitool.access.rules import Rules, rules_of
from pypitool.config.loader import load_settings
from pypitool.core.names import normalize
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import Caller

DEPLOY = Caller("user:deploy", has_password=True)
CORE = normalize("acme-core")


def read(tmp_path: Path, text: str) -> Rules:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return rules_of(load_settings({}, {}, file, system_file=tmp_path / "none").settings)


def test_groups_are_spelled_out_and_networks_are_read(tmp_path: Path) -> None:
    rules = read(
        tmp_path,
        """
        [groups]
        data = ["ann", "@night"]
        night = ["deploy", "token:ci-*"]
        [[rule]]
        who = ["@data"]
        may = ["upload"]
        projects = ["acme-*", "!acme-secret"]
        from = ["10.0.0.0/8"]
        """,
    )

    (rule,) = rules.book.rules
    assert rule.who == ("ann", "deploy", "token:ci-*", "group:data", "group:night")
    assert rule.line == 5
    assert not rules.is_short
    assert rules.book.grants(rules.book.speaking(DEPLOY, "10.9.9.9"), Right.UPLOAD, CORE) == (0,)
    assert not rules.book.speaking(DEPLOY, "192.168.1.1")
    assert rules.documents() == [
        {
            "who": ["ann", "deploy", "token:ci-*"],
            "may": ["upload"],
            "projects": ["acme-*", "!acme-secret"],
            "from": ["10.0.0.0/8"],
            "line": 5,
        }
    ]


def test_without_rules_the_short_form_counts(tmp_path: Path) -> None:
    rules = read(tmp_path, "[auth]\nauthenticate = ['list', 'update']\npasswords = 'htpasswd'")

    assert rules.is_short
    assert [(one["who"], one["may"]) for one in rules.documents()] == [
        (["anonymous"], ["download"]),
        (["authenticated"], ["list", "upload", "overwrite", "yank", "delete"]),
    ]


def test_who_may_begin_a_project_is_nobody_somebody_or_not_said(tmp_path: Path) -> None:
    some = read(tmp_path, "auth.new-projects = ['@m', 'token:ci-*']\ngroups.m = ['deploy']").new_projects
    nobody = read(tmp_path, "auth.new-projects = []").new_projects

    assert some is not None
    assert nobody is not None
    assert [some.include(one) for one in (DEPLOY, Caller("token:ci-1"), Caller())] == [True, True, False]
    assert str(some) == "only @m, token:ci-*"
    assert not nobody.include(DEPLOY)
    assert str(nobody) == "nobody"
    assert read(tmp_path, "").new_projects is None


def test_the_digest_differs_when_somebody_may_something_else(tmp_path: Path) -> None:
    texts = [
        "",
        "auth.owners = true",
        "auth.new-projects = []",
        "rule = [{ who = '@a', may = 'list' }]\ngroups.a = ['ann']",
        "rule = [{ who = '@a', may = 'list' }]\ngroups.a = ['bob']",
    ]

    assert len({read(tmp_path, text).digest for text in texts}) == len(texts)
    same = read(tmp_path, "# a comment\n" + texts[3].replace("@a", "ann")).digest
    assert read(tmp_path, texts[3]).digest == same

"""`[groups]`, `[[rule]]` and what `[auth]` says beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.config.display import settings_document, settings_text
from pypitool.config.faults import BadConfiguration
from pypitool.config.loader import Loaded, load_settings
from pypitool.config.rights_tables import RuleSettings
from pypitool.core.errors import exit_code

WHOLE = """
    [auth]
    new-projects = ["@maintainers"]
    owners = true
    [groups]
    maintainers = ["ann", "@night"]
    night_shift = []
    night = ["token:ci-*", "user:bob"]

    [[rule]]
    who = ["anonymous"]
    may = "list"
    projects = ["*", "!acme-*"]
    [[rule]]
    who = ["@maintainers", "publisher:github-*"]
    may = ["Upload", "list"]
    from = ["10.1.2.3/8", "::1"]
"""


def load(tmp_path: Path, text: str, *, system: str = "", **environ: str) -> Loaded:
    file, system_file = tmp_path / "config.toml", tmp_path / "etc.toml"
    file.write_text(text)
    system_file.write_text(system)
    return load_settings({}, environ, file, system_file=system_file)


def faults(tmp_path: Path, text: str, **environ: str) -> dict[str, str]:
    with pytest.raises(BadConfiguration) as caught:
        load(tmp_path, text, **environ)
    assert exit_code(caught.value) == 8
    return {fault.path: fault.message for fault in caught.value.faults}


def test_rules_groups_and_their_lines_are_read(tmp_path: Path) -> None:
    settings = load(tmp_path, WHOLE).settings

    assert settings.rules == (
        RuleSettings(10, ("anonymous",), ("list",), ("*", "!acme-*")),
        RuleSettings(
            14, ("@maintainers", "publisher:github-*"), ("list", "upload"), from_=("10.0.0.0/8", "::1/128")
        ),
    )
    assert dict(settings.groups)["night_shift"] == ()
    assert settings.auth.new_projects == ("@maintainers",)
    assert settings.auth.owners


def test_nobody_and_not_said_are_different(tmp_path: Path) -> None:
    assert load(tmp_path, "").settings.auth.new_projects is None
    assert load(tmp_path, "auth.new-projects = []").settings.auth.new_projects == ()


def test_rules_on_one_line_have_no_line(tmp_path: Path) -> None:
    settings = load(tmp_path, 'rule = [{ who = "ann", may = "list" }]').settings

    assert [rule.line for rule in settings.rules] == [None]


def test_rules_come_from_the_strongest_file_that_has_any(tmp_path: Path) -> None:
    system = """
        [groups]
        a = ["ann"]
        b = ["bob"]
        [[rule]]
        who = "@a"
        may = "admin"
        [[rule]]
        who = "@b"
        may = "admin"
    """

    covered = load(tmp_path, 'groups.b = ["eve"]\n[[rule]]\nwho = "@b"\nmay = "list"', system=system).settings
    alone = load(tmp_path, "", system=system).settings

    assert [(rule.who, rule.may) for rule in covered.rules] == [(("@b",), ("list",))]
    assert dict(covered.groups) == {"a": ("ann",), "b": ("eve",)}
    assert [rule.who for rule in alone.rules] == [("@a",), ("@b",)]


RULE = "[[rule]]\nwho = ['ann']\nmay = ['list']\n"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("[[rule]]\nmay = ['list']", "rule[1]", "needs `who`"),
        (RULE + "[[rule]]\nwho = ['ann']", "rule[2]", "needs `may`"),
        ("[[rule]]\nwho = []\nmay = ['list']", "rule[1].who", "names nobody"),
        ("[[rule]]\nwho = ['ann']\nmay = []", "rule[1].may", "allows nothing"),
        (
            "[[rule]]\nwho = ['ann']\nmay = ['list', 'uplaod']",
            "rule[1].may",
            "there is no right `uplaod`, did you mean `upload`?",
        ),
        (RULE + "from = ['10.0.0.0/99']", "rule[1].from", "expected an address"),
        (RULE + "from = ['here']", "rule[1].from", "expected an address"),
        (RULE + "from = ['unix']", "rule[1].from", "a socket has no address"),
        (RULE + "from = []", "rule[1].from", "leave it out for everywhere"),
        (RULE + "projects = ['!acme-*', '!b']", "rule[1].projects", "is about no project"),
        (RULE + "projects = []", "rule[1].projects", "is about no project"),
        (RULE + "projects = ['a b']", "rule[1].projects", "expected a project name"),
        (RULE + "form = ['10.0.0.0/8']", "rule[1].form", "unknown key, did you mean `from`?"),
        (
            "[[rule]]\nwho = ['tokn:ci']\nmay = ['list']",
            "rule[1].who",
            "nobody is named `tokn:ci`, did you mean `token:`?",
        ),
        ("[[rule]]\nwho = ['token:']\nmay = ['list']", "rule[1].who", "expected a name behind `token:`"),
        ("[[rule]]\nwho = ['token:a/b']\nmay = ['list']", "rule[1].who", "expected a name behind `token:`"),
        ("[[rule]]\nwho = ['@']\nmay = ['list']", "rule[1].who", "expected the name of a group"),
        (
            "groups.data = []\n[[rule]]\nwho = ['@dat']\nmay = ['list']",
            "rule[1].who",
            "there is no group `dat`, did you mean `data`?",
        ),
        ("groups.data = ['@night']", "groups.data", "there is no group `night`; there is data"),
        ("auth.new-projects = ['@night']", "auth.new-projects", "there is no group `night`; there is none"),
        ("[groups]\na = ['@b']\nb = ['ann', '@c']\nc = ['@a']", "groups.a", "in a circle: `a` holds `b`"),
        ("groups.a = ['@a']", "groups.a", "is in a circle: `a` holds `a`"),
        ("groups.a = 7", "groups.a", "expected an array of names, got an integer"),
        ("groups.'a b' = ['ann']", "groups.a b", "expected a name of letters"),
        ("groups = 7", "groups", "expected a table, got an integer"),
        ("[rule]\nwho = ['ann']", "rule", "expected tables, each headed `[[rule]]`"),
        (RULE + "[auth]\nauthenticate = ['update']", "auth.authenticate", "leave it out"),
    ],
)
def test_a_faulty_right_is_refused_with_its_place(tmp_path: Path, text: str, path: str, message: str) -> None:
    found = faults(tmp_path, text)

    assert list(found) == [path]
    assert message in found[path]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = """
        groups.a = ["@nobody"]
        [[rule]]
        who = []
        may = ["fly"]
        from = ["nowhere"]
        [[rule]]
        who = ["@b"]
        extra = 1
    """

    assert list(faults(tmp_path, text)) == [
        "rule[1].who", "rule[1].may", "rule[1].from", "rule[2].extra", "rule[2]", "groups.a", "rule[2].who",
    ]  # fmt: skip


def test_a_flag_beside_rules_is_a_wrong_configuration_too(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(RULE)

    with pytest.raises(BadConfiguration) as caught:
        load_settings({"auth.authenticate": ("update",)}, {}, file)

    assert exit_code(caught.value) == 8
    assert str(caught.value).startswith("--authenticate: leave it out")
    assert "" in faults(tmp_path, RULE, PYPITOOL_AUTHENTICATE="update")


def test_rules_are_shown_as_a_file_has_them(tmp_path: Path) -> None:
    loaded = load(tmp_path, WHOLE)

    text = settings_text(loaded, origins=True)

    assert text.count("[[rule]]\n") == 2
    assert 'from = ["10.0.0.0/8", "::1/128"]' in text
    assert load(tmp_path, text).settings.groups == loaded.settings.groups
    value = settings_document(loaded)["settings"]["rule[2].from"]
    assert value["value"] == ["10.0.0.0/8", "::1/128"]

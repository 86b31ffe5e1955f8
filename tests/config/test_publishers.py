"""`[[publisher]]`, and what `[auth]` says beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.access.rules import rules_of
from pypitool.config.display import settings_text
from pypitool.config.faults import BadConfiguration
from pypitool.config.loader import Loaded, load_settings
from pypitool.config.publisher_tables import PublisherSettings
from pypitool.core.errors import exit_code
from pypitool.core.rights.right import Right

AUDIENCE = "auth.oidc-audience = 'here'\n"
CLAIMS = "claims = { repository = 'acme/core' }\n"
PUBLISHER = (
    f"{AUDIENCE}[[publisher]]\nname = 'github'\nissuer = 'https://issuer.example'\nprojects = 'acme-*'\n"
)
WHOLE = """
[auth]
oidc-audience = "here"
[[publisher]]
name = "github"
issuer = "https://issuer.example"
claims = { repository = "acme/core", ref = ["refs/heads/main", "refs/tags/*"], "x:y" = true, run = 7 }
projects = ["acme-*", "!acme-secret"]
may = ["upload", "yank"]
expires = "5m"
ca = "issuer.pem"
"""


def load(tmp_path: Path, text: str) -> Loaded:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load_settings({}, {}, file)


def faults(tmp_path: Path, text: str) -> dict[str, str]:
    with pytest.raises(BadConfiguration) as caught:
        load(tmp_path, text)
    assert exit_code(caught.value) == 8
    return {fault.path: fault.message for fault in caught.value.faults}


def test_a_publisher_is_read(tmp_path: Path) -> None:
    settings = load(tmp_path, WHOLE).settings

    assert settings.auth.oidc_audience == "here"
    assert settings.publishers == (
        PublisherSettings(
            4,
            "github",
            "https://issuer.example",
            (
                ("repository", ("acme/core",)),
                ("ref", ("refs/heads/main", "refs/tags/*")),
                ("x:y", (True,)),
                ("run", (7,)),
            ),
            ("acme-*", "!acme-secret"),
            ("upload", "yank"),
            300.0,
            tmp_path / "issuer.pem",
        ),
    )


def test_it_uploads_for_a_quarter_of_an_hour_unless_it_says_more(tmp_path: Path) -> None:
    (publisher,) = load(tmp_path, PUBLISHER + CLAIMS).settings.publishers

    assert (publisher.may, publisher.expires, publisher.ca) == (("upload",), 900.0, None)


def test_what_is_shown_reads_as_the_same(tmp_path: Path) -> None:
    loaded = load(tmp_path, WHOLE)

    again = load(tmp_path, settings_text(loaded, origins=True))

    assert [one.claims for one in again.settings.publishers] == [
        one.claims for one in loaded.settings.publishers
    ]


def test_the_rules_know_the_publishers_and_differ_with_them(tmp_path: Path) -> None:
    rules = rules_of(load(tmp_path, WHOLE).settings)
    others = rules_of(load(tmp_path, WHOLE.replace("acme/core", "acme/other")).settings)

    (publisher,) = rules.publishers
    assert publisher.scope.may == {Right.UPLOAD, Right.YANK}
    assert str(publisher.scope.projects) == "acme-* !acme-secret"
    assert rules.digest != others.digest
    assert rules_of(load(tmp_path, "").settings).publishers == ()


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (PUBLISHER, "publisher[1]", "needs `claims`"),
        (PUBLISHER + "claims = {}", "publisher[1].claims", "asks for nothing"),
        (PUBLISHER + "claims = 'x'", "publisher[1].claims", "expected a table such as"),
        (PUBLISHER + "claims = { ref = [] }", "publisher[1].claims.ref", "allows nothing"),
        (PUBLISHER + "claims = { ref = '' }", "publisher[1].claims.ref", "got an empty string"),
        (
            PUBLISHER + "claims = { ref = { a = 1 } }",
            "publisher[1].claims.ref",
            "expected a string, a number",
        ),
        (PUBLISHER + CLAIMS + "may = []", "publisher[1].may", "allows nothing"),
        (PUBLISHER + CLAIMS + "may = ['fly']", "publisher[1].may", "there is no right `fly`"),
        (PUBLISHER + CLAIMS + "expires = '61m'", "publisher[1].expires", "expected at most 1h"),
        (PUBLISHER + CLAIMS + "expires = '0'", "publisher[1].expires", "above 0"),
        (PUBLISHER + CLAIMS + "claim = 1", "publisher[1].claim", "unknown key, did you mean `claims`?"),
        ((PUBLISHER + CLAIMS).replace("https:", "http:"), "publisher[1].issuer", "expected an https URL"),
        ((PUBLISHER + CLAIMS).replace("example'", "example?a'"), "publisher[1].issuer", "without a query"),
        ((PUBLISHER + CLAIMS).replace("'github'", "'Git Hub'"), "publisher[1].name", "lower case letters"),
        ((PUBLISHER + CLAIMS).replace("'acme-*'", "[]"), "publisher[1].projects", "is about no project"),
        (
            (PUBLISHER + CLAIMS).replace(AUDIENCE, ""),
            "publisher[1]",
            "needs `oidc-audience` under `[auth]`",
        ),
        (
            PUBLISHER + CLAIMS + (PUBLISHER + CLAIMS).replace(AUDIENCE, ""),
            "publisher[2].name",
            "is the name of publisher[1] already",
        ),
    ],
)
def test_a_faulty_publisher_is_refused_with_its_place(
    tmp_path: Path, text: str, path: str, message: str
) -> None:
    found = faults(tmp_path, text)

    assert list(found) == [path]
    assert message in found[path]

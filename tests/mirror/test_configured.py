from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

import pytest

from pypitool.config.faults import BadConfiguration
from pypitool.config.job_tables import NOTIFY_ON
from pypitool.config.kinds import ValueKind
from pypitool.config.loader import load_settings
from pypitool.config.mirror_tables import CLOSURE, FILES
from pypitool.config.settings import Settings
from pypitool.core.errors import exit_code
from pypitool.core.mirror.selection import FilesPolicy, Formats, SelectionRules
from pypitool.core.upload.credential_choice import Credentials
from pypitool.mirror.configured import (
    HOST,
    NoSets,
    UnknownName,
    asks_about_copied_in,
    check_set_names,
    recipients,
    selection_rules,
    set_requests,
    targets,
    upstreams,
)
from pypitool.mirror.inputs import InputFaults, Inputs
from pypitool.mirror.notify import NotifyOn, Recipients
from pypitool.mirror.sets import Closure
from pypitool.upstream.upstream import Upstream, default_index

TARGETS = """
    [targets]
    linux = { python = "3.12", platform = "manylinux2014_x86_64" }
    odd = { python = "3.10", platform = "win32", implementation = "pp", abi = "pypy310_pp73", markers = { platform_release = "10" } }
"""  # noqa: E501 - an inline table is one line in TOML 1.0


def settings_of(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load_settings({}, {}, file).settings


def test_without_any_upstream_there_is_the_public_one() -> None:
    assert upstreams(Settings(), {}) == (Upstream("pypi", default_index()),)


def test_upstreams_are_as_configured_in_the_order_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("authorities")
    text = """
        [upstream.corp]
        index = "https://pypi.acme.example/simple"
        projects = ["acme-*"]
        workers = 16
        retries = 1
        timeout = "5s"
        retry-after-max = "10s"
        ca = "ca.pem"
        proxy = "http://proxy:3128"
        allow-unhashed = true
        [upstream.public]
        index = "pypi"
    """

    corp, public = upstreams(settings_of(tmp_path, text), {})

    assert corp == Upstream(
        name="corp",
        index="https://pypi.acme.example/simple/",
        projects=("acme-*",),
        workers=16,
        retries=1,
        timeout=5.0,
        retry_after_max=10.0,
        ca=tmp_path / "ca.pem",
        proxy="http://proxy:3128",
        allow_unhashed=True,
    )
    assert public == Upstream("public", default_index())


@pytest.mark.parametrize(
    ("keys", "credentials"),
    [
        ("index = 'https://h/s/'", None),
        ("index = 'https://me:p%40ss@h/s/'", Credentials("me", "p@ss")),
        ("index = 'https://h/s/'\nauth = { user = 'me', password-env = 'P' }", Credentials("me", "from env")),
        (
            "index = 'https://h/s/'\nauth = { user = 'me', password-file = 'f' }",
            Credentials("me", "of file "),
        ),
    ],
    ids=["none", "in the address", "variable", "file"],
)
def test_credentials_come_from_where_the_configuration_says(
    tmp_path: Path, keys: str, credentials: Credentials | None
) -> None:
    (tmp_path / "f").write_text("of file \n")

    (upstream,) = upstreams(settings_of(tmp_path, f"[upstream.u]\n{keys}\n"), {"P": "from env"})

    assert upstream.credentials == credentials
    assert upstream.index == "https://h/s/"


def test_every_password_and_authority_that_is_not_there_is_a_fault_of_the_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    text = """
        [upstream.a]
        index = "http://a/"
        auth = { user = "m", password-env = "SECRET_OF_A" }
        [upstream.b]
        index = "http://b/"
        auth = { user = "m", password-file = "nothing" }
        ca = "nothing.pem"
        [upstream.c]
        index = "http://c/"
        auth = { user = "m", password-file = "empty" }
        [upstream.d]
        index = "http://d/"
        auth = { user = "m", password-file = "binary" }
    """

    with pytest.raises(BadConfiguration) as refused:
        upstreams(settings_of(tmp_path, text), {"SECRET_OF_A": ""})

    assert [str(fault) for fault in refused.value.faults] == [
        f"upstream.b.ca: {tmp_path}/nothing.pem cannot be read: No such file or directory",
        f"upstream.b.auth.password-file: {tmp_path}/nothing cannot be read: No such file or directory",
        f"upstream.c.auth.password-file: {tmp_path}/empty is empty",
        f"upstream.d.auth.password-file: {tmp_path}/binary is not text",
        "upstream.a.auth.password-env: the variable SECRET_OF_A is not set",
    ]
    assert exit_code(refused.value) == 8


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_password_file_of_somebody_else_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("secret")
    (tmp_path / "f").chmod(0)
    text = "[upstream.u]\nindex = 'http://u/'\nauth = { user = 'm', password-file = 'f' }\n"

    with pytest.raises(BadConfiguration, match="Permission denied"):
        upstreams(settings_of(tmp_path, text), {})


def test_without_any_target_there_is_this_machine() -> None:
    assert [target.name for target in targets(Settings())] == [HOST]


def test_targets_are_what_their_words_say(tmp_path: Path) -> None:
    linux, odd = targets(settings_of(tmp_path, TARGETS))

    assert (linux.name, linux.python.full) == ("linux", "3.12.0")
    assert linux.platform.word == "manylinux_2_17_x86_64"
    assert (odd.implementation, odd.abis) == ("pp", ("pypy310_pp73",))
    assert odd.environment["platform_release"] == "10"


SETS = """
    [policy]
    files = "wheel"
    [set.backend]
    requirements = ["backend.txt"]
    constraints = ["c.txt"]
    targets = ["odd"]
    closure = "off"
    files = "all"
    [set.web]
    requirements = ["web.txt"]
"""


def test_sets_are_read_with_what_limits_them(tmp_path: Path) -> None:
    (tmp_path / "backend.txt").write_text("--pre\na==${WANTED}\n")
    (tmp_path / "c.txt").write_text("b==2\n")
    (tmp_path / "web.txt").write_text("w==1\n--only-binary :all:\n")

    backend, web = set_requests(settings_of(tmp_path, TARGETS + SETS), (), {"WANTED": "1"})

    assert [str(line.requirement) for line in backend.inputs.wanted] == ["a==1"]
    assert [str(line.requirement) for line in backend.inputs.constraints] == ["b==2"]
    assert [target.name for target in backend.targets] == ["odd"]
    assert backend.closure is Closure.OFF
    assert backend.rules == SelectionRules(files=FilesPolicy.ALL, prereleases=True)
    assert [target.name for target in web.targets] == ["linux", "odd"]
    assert web.closure is Closure.CHECK
    assert web.rules == SelectionRules(FilesPolicy.WHEEL, Formats(only_binary=frozenset({":all:"})))


def test_only_the_named_sets_are_read(tmp_path: Path) -> None:
    (tmp_path / "web.txt").write_text("w==1\n")

    requests = set_requests(settings_of(tmp_path, TARGETS + SETS), ("web",))

    assert [request.name for request in requests] == ["web"]


def test_an_unknown_set_is_wrong_usage_and_the_known_ones_are_named(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, TARGETS + SETS)

    with pytest.raises(UnknownName, match="there is no set `wbe`") as refused:
        check_set_names(settings, ("web", "wbe"))

    assert exit_code(refused.value) == 2
    assert refused.value.hint == "known: backend, web"


def test_without_any_set_the_configuration_is_wrong() -> None:
    with pytest.raises(NoSets) as refused:
        set_requests(Settings(), ())

    assert exit_code(refused.value) == 8


def test_faults_of_all_sets_come_at_once_and_each_once(tmp_path: Path) -> None:
    (tmp_path / "shared.txt").write_text("-e .\n")
    text = """
        [set.one]
        requirements = ["shared.txt"]
        [set.two]
        requirements = ["shared.txt"]
        lock = ["pylock.toml"]
    """

    with pytest.raises(InputFaults) as refused:
        set_requests(settings_of(tmp_path, text), ())

    faults = [str(fault).removeprefix(f"{tmp_path}/") for fault in refused.value.faults]
    assert [fault.partition(": ")[0] for fault in faults] == ["shared.txt:1", "pylock.toml:1"]


def test_the_policy_limits_what_is_chosen(tmp_path: Path) -> None:
    text = "[policy]\nyanked = 'never'\nprereleases = true\nmax-file-size = '1K'\nfiles = 'wheel+sdist'\n"

    rules = selection_rules(settings_of(tmp_path, text), Inputs())

    assert rules == SelectionRules(FilesPolicy.WHEEL_AND_SDIST, prereleases=True, yanked=False, max_size=1024)


def test_by_default_the_policy_is_that_of_the_rules() -> None:
    assert selection_rules(Settings(), Inputs()) == SelectionRules()
    assert asks_about_copied_in(Settings())
    assert recipients(Settings()) is None


def test_copied_in_files_may_stay_a_secret(tmp_path: Path) -> None:
    assert not asks_about_copied_in(settings_of(tmp_path, "[policy]\ncopied-in = 'never'\n"))


def test_recipients_are_as_configured(tmp_path: Path) -> None:
    text = "[notify]\nwebhook = 'https://chat/x'\ncommand = 'bin/tell me'\non = 'change'\n"

    assert recipients(settings_of(tmp_path, text)) == Recipients(
        "https://chat/x", (f"{tmp_path}/bin/tell", "me"), NotifyOn.CHANGE
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [(FILES, FilesPolicy), (CLOSURE, Closure), (NOTIFY_ON, NotifyOn)],
    ids=["files", "closure", "notify_on"],
)
def test_the_words_of_the_configuration_are_those_of_the_mirror(kind: ValueKind, words: type[Enum]) -> None:
    assert kind.choices == tuple(word.value for word in words)

"""The tables that people name: upstreams, targets, sets and jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pypitool.config.faults import BadConfiguration
from pypitool.config.job_tables import JobSettings
from pypitool.config.loader import Loaded, load_settings
from pypitool.config.mirror_tables import SetSettings, TargetSettings
from pypitool.config.upstream_tables import UpstreamAuth, UpstreamSettings
from pypitool.config.values import BadValue
from pypitool.core.errors import exit_code

WHOLE = """
    [upstream.corp]
    index = "https://pypi.acme.example/simple/"
    projects = ["acme-*"]
    workers = 16
    retries = 0
    timeout = "30s"
    retry-after-max = "0"
    auth = { user = "mirror", password-file = "secret" }
    ca = "/etc/ssl/acme.pem"
    proxy = "http://proxy.acme.example:3128"
    allow-unhashed = true
    [upstream.pypi]
    index = "pypi"
    [targets]
    ubuntu24 = { python = "3.12", platform = "manylinux_2_39_x86_64" }
    [targets.odd]
    python = "3.10.4"
    platform = "win32"
    implementation = "pp"
    abi = "pypy310_pp73"
    markers = { platform_release = "10" }
    [policy]
    files = "wheel"
    cooldown = "3d"
    [set.backend]
    requirements = ["reqs/backend.txt"]
    constraints = "/srv/c.txt"
    lock = []
    targets = ["ubuntu24"]
    closure = "resolve"
    files = "wheel+sdist"
    [set.web]
    lock = "web/pylock.toml"
    [job.nightly]
    run = "sync backend --locked"
    cron = "30 3 * * mon-fri"
    timezone = "UTC"
    jitter = "10m"
    catch-up = "0"
    [notify]
    webhook = "https://chat.acme.example/hook/T0/secret"
    command = "bin/tell --room 'the mirror'"
    on = "always"
"""  # fmt: skip


def load(tmp_path: Path, text: str, *, environ: dict[str, str] | None = None, system: str = "") -> Loaded:
    file, system_file = tmp_path / "config.toml", tmp_path / "etc.toml"
    file.write_text(text)
    system_file.write_text(system)
    return load_settings({}, environ or {}, file, system_file=system_file, operands=plain_operands)


def plain_operands(words: Sequence[str]) -> Sequence[str]:
    if "--nonsense" in words:
        raise BadValue("no such option: --nonsense")
    return [word for word in words[2 if words[0] == "bundle" else 1 :] if not word.startswith("-")]


def faults_of(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(BadConfiguration) as refused:
        load(tmp_path, text)
    assert exit_code(refused.value) == 8
    return [str(fault).removeprefix(f"{tmp_path / 'config.toml'}: ") for fault in refused.value.faults]


def test_every_key_of_a_table_is_read(tmp_path: Path) -> None:
    settings = load(tmp_path, WHOLE).settings

    assert settings.upstreams[0] == UpstreamSettings(
        name="corp",
        index="https://pypi.acme.example/simple/",
        projects=("acme-*",),
        workers=16,
        retries=0,
        timeout=30.0,
        retry_after_max=0.0,
        auth=UpstreamAuth("mirror", password_file=tmp_path / "secret"),
        ca=Path("/etc/ssl/acme.pem"),
        proxy="http://proxy.acme.example:3128",
        allow_unhashed=True,
    )
    assert settings.targets[1] == TargetSettings(
        name="odd",
        python="3.10.4",
        platform="win32",
        implementation="pp",
        abi=("pypy310_pp73",),
        markers=(("platform_release", "10"),),
    )
    assert settings.sets == (
        SetSettings(
            name="backend",
            requirements=(tmp_path / "reqs/backend.txt",),
            constraints=(Path("/srv/c.txt"),),
            targets=("ubuntu24",),
            closure="resolve",
            files="wheel+sdist",
        ),
        SetSettings(name="web", lock=(tmp_path / "web/pylock.toml",)),
    )
    assert settings.jobs == (
        JobSettings(
            name="nightly",
            run=("sync", "backend", "--locked"),
            cron="30 3 * * mon-fri",
            timezone="UTC",
            jitter=600.0,
            catch_up=0.0,
        ),
    )
    assert settings.notify.command == (tmp_path / "bin/tell", "--room", "the mirror")
    assert (settings.policy.files, settings.policy.cooldown) == ("wheel", 3 * 86400.0)


def test_what_a_table_does_not_say_has_its_default(tmp_path: Path) -> None:
    upstream = load(tmp_path, WHOLE).settings.upstreams[1]

    assert upstream == UpstreamSettings("pypi", "pypi")
    assert (upstream.workers, upstream.retries, upstream.timeout, upstream.retry_after_max) == (8, 5, 60, 120)
    assert JobSettings("j", ("sync",), "30 3 * * *").catch_up == 86400.0
    assert SetSettings("s").closure == "check"


def test_upstreams_keep_the_order_of_the_file(tmp_path: Path) -> None:
    text = "".join(f"[upstream.{name}]\nindex = 'pypi'\n" for name in ("zeta", "alpha", "mid"))

    assert [each.name for each in load(tmp_path, text).settings.upstreams] == ["zeta", "alpha", "mid"]


def test_tables_of_several_files_count_together_those_of_the_stronger_first(tmp_path: Path) -> None:
    system = "[upstream.pypi]\nindex = 'pypi'\nworkers = 2\nretries = 1\n[upstream.old]\nindex = 'pypi'\n"

    loaded = load(
        tmp_path,
        "[upstream.corp]\nindex = 'http://corp/'\n[upstream.pypi]\nworkers = 4\n",
        system=system,
    )

    assert [each.name for each in loaded.settings.upstreams] == ["corp", "pypi", "old"]
    assert loaded.settings.upstreams[1] == UpstreamSettings("pypi", "pypi", workers=4, retries=1)
    assert str(loaded.origins["upstream.pypi.workers"]) == f"file {tmp_path / 'config.toml'}"
    assert str(loaded.origins["upstream.pypi.index"]) == f"file {tmp_path / 'etc.toml'}"
    assert str(loaded.origins["upstream.pypi.timeout"]) == "default"


def test_notify_may_come_from_the_environment(tmp_path: Path) -> None:
    environ = {"PYPITOOL_NOTIFY_WEBHOOK": "https://chat/x", "PYPITOOL_NOTIFY_COMMAND": "tell 'a b'"}

    notify = load(tmp_path, "", environ=environ).settings.notify

    assert notify.webhook == "https://chat/x"
    assert notify.command == ("tell", "a b")


def test_all_faults_of_all_tables_are_reported_at_once(tmp_path: Path) -> None:
    text = """
        [upstream]
        index = "pypi"
        [upstream.corp]
        workers = 17
        timeout = 60
        [targets]
        win = { python = 3.1, platform = "windows" }
        plain = "3.12"
        [set.backend]
        requirments = "a.txt"
        closure = "none"
        [job.nightly]
        run = "sync"
        cron = "0 6 * * 1"
        [sets.web]
        [notify]
        on = "never"
    """

    assert faults_of(tmp_path, text) == [
        "upstream.index: expected a table with `index`, got a string",
        "upstream.corp.workers: expected a number between 1 and 16, got 17",
        "upstream.corp.timeout: expected a duration in quotes, such as `90s` or `7d`, got an integer",
        "targets.win.python: expected a Python in quotes, such as `3.12`, `3.12.4` or `3.13t`, got a float",
        "targets.win.platform: expected one of manylinux_2_K_ARCH, manylinux2014_ARCH, manylinux2010_ARCH, "
        "manylinux1_ARCH, musllinux_1_K_ARCH, macosx_M_N_arm64, macosx_M_N_x86_64, win_amd64, win32, "
        "win_arm64, got `windows`",
        "targets.plain: expected a table with `python`, `platform`, got a string",
        "set.backend.requirments: unknown key, did you mean `requirements`?",
        "set.backend.closure: expected one of check, resolve, off, got `none`",
        "job.nightly.cron: `0 6 * * 1` is not a schedule: "
        "write the days of the week by name (mon, tue), not by number",
        "sets: unknown key, did you mean `set`?",
        "notify.on: expected one of failure, change, always, got `never`",
        "upstream.corp: needs `index`",
        "set.backend: needs `requirements` or `lock`",
    ]


@pytest.mark.parametrize(
    ("auth", "faults"),
    [
        ("'mirror:secret'", ["auth: expected a table such as { user = \"mirror\", password-env = "
                             '"UPSTREAM_PASSWORD" }, got a string']),
        ("{ user = 'm' }", ["auth: needs `password-env` or `password-file`"]),
        ("{ password-env = 'P' }", ["auth: needs `user`"]),
        ("{ user = 'm', password-env = 'P', password-file = 'p' }",
         ["auth: has `password-env` and `password-file`: the password is in one place"]),
        ("{ user = 'm', password = 'p' }",
         ["auth.password: write no password here: name a variable with `password-env`, or a file with "
          "`password-file`"]),
        ("{ user = 1, pasword-env = 'P' }",
         ["auth.pasword-env: unknown key, did you mean `password-env`?",
          "auth.user: expected a name, got an integer"]),
        ("{ user = 'm', password-env = 'my password' }",
         ["auth.password-env: expected the name of a variable: letters, digits and `_`"]),
    ],
    ids=["text", "no password", "no user", "two", "a password", "unknown", "no variable"],
)  # fmt: skip
def test_credentials_say_who_and_where_the_password_is(tmp_path: Path, auth: str, faults: list[str]) -> None:
    text = f"[upstream.corp]\nindex = 'http://corp/'\nauth = {auth}\n"

    assert faults_of(tmp_path, text) == [f"upstream.corp.{fault}" for fault in faults]


def test_a_user_in_the_address_and_one_beside_it_are_refused(tmp_path: Path) -> None:
    text = "[upstream.c]\nindex = 'https://me:pw@c/'\nauth = { user = 'm', password-env = 'P' }\n"

    assert faults_of(tmp_path, text) == ["upstream.c.index: names a user, and so does `auth`: leave out one"]


@pytest.mark.parametrize("index", ["ftp://me:secret@host/", "pypy", "me:secret@host"])
def test_an_address_is_refused_without_its_password(tmp_path: Path, index: str) -> None:
    (fault,) = faults_of(tmp_path, f"[upstream.c]\nindex = '{index}'\n")

    assert fault.startswith("upstream.c.index: expected an http or https URL, or `pypi` for the public PyPI")
    assert "ftp://me" not in fault


@pytest.mark.parametrize("name", ['"ubuntu 22"', '"22.04"', '"-x"', '"é"', '""'])
def test_a_name_is_made_of_letters_digits_and_dashes(tmp_path: Path, name: str) -> None:
    (fault,) = faults_of(tmp_path, f"[targets]\n{name} = {{ python = '3.12', platform = 'win32' }}\n")

    assert fault.endswith("expected a name of letters, digits, `-` and `_`")


def test_marker_variables_are_those_that_markers_have(tmp_path: Path) -> None:
    target = "{ python = '3.12', platform = 'win32', markers = { platform_relese = '1', os_name = 3 } }"

    assert faults_of(tmp_path, f"[targets]\nt = {target}\n") == [
        "targets.t.markers.platform_relese: is no marker variable, did you mean `platform_release`?",
        "targets.t.markers.os_name: expected a string",
    ]


def test_a_set_names_targets_that_there_are(tmp_path: Path) -> None:
    target = "[targets]\nwindows = { python = '3.12', platform = 'win32' }\n"
    wanting = "[set.s]\nlock = 'pylock.toml'\ntargets = ['window', 'mac']\n"

    assert faults_of(tmp_path, target + wanting) == [
        "set.s.targets: there is no target `window`, did you mean `windows`?",
        "set.s.targets: there is no target `mac`; there is windows",
    ]
    assert faults_of(tmp_path, wanting)[1] == "set.s.targets: there is no target `mac`; there is none"


@pytest.mark.parametrize(
    ("run", "fault"),
    [
        ("sync backnd", "there is no set `backnd`, did you mean `backend`?"),
        ("bundle export /srv/out.tar other", "there is no set `other`; there is backend"),
        ("sync --nonsense", "no such option: --nonsense"),
        ("sync 'backend", "`sync 'backend` is no command line: no closing quotation"),
        ("pypitool sync", "leave out `pypitool`: the line begins with the command"),
        ("bundle import x.tar", "expected a command line of sync, update, verify, prune, bundle export, "
                                "got `bundle import x.tar`"),
        ("rm -rf /", "expected a command line of sync, update, verify, prune, bundle export, got `rm -rf /`"),
    ],
)  # fmt: skip
def test_a_job_runs_a_command_that_can_run_at_night(tmp_path: Path, run: str, fault: str) -> None:
    text = f'[set.backend]\nlock = "pylock.toml"\n[job.n]\ncron = "30 3 * * *"\nrun = "{run}"\n'

    assert faults_of(tmp_path, text) == [f"job.n.run: {fault}"]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe"])
def test_a_time_zone_is_one_that_the_machine_knows(tmp_path: Path, zone: str) -> None:
    text = f"[job.n]\nrun = 'verify'\ncron = '30 3 * * *'\ntimezone = '{zone}'\n"

    assert faults_of(tmp_path, text) == [
        f"job.n.timezone: expected a time zone such as `UTC` or `Europe/Paris`, got `{zone}`"
    ]


@pytest.mark.parametrize(
    ("cooldown", "fault"),
    [
        ("'7'", "expected a duration with its unit, such as `7s` or `7d`, got `7`"),
        ("7", "expected a duration in quotes, such as `90s` or `7d`, got an integer"),
        ("'7 apples'", "expected a duration such as `90s`, `15m`, `12h` or `7d`, got `7 apples`"),
        ("'53w'", "expected a duration up to 366d, got `53w`"),
    ],
)
def test_a_cooldown_has_a_unit(tmp_path: Path, cooldown: str, fault: str) -> None:
    assert faults_of(tmp_path, f"[policy]\ncooldown = {cooldown}\n") == [f"policy.cooldown: {fault}"]


def test_an_upstream_is_waited_for(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, "[upstream.c]\nindex = 'pypi'\ntimeout = '0'\n")

    assert fault == "upstream.c.timeout: expected a duration above 0 and up to 366d, got `0`"

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pypitool.config.faults import BadCombination, BadConfiguration
from pypitool.config.keys import Key
from pypitool.config.loader import Loaded, load_settings
from pypitool.config.server_table import OWN_WORDS
from pypitool.config.settings import Settings, every_key, keys, value_of
from pypitool.core.errors import exit_code
from pypitool.repository.repository import Repository
from pypitool_server.app import create_app
from tests.support.disks import make_read_only, mounted_disk

ROOT = Path(__file__).parents[2]


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def load(tmp_path: Path, config: Path | None = None, /, **environ: str) -> Loaded:
    return load_settings({}, environ, config, system_file=tmp_path / "etc" / "config.toml")


def faults_of(tmp_path: Path, text: str) -> list[str]:
    file = written(tmp_path / "config.toml", text)
    with pytest.raises(BadConfiguration) as refused:
        load(tmp_path, file)
    return [str(fault).removeprefix(f"{file}: ") for fault in refused.value.faults]


def test_without_any_source_every_key_has_its_default(tmp_path: Path) -> None:
    settings = load(tmp_path).settings

    assert [value_of(settings, key) for key in keys()][1:] == [value_of(Settings(), key) for key in keys()][
        1:
    ]
    assert settings.server.packages[0].name == "packages"
    assert settings.server.packages[0].is_absolute()


def test_the_strongest_source_of_each_key_counts(tmp_path: Path) -> None:
    written(tmp_path / "etc/config.toml", "[server]\nport = 1\nhost = 'system'\nworkers = 1\nthreads = 8\n")
    written(tmp_path / "user/pypitool/config.toml", "[server]\nport = 2\nhost = 'user'\nworkers = 2\n")
    named = written(tmp_path / "named.toml", "[server]\nport = 3\nhost = 'named'\n")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "user"), "PYPITOOL_PORT": "4"}

    loaded = load(tmp_path, named, **environ)

    server = loaded.settings.server
    assert (server.port, server.host, server.workers, server.threads) == (4, "named", 2, 8)
    assert str(loaded.origins["server.port"]) == "variable PYPITOOL_PORT"
    assert str(loaded.origins["server.host"]) == f"file {named}"
    assert str(loaded.origins["server.workers"]) == f"file {tmp_path / 'user/pypitool/config.toml'}"
    assert str(loaded.origins["server.threads"]) == f"file {tmp_path / 'etc/config.toml'}"
    assert str(loaded.origins["server.rescan"]) == "default"


def test_a_flag_counts_more_than_everything(tmp_path: Path) -> None:
    named = written(tmp_path / "named.toml", "[server]\nport = 3\n")

    loaded = load_settings({"server.port": 5}, {"PYPITOOL_PORT": "4"}, named)

    assert loaded.settings.server.port == 5
    assert str(loaded.origins["server.port"]) == "flag --port"


def test_a_named_file_counts_more_than_the_variable_that_names_one(tmp_path: Path) -> None:
    by_variable = written(tmp_path / "variable.toml", "[server]\nport = 1\n")
    by_flag = written(tmp_path / "flag.toml", "[server]\nport = 2\n")

    assert load(tmp_path, None, PYPITOOL_CONFIG=str(by_variable)).settings.server.port == 1
    assert load(tmp_path, by_flag, PYPITOOL_CONFIG=str(by_variable)).settings.server.port == 2


def test_the_working_directory_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("config.toml", "pypitool.toml", ".pypitool/config.toml", "pypitool/config.toml"):
        written(tmp_path / name, "[server]\nport = 666\n")
    monkeypatch.chdir(tmp_path)

    assert load(tmp_path).settings.server.port == 8080


def test_relative_paths_of_a_file_are_relative_to_it(tmp_path: Path) -> None:
    file = written(
        tmp_path / "conf/config.toml", "[server]\npackages = ['../wheels', '/srv/more']\nstate = 's'\n"
    )

    server = load(tmp_path, file).settings.server

    assert server.packages == (tmp_path / "conf/../wheels", Path("/srv/more"))
    assert server.state == tmp_path / "conf/s"


def test_relative_paths_of_variables_and_flags_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    loaded = load_settings({"auth.passwords": Path("users")}, {"PYPITOOL_PACKAGES": "a:b"})

    assert loaded.settings.server.packages == (tmp_path / "a", tmp_path / "b")
    assert loaded.settings.auth.passwords == tmp_path / "users"


def test_an_exported_but_empty_variable_is_absent(tmp_path: Path) -> None:
    assert load(tmp_path, None, PYPITOOL_PORT="", PYPITOOL_CONFIG="").settings.server.port == 8080


def test_every_key_can_come_from_its_variable(tmp_path: Path) -> None:
    variables = [key.variable for key in keys()]

    assert len(set(variables)) == len(variables)
    assert load(
        tmp_path, None, PYPITOOL_AUTH_HEADER="Remoteuser", PYPITOOL_TRUSTED_PROXIES="unix"
    ).settings.auth.header


def test_all_faults_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    text = """
        colour = 1
        [server]
        port = "8080"
        unix_socket = "x"
        prot = 1
        passwords = "users"
        [auth]
        authenticate = ["upload"]
        [sever]
        [policy]
        private = 3
    """

    assert faults_of(tmp_path, text) == [
        "colour: unknown key",
        "server.port: expected an integer, got a string",
        "server.unix_socket: unknown key, did you mean `unix-socket`?",
        "server.prot: unknown key, did you mean `port`?",
        "server.passwords: unknown key, did you mean `auth.passwords`?",
        "auth.authenticate: expected some of download, list, update, or `.` alone, got `upload`",
        "sever: unknown key, did you mean `server`?",
        "policy.private: expected an array of project names or globs, got an integer",
    ]  # fmt: skip


def test_faults_of_variables_and_files_come_together_and_end_with_8(tmp_path: Path) -> None:
    file = written(tmp_path / "config.toml", "server = 1\n")

    with pytest.raises(BadConfiguration) as refused:
        load(tmp_path, file, PYPITOOL_PORT="http")

    assert str(refused.value) == (
        "the configuration has 2 faults\n"
        f"  {file}: server: expected a table, got an integer\n"
        "  PYPITOOL_PORT: expected an integer, got `http`"
    )
    assert exit_code(refused.value) == 8


def test_a_file_that_is_not_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    assert faults_of(tmp_path, "[server]\nport = = 1\n") == [
        "is not TOML: invalid value (at line 2, column 8)"
    ]


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"[server]\nhost = '\xff'\n")

    with pytest.raises(BadConfiguration, match="is not TOML: 'utf-8' codec"):
        load(tmp_path, file)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration) as refused:
        load(tmp_path, tmp_path / "nothing.toml")

    assert str(refused.value) == f"{tmp_path}/nothing.toml: cannot be read: No such file or directory"


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="cannot be read: Is a directory"):
        load(tmp_path, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "[auth]\nauthenticate = '.'\n",
        "[auth]\npasswords = '.'\n",
        "[auth]\npasswords='.'\nauthenticate=['list']\n",
    ],
    ids=["only -a", "only -P", "-P with actions"],
)
def test_the_two_dots_come_together_or_not_at_all(tmp_path: Path, text: str) -> None:
    (fault,) = faults_of(tmp_path, text)

    assert "`-a .` and `-P .` (authenticate and passwords) must come together" in fault


def test_both_dots_mean_nobody_is_asked(tmp_path: Path) -> None:
    file = written(tmp_path / "config.toml", "[auth]\nauthenticate = '.'\npasswords = '.'\n")

    auth = load(tmp_path, file).settings.auth

    assert auth.authenticate == ()
    assert auth.passwords is None


def test_flags_that_contradict_are_wrong_usage() -> None:
    with pytest.raises(BadCombination) as refused:
        load_settings({"auth.authenticate": ()}, {})

    assert str(refused.value).startswith("--authenticate: `-a .` and `-P .`")
    assert exit_code(refused.value) == 2


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[server]\ncert = 'c'\n", "server.cert: needs `key` as well"),
        ("[server]\nkey = 'k'\n", "server.key: needs `cert` as well"),
        ("[auth]\nheader = 'Xu'\n", "auth.header: needs `trusted-proxies`: anybody could send this header"),
        (
            "[server]\nhealth-endpoint = '/simple/x'\n",
            "server.health-endpoint: `/simple/x` is an address of the index itself",
        ),
        (
            "[server]\nhealth-endpoint = '//'\n",
            "server.health-endpoint: `//` is an address of the index itself",
        ),
    ],
)
def test_keys_that_need_or_exclude_each_other(tmp_path: Path, text: str, fault: str) -> None:
    assert faults_of(tmp_path, text) == [fault]


def test_a_digest_that_is_not_held_becomes_sha256_with_a_notice(tmp_path: Path) -> None:
    loaded = load(tmp_path, None, PYPITOOL_HASH_ALGO="sha512")

    assert loaded.settings.server.hash_algo == "sha256"
    assert loaded.notices == (
        "links carry sha256: sha512 is not among the digests that are held (sha256, md5, blake2b)",
    )


def test_a_health_page_cannot_hide_an_address_of_the_index(tmp_path: Path) -> None:
    settings = load_settings({"server.packages": (tmp_path,)}, {}).settings
    with Repository.open([tmp_path]) as repository:
        app = create_app(settings, repository=repository)
        routes = {rule.rule for rule in app.url_map.iter_rules()}

    # A health page has no dot in it: what browsers ask for on their own cannot be hidden.
    first_words = {word for route in routes if "." not in (word := route.split("/")[1].lower())}

    assert first_words - {"", "<name>", "health", "healthz"} == OWN_WORDS


@pytest.mark.parametrize("key", every_key(), ids=lambda key: key.path)
def test_every_key_is_used_by_the_program(key: Key) -> None:
    uses = re.compile(rf"\.{key.field}\b")
    sources = [*(ROOT / "server").rglob("*.py"), *(ROOT / "pypitool").rglob("*.py")]

    assert any(uses.search(path.read_text()) for path in sources if path.parent.name != "config")


@pytest.mark.parametrize("name", ["X-Remote-User", "X_Remote_User", "Remote-user"])
def test_a_header_that_clients_can_spell_otherwise_is_refused_with_both_ways_out(
    tmp_path: Path, name: str
) -> None:
    text = f"[server]\ntrusted-proxies = ['127.0.0.1']\n[auth]\nheader = '{name}'\n"

    with pytest.raises(BadConfiguration) as refused:
        load(tmp_path, written(tmp_path / "a.toml", text))
    safe = load(tmp_path, written(tmp_path / "b.toml", f"{text}header-is-safe = true\n")).settings.auth

    assert exit_code(refused.value) == 8
    message = str(refused.value)
    assert f"`{name.replace('-', '').replace('_', '').capitalize()}`" in message
    assert "`header-is-safe = true`" in message
    assert all(f"{proxy}: " in message for proxy in ("nginx", "HAProxy", "Caddy", "Apache", "Traefik"))
    assert safe.header == name


def test_by_a_flag_such_a_header_is_a_wrong_configuration_too() -> None:
    with pytest.raises(BadConfiguration) as refused:
        load_settings({"auth.header": "X-U", "server.trusted-proxies": ("unix",)}, {})

    assert exit_code(refused.value) == 8
    assert str(refused.value).startswith("--auth-header: a client that sends `X_U` is believed")


@pytest.mark.parametrize(
    ("word", "meant"), [("forwarded", "Forwarded"), ("x-forwarded-for", "X-Forwarded-For")]
)
def test_the_forwarding_header_is_one_of_two(tmp_path: Path, word: str, meant: str) -> None:
    file = written(tmp_path / "config.toml", f"[server]\nforwarded-header = '{word}'\n")
    settings = load(tmp_path, file).settings

    assert settings.server.forwarded_header == meant


@pytest.mark.skipif(os.geteuid() != 0, reason="for root only")
def test_root_means_the_packages_of_the_service_where_none_are_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    served = tmp_path / "service" / "packages"
    served.mkdir(parents=True)

    loaded = load_settings({}, {}, service=served.parent)
    named = load_settings({"server.packages": (tmp_path,)}, {}, service=served.parent)
    (tmp_path / "home" / "packages").mkdir(parents=True)
    own = load_settings({}, {}, service=served.parent)

    assert loaded.settings.server.packages == (served,)
    assert loaded.notices == (f"no packages are configured: those of the service are meant, {served}",)
    assert named.settings.server.packages == (tmp_path,)
    assert own.settings.server.packages == (tmp_path / "home" / "packages",)


@pytest.mark.parametrize("text", ["x = " + "[" * 200_000, "x = " + "9" * 5000], ids=["brackets", "digits"])
def test_a_file_that_no_parser_bears_is_not_toml(tmp_path: Path, text: str) -> None:
    [fault] = faults_of(tmp_path, text)

    assert fault.startswith("is not TOML: ")


def test_in_a_container_running_requests_have_less_time_than_docker_gives(tmp_path: Path) -> None:
    inside = {"PYPITOOL_CONTAINER": "1"}

    by_default = load_settings({}, inside, system_file=tmp_path / "none").settings.server
    by_choice = load_settings(
        {}, {**inside, "PYPITOOL_STOP_TIMEOUT": "30"}, system_file=tmp_path / "none"
    ).settings.server

    assert (by_default.stop_timeout, by_choice.stop_timeout) == (8.0, 30.0)


def test_in_a_container_what_can_be_written_takes_uploads(tmp_path: Path) -> None:
    flags = {"server.packages": (tmp_path,)}

    loaded = load_settings(flags, {"PYPITOOL_CONTAINER": "1"}, system_file=tmp_path / "none")

    assert not loaded.settings.server.read_only
    assert not loaded.notices


def test_in_a_container_what_is_mounted_read_only_is_served_without_uploads(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "disk", megabytes=1) as disk:
        make_read_only(disk)
        flags = {"server.packages": (disk,)}

        inside = load_settings(flags, {"PYPITOOL_CONTAINER": "1"}, system_file=tmp_path / "none")
        outside = load_settings(flags, {}, system_file=tmp_path / "none")

    assert inside.settings.server.read_only
    assert inside.notices == (f"{disk} is mounted read-only: it is served without uploads",)
    assert not outside.settings.server.read_only

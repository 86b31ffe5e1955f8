from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pypitool.config.display import example_file, settings_document, settings_text
from pypitool.config.job_tables import NotifySettings
from pypitool.config.keys import Key
from pypitool.config.loader import load_settings
from pypitool.config.settings import keys


def test_what_is_shown_loads_as_the_same_settings(tmp_path: Path) -> None:
    flags = {
        "auth.authenticate": (),
        "auth.passwords": ".",
        "server.unix-socket-mode": 0o600,
    }
    loaded = load_settings(flags, {"PYPITOOL_MAX_UPLOAD_SIZE": "3M", "PYPITOOL_PRIVATE": "a-*,b"})
    file = tmp_path / "config.toml"

    file.write_text(settings_text(loaded, origins=True))

    assert load_settings({}, {}, file).settings == loaded.settings


def test_every_value_is_shown_with_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[server]\nhost = 'here'\n")

    text = settings_text(load_settings({"server.port": 1}, {"PYPITOOL_WORKERS": "2"}, file), origins=True)

    lines = {line.partition(" = ")[0]: line.rpartition("  # ")[2] for line in text.splitlines()}
    assert lines["port"] == "flag --port"
    assert lines["workers"] == "variable PYPITOOL_WORKERS"
    assert lines["host"] == f"file {file}"
    assert lines["threads"] == "default"
    assert len([line for line in text.splitlines() if "  # " in line]) == len(keys())


def test_credentials_in_an_address_are_masked() -> None:
    loaded = load_settings({"server.fallback-url": "https://me:secret@mirror.example/simple/"}, {})

    assert 'fallback-url = "https://***@mirror.example/simple/"' in settings_text(loaded)
    assert (
        settings_document(loaded)["settings"]["server.fallback-url"]["value"]
        == "https://***@mirror.example/simple/"
    )


def test_programs_get_bytes_seconds_and_sources() -> None:
    settings = settings_document(load_settings({"server.port": 1}, {}))["settings"]

    assert settings["server.max-upload-size"] == {"value": 2 * 1024**3, "origin": "default", "source": None}
    assert settings["server.rescan"]["value"] == 60.0
    assert settings["server.unix-socket-mode"]["value"] == "0660"
    assert settings["server.port"] == {"value": 1, "origin": "flag", "source": "--port"}


@pytest.mark.parametrize("key", keys(), ids=lambda key: key.path)
def test_every_key_without_a_default_has_an_example_that_it_accepts(key: Key) -> None:
    assert key.default is not None or key.kind.parse(key.example) is not None


def test_the_example_loads_as_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(example_file())

    assert load_settings({}, {}, file).settings == load_settings({}, {}).settings


def test_the_example_still_loads_when_everything_in_it_is_used(tmp_path: Path) -> None:
    lines = [
        line.removeprefix("#") if re.match(r"#[\w\[]", line) else line for line in example_file().splitlines()
    ]
    file = tmp_path / "config.toml"
    text = "\n".join(lines).replace("trusted-proxies = []", "trusted-proxies = ['unix']")
    file.write_text(text.replace('authenticate = ["update"]\n', ""))  # rules take its place

    settings = load_settings({}, {}, file).settings

    assert settings.auth.header == "Remoteuser"
    assert settings.server.cache_control == 86400
    assert settings.groups == (("maintainers", ("ann", "token:ci-*")),)
    assert settings.rules[0].who == ("@maintainers", "deploy")


TABLES = """
    [upstream.corp]
    index = "https://me:secret@pypi.acme.example/simple/"
    projects = ["acme-*"]
    [upstream.pypi]
    index = "pypi"
    auth = { user = "mirror", password-file = "/run/secret" }
    [targets]
    odd = { python = "3.12", platform = "win_amd64", markers = { platform_release = "10" } }
    [set.backend]
    requirements = ["/srv/backend.txt"]
    [job.nightly]
    run = "sync backend"
    cron = "30 3 * * *"
    [notify]
    webhook = "https://chat.acme.example/hook/T0/secret?token=secret"
    command = ["/bin/tell", "two words"]
"""


def test_tables_are_shown_as_a_file_has_them_with_what_is_secret_masked(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(TABLES)
    loaded = load_settings({}, {}, file)

    text = settings_text(loaded, origins=True)

    assert "secret" not in text.replace("/run/secret", "")
    assert 'index = "https://***@pypi.acme.example/simple/"' in text
    assert 'webhook = "https://chat.acme.example/***"' in text
    assert text.index("[upstream.corp]") < text.index("[upstream.pypi]") < text.index("[targets.odd]")
    file.write_text(text)
    again = load_settings({}, {}, file).settings
    assert replace(again, upstreams=(), notify=NotifySettings()) == replace(
        loaded.settings, upstreams=(), notify=NotifySettings()
    )
    assert again.upstreams[1] == loaded.settings.upstreams[1]
    assert again.notify.command == loaded.settings.notify.command


def test_programs_get_tables_too(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(TABLES)

    settings = settings_document(load_settings({}, {}, file))["settings"]

    assert settings["targets.odd.markers"]["value"] == {"platform_release": "10"}
    assert settings["job.nightly.run"] == {"value": "sync backend", "origin": "file", "source": str(file)}
    assert settings["job.nightly.catch-up"]["value"] == 86400.0
    assert settings["upstream.corp.index"]["value"] == "https://***@pypi.acme.example/simple/"
    assert settings["notify.webhook"]["value"] == "https://chat.acme.example/***"
    json.dumps(settings)

from __future__ import annotations

from pathlib import Path

import pytest

from pypitool.config.keys import Key, keys
from pypitool.config.loader import load_settings
from pypitool.config.shown import document, example, shown


def test_what_is_shown_loads_as_the_same_settings(tmp_path: Path) -> None:
    flags = {
        "auth.authenticate": (),
        "auth.passwords": ".",
        "server.unix-socket-mode": 0o600,
    }
    loaded = load_settings(flags, {"PYPITOOL_MAX_UPLOAD_SIZE": "3M", "PYPITOOL_PRIVATE": "a-*,b"})
    file = tmp_path / "config.toml"

    file.write_text(shown(loaded, origins=True))

    assert load_settings({}, {}, file).settings == loaded.settings


def test_every_value_is_shown_with_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[server]\nhost = 'here'\n")

    text = shown(load_settings({"server.port": 1}, {"PYPITOOL_WORKERS": "2"}, file), origins=True)

    lines = {line.partition(" = ")[0]: line.rpartition("  # ")[2] for line in text.splitlines()}
    assert lines["port"] == "flag --port"
    assert lines["workers"] == "variable PYPITOOL_WORKERS"
    assert lines["host"] == f"file {file}"
    assert lines["threads"] == "default"
    assert len([line for line in text.splitlines() if "  # " in line]) == len(keys())


def test_credentials_in_an_address_are_masked() -> None:
    loaded = load_settings({"server.fallback-url": "https://me:secret@mirror.example/simple/"}, {})

    assert 'fallback-url = "https://***@mirror.example/simple/"' in shown(loaded)
    assert (
        document(loaded)["settings"]["server.fallback-url"]["value"] == "https://***@mirror.example/simple/"
    )


def test_programs_get_bytes_seconds_and_sources() -> None:
    settings = document(load_settings({"server.port": 1}, {}))["settings"]

    assert settings["server.max-upload-size"] == {"value": 2 * 1024**3, "origin": "default", "source": None}
    assert settings["server.rescan"]["value"] == 60.0
    assert settings["server.unix-socket-mode"]["value"] == "0660"
    assert settings["server.port"] == {"value": 1, "origin": "flag", "source": "--port"}


@pytest.mark.parametrize("key", keys(), ids=lambda key: key.path)
def test_every_key_without_a_default_has_an_example_that_it_accepts(key: Key) -> None:
    assert key.default is not None or key.kind.parse(key.example) is not None


def test_the_example_loads_as_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(example())

    assert load_settings({}, {}, file).settings == load_settings({}, {}).settings


def test_the_example_still_loads_when_everything_in_it_is_used(tmp_path: Path) -> None:
    lines = [
        line.removeprefix("#") if line.startswith("#") and line[1:2].isalpha() else line
        for line in example().splitlines()
    ]
    file = tmp_path / "config.toml"
    file.write_text("\n".join(lines).replace("trusted-proxies = []", "trusted-proxies = ['unix']"))

    settings = load_settings({}, {}, file).settings

    assert settings.auth.header == "X-Remote-User"
    assert settings.server.cache_control == 86400

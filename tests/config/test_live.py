"""What of the configuration may change while a server runs."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pypitool.config.faults import BadConfiguration
from pypitool.config.live import ConfigSource, changed_keys, with_live
from pypitool.config.loader import load_settings
from pypitool.config.settings import Settings

RULE = "[[rule]]\nwho = ['ann']\nmay = ['list']\n"


def read(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load_settings({}, {}, file, system_file=tmp_path / "none").settings


def test_rules_groups_and_who_begins_projects_are_live_and_nothing_else_is(tmp_path: Path) -> None:
    before = read(tmp_path, RULE)
    after = read(
        tmp_path,
        "server.port = 9\n[auth]\nnew-projects = []\nowners = true\npasswords = 'x'\n"
        "[groups]\na = ['bob']\n[[rule]]\nwho = ['@a']\nmay = ['admin']\n[upstream.x]\nindex = 'http://x/'",
    )

    live = with_live(before, after)

    assert (live.rules, live.groups) == (after.rules, after.groups)
    assert (live.auth.new_projects, live.auth.owners) == ((), True)
    assert (live.server, live.auth.passwords, live.upstreams) == (before.server, None, ())
    assert {"server.port", "auth.passwords", "upstream.x.index"} <= set(changed_keys(live, after))
    assert not any("rule" in path or "groups" in path for path in changed_keys(live, after))


@pytest.mark.parametrize("authenticate", ["['list', 'download', 'update']", "['download']"])
def test_the_short_form_comes_and_goes_with_what_it_protects(tmp_path: Path, authenticate: str) -> None:
    ruled = read(tmp_path, RULE)
    short = read(tmp_path, f"[auth]\nauthenticate = {authenticate}\npasswords = 'htpasswd'")

    # Not the running one's default, which would open the index to everybody until SIGHUP.
    assert with_live(ruled, short).auth.authenticate == short.auth.authenticate
    assert with_live(short, ruled).rules == ruled.rules


def test_the_short_form_itself_takes_a_signal(tmp_path: Path) -> None:
    before, after = read(tmp_path, ""), read(tmp_path, "auth.authenticate = ['list', 'update']")

    assert with_live(before, after) == before
    assert changed_keys(before, after) == ("auth.authenticate",)


def test_a_source_reads_the_same_in_another_process(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(RULE)
    environ = {"PYPITOOL_CONFIG": str(file), "PYPITOOL_WORKERS": "3", "SECRET": "x", "PYPITOOL_TOKEN": "y"}

    source = ConfigSource.of({"server.port": 1}, environ, system_file=tmp_path / "none")
    crossed: ConfigSource = pickle.loads(pickle.dumps(source))

    settings = crossed.load().settings
    assert (settings.server.port, settings.server.workers, len(settings.rules)) == (1, 3, 1)
    assert crossed.environ == {"PYPITOOL_CONFIG": str(file), "PYPITOOL_WORKERS": "3"}
    assert crossed.there == (file,)


def test_a_file_that_was_there_and_vanishes_is_a_fault(tmp_path: Path) -> None:
    system = tmp_path / "etc.toml"
    system.write_text(RULE)
    source = ConfigSource.of({}, {}, system_file=system)

    system.unlink()

    with pytest.raises(BadConfiguration, match="has vanished"):
        source.load()
    assert source.now().load().settings.rules == ()

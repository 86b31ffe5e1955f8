"""The fast answer is what the long way tells, and everything else takes the long way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pypitool.core.state_files import StateFiles
from pypitool.mirror.fast_answer import fast_answer, read_line
from tests.cli.mirror.conftest import Site, lines, wheel
from tests.support.environment import scrubbed

LOOK = "import sys; from pypitool.__main__ import main; main(sys.argv[1:]); print(*sys.modules)"


@pytest.fixture
def synced(site: Site) -> Site:
    """A site with a hole, synchronised."""
    site.offer(wheel("a", "1.0", "b"))
    site.write("backend.txt", "a==1.0\n")
    assert site.run("sync").code == 1
    return site


def answer_of(site: Site, *words: str) -> int | None:
    return fast_answer(["sync", "--locked", *words, "--config", str(site.config)], os.environ)


def forget_lines(site: Site) -> None:
    for path in StateFiles(site.packages / ".pypitool").stamps.glob("*.line"):
        path.unlink()


@pytest.mark.parametrize("words", [(), ("-q",)], ids=["plain", "quiet"])
def test_the_fast_answer_is_what_the_long_way_tells(synced: Site, words: tuple[str, ...]) -> None:
    seen = synced.run("sync", "--locked", *words)
    forget_lines(synced)
    long_way = synced.run("sync", "--locked", *words)

    assert (seen.code, seen.out, seen.err) == (long_way.code, long_way.out, long_way.err)
    assert (seen.code, seen.out.splitlines()[0]) == (1, "missing: backend linux: b (needed by a 1.0)")


def test_the_fast_answer_is_the_same_json_as_the_long_way_does(synced: Site) -> None:
    seen = lines(synced.run("sync", "--locked", "--json"))
    forget_lines(synced)
    long_way = lines(synced.run("sync", "--locked", "--json"))

    seen[-1]["seconds"] = long_way[-1]["seconds"] = 0
    assert seen == long_way


@pytest.mark.parametrize("way", ["fast", "long"])
def test_a_target_without_a_root_is_said_each_time(site: Site, way: str) -> None:
    site.offer(wheel("a", "1.0"))
    site.write("backend.txt", "a==1.0; sys_platform == 'win32'\n")
    message = "backend requires nothing on linux, and nothing is proved there"
    assert f"warning: {message}" in site.run("sync").err

    if way == "long":
        forget_lines(site)
    told = site.run("sync", "--locked")
    quiet = site.run("sync", "--locked", "-q")
    warnings = [line for line in lines(site.run("sync", "--locked", "--json")) if line["type"] == "warning"]

    assert "nothing has changed" in told.out
    assert told.err == f"warning: {message}\n"
    assert (quiet.out, quiet.err) == ("", "")
    assert [(one["message"], one["set"], one["targets"]) for one in warnings] == [
        (message, "backend", ["linux"])
    ]


@pytest.mark.process
def test_the_fast_answer_imports_next_to_nothing(synced: Site) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOOK, "sync", "--locked", "--config", str(synced.config)],
        capture_output=True, text=True, check=True, env=dict(os.environ),
    )  # fmt: skip

    imported = set(ended.stdout.splitlines()[-1].split())
    assert "nothing has changed" in ended.stdout
    heavy = {"click", "packaging", "sqlite3", "requests", "pypitool.config.settings"}
    assert not imported & heavy


def test_a_change_of_anything_takes_the_long_way(
    synced: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert answer_of(synced) == 1
    assert answer_of(synced, "backend") is None

    with monkeypatch.context() as patch:
        patch.setenv("PYPITOOL_LOG_LEVEL", "debug")
        assert answer_of(synced) is None
    with monkeypatch.context() as patch:
        patch.setenv("PYPITOOL_PACKAGES", str(synced.packages))
        assert answer_of(synced) is None
    with monkeypatch.context() as patch:
        patch.setenv("STATE_DIRECTORY", str(tmp_path))
        assert answer_of(synced) is None
    synced.config.write_text(synced.config.read_text() + "# a word\n")
    assert answer_of(synced) is None


@pytest.mark.parametrize("body", [b"\xff", b"[", b"server = 1", b"[server]\npackages = 1", b""])
def test_a_configuration_that_is_wrong_takes_the_long_way(synced: Site, body: bytes) -> None:
    synced.config.write_bytes(body)

    assert answer_of(synced) is None


def test_a_changed_file_takes_the_long_way(synced: Site) -> None:
    (synced.packages / "b-1.0.tar.gz").write_bytes(b"")

    assert answer_of(synced) is None


@pytest.mark.parametrize(
    "words",
    [
        ("download", "--locked"),
        ("sync", "--locked", "--offline"),
        ("sync", "--locked", "--dry-run"),
        ("sync", "--locked", "-n"),
        ("sync", "--locked", "-qv"),
        ("sync", "--locked", "--packages", "x"),
        ("sync", "--locked", "--color", "pink"),
        ("sync", "--locked", "--"),
        ("--locked",),
        ("schedule", "run", "sync"),
    ],
    ids=" ".join,
)
def test_other_words_are_not_understood(words: tuple[str, ...]) -> None:
    assert read_line(words) is None


def test_the_words_of_a_line_stand_in_any_order() -> None:
    line = read_line(
        ["--config=a.toml", "-q", "sync", "one", "--resolve", "--color", "never", "--locked", "two"]
    )

    assert line is not None
    assert (line.asked, line.switches) == (["one", "--resolve", "two"], {"-q", "--locked"})
    assert line.config == Path("a.toml")


@pytest.mark.process
def test_a_reader_that_went_away_is_no_fault(synced: Site) -> None:
    command = [sys.executable, "-m", "pypitool", "sync", "--locked", "--config", str(synced.config)]
    read, write = os.pipe()
    os.close(read)

    ended = subprocess.run(
        command, stdout=write, stderr=subprocess.PIPE, env=scrubbed(os.environ, home=Path(os.environ["HOME"]))
    )
    os.close(write)

    assert (ended.returncode, ended.stderr) == (1, b"")

"""`pypitool migrate`, on what the real programs have left."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pypitool.__main__ import main
from pypitool.cli.commands import serve
from pypitool.config.config_files import parse_toml
from pypitool.core.fact import What
from pypitool.core.moving import pypi_server_words
from pypitool.repository.repository import Repository
from tests.cli.conftest import Ended
from tests.moving.data import unpacked
from tests.support.wheels import build_wheel

Migrate = Callable[..., Ended]
NAMES = {
    "acme_lib-1.0-py3-none-any.whl",
    "acme_lib-1.1-py3-none-any.whl",
    "acme_lib-1.1.tar.gz",
    "acme_pure-0.1-py3-none-any.whl",
    "acme_pure-0.1.tar.gz",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def migrate(here: Path, capsys: pytest.CaptureFixture[str]) -> Migrate:
    """Run `pypitool migrate`, through the boundary."""

    def migrate(*words: str | Path) -> Ended:
        capsys.readouterr()
        code = main(["migrate", *map(str, words)])
        return Ended(code, *capsys.readouterr())

    return migrate


@pytest.fixture
def show(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], dict[str, Any]]:
    """Return what the written configuration leads to: the files of a project by their names."""

    def show(project: str) -> dict[str, Any]:
        capsys.readouterr()
        assert main(["show", project, "--json", "--config", "config.toml"]) == 0
        document = json.loads(capsys.readouterr().out)
        return {file["filename"]: file for release in document["releases"] for file in release["files"]}

    return show


def written(place: Path) -> dict[str, Any]:
    return parse_toml((place / "config.toml").read_text())


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_size) for path in found}


def test_a_directory_is_served_where_it_lies(migrate: Migrate, here: Path, tmp_path: Path) -> None:
    folder = unpacked("pypiserver", tmp_path)
    (folder / "index.html").write_text("nginx shows this")
    before = everything(folder)

    ended = migrate("directory", folder)

    assert ended.code == 0
    assert "5 files where they lie, nothing is copied" in ended.out
    assert written(here) == {"server": {"packages": [str(folder)], "disable-fallback": True}}
    assert everything(folder) == before


def test_a_dry_run_writes_nothing(migrate: Migrate, here: Path, tmp_path: Path) -> None:
    export, mirror = unpacked("devpi-export", tmp_path), unpacked("bandersnatch", tmp_path)
    before = everything(tmp_path)

    codes = [
        migrate("directory", export, "-n").code,
        migrate("pypiserver", export, "-n").code,
        migrate("bandersnatch", mirror, "-n").code,
        migrate("devpi", export, "--index", "ann/dev", "--packages", tmp_path / "new", "-n").code,
    ]

    assert codes == [0, 0, 0, 0]
    assert everything(tmp_path) == before
    assert not (tmp_path / "new").exists()


def test_a_configuration_is_never_written_over(migrate: Migrate, here: Path, tmp_path: Path) -> None:
    folder = unpacked("pypiserver", tmp_path)
    (here / "config.toml").write_text("# somebody's\n")

    ended = migrate("directory", folder)
    elsewhere = migrate("directory", folder, "--write", "other.toml")

    assert ended.code == 6
    assert "config.toml is there with other settings, and stays as it is" in ended.err
    assert (here / "config.toml").read_text() == "# somebody's\n"
    assert elsewhere.code == 0
    assert (here / "other.toml").is_file()


def test_the_plan_says_what_becomes_of_the_configuration(
    migrate: Migrate, here: Path, tmp_path: Path
) -> None:
    folder = unpacked("pypiserver", tmp_path)

    before = migrate("directory", folder)
    after = migrate("directory", folder, "-n")
    other = migrate("pypiserver", folder, "-n")

    assert "\nwrite config.toml\n" in before.out
    assert "\nkeep config.toml, which has these settings\n" in after.out
    assert "\nkeep config.toml, which has other settings\n" in other.out


def test_the_folder_of_something_else_is_no_export(migrate: Migrate, tmp_path: Path) -> None:
    ended = migrate("devpi", unpacked("pypiserver", tmp_path))

    assert ended.code == 1
    assert "dataindex.json: no such file or directory" in ended.err
    assert "devpi-export FOLDER" in ended.err


def test_flags_without_effect_are_those_of_serve() -> None:
    assert pypi_server_words.WITHOUT_EFFECT.keys() == serve.WITHOUT_EFFECT.keys()


def test_a_link_that_leads_nowhere_is_a_configuration_too(
    migrate: Migrate, here: Path, tmp_path: Path
) -> None:
    folder = unpacked("pypiserver", tmp_path)
    (here / "config.toml").symlink_to(tmp_path / "nowhere")

    assert migrate("directory", folder).code == 6
    assert not (tmp_path / "nowhere").exists()


def test_a_configuration_that_cannot_be_written_is_a_sentence(migrate: Migrate, tmp_path: Path) -> None:
    ended = migrate("directory", unpacked("pypiserver", tmp_path), "--write", tmp_path / "no" / "c.toml")

    assert ended.code == 1
    assert "c.toml: no such file or directory" in ended.err


def test_the_directory_of_pypiserver_keeps_its_defaults(migrate: Migrate, here: Path, tmp_path: Path) -> None:
    folder = unpacked("pypiserver", tmp_path)

    assert migrate("pypiserver", folder).code == 0
    assert written(here) == {"server": {"packages": [str(folder)]}}


def test_the_command_line_of_pypiserver_is_one_word(migrate: Migrate, here: Path, tmp_path: Path) -> None:
    folder = unpacked("pypiserver", tmp_path)
    (here / ".htpasswd").write_text("")

    ended = migrate(
        "pypiserver", f"pypi-server run -p 8081 -P .htpasswd -a update --server gunicorn {folder}"
    )

    assert ended.code == 0
    assert written(here) == {
        "server": {"packages": [str(folder)], "port": 8081},
        "auth": {"authenticate": ["update"], "passwords": str(here / ".htpasswd")},
    }
    assert "not taken along: there is one server, and it is built in\n  --server gunicorn\n" in ended.out


def test_a_compose_file_of_pypiserver(migrate: Migrate, here: Path, tmp_path: Path) -> None:
    folder = unpacked("pypiserver", tmp_path)
    compose = tmp_path / "docker-compose.yml"
    compose.write_text(
        "x-common: &common\n  restart: always\n"
        "services:\n  index:\n    <<: *common\n    image: pypiserver/pypiserver:latest\n"
        "    volumes:\n      - type: bind\n        source: ./packages\n        target: /data/packages\n"
        "    command: run -P . -a . --port 22:22 /data/packages\n    ports:\n      - 80:8080\n"
    )

    ended = migrate("pypiserver", compose)

    assert ended.code == 0
    assert written(here) == {
        "server": {"packages": [str(folder)]},
        "auth": {"authenticate": ".", "passwords": "."},
    }
    listed = [line.strip() for line in ended.out.splitlines()]
    assert {"ports: 80:8080", "restart: always", "x-common", "--port 22:22"} <= {*listed}


def test_a_unit_of_pypiserver(migrate: Migrate, here: Path, tmp_path: Path) -> None:
    folder = unpacked("pypiserver", tmp_path)
    unit = tmp_path / "pypi-server.service"
    unit.write_text(
        f"[Service]\nWorkingDirectory={tmp_path}\nExecStart=/opt/bin/pypi-server run -o {folder.name}\n"
    )

    (tmp_path / "pypi-server.service.d").mkdir()
    (tmp_path / "pypi-server.service.d/override.conf").write_text("[Service]\nExecStart=\n")

    ended = migrate("pypiserver", unit)

    assert ended.code == 0
    assert "pypi-server.service.d/override.conf" in ended.out
    assert written(here) == {"server": {"packages": [str(folder)], "overwrite": True}}


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("pypi-server run $DIR", 1),
        ("pypi-server update .", 1),
        ("pypi-server run 'a", 1),
        ("docker-compose up", 1),
        ("nothing", 5),
        ("~nobody-here/x", 5),
        ("broken.yml", 1),
        ("binary.service", 5),
    ],
)
def test_what_does_not_say_enough_is_a_sentence(migrate: Migrate, here: Path, source: str, code: int) -> None:
    (here / "broken.yml").write_text("a: [")
    (here / "binary.service").write_bytes(b"\xff\xfe")

    ended = migrate("pypiserver", source)

    assert ended.code == code
    assert not (here / "config.toml").exists()


def test_the_program_alone_is_a_command_line_too(migrate: Migrate, tmp_path: Path) -> None:
    ended = migrate("pypiserver", "pypi-server", "-n")

    assert ended.code == 0
    assert "not taken along: there is no such directory on this machine\n" in ended.out


def test_a_command_line_may_be_longer_than_a_name(migrate: Migrate, tmp_path: Path) -> None:
    line = f"pypi-server run --log-frmt {'x' * 5000} {tmp_path}"

    assert migrate("pypiserver", line, "-n").code == 0


def test_settings_that_the_server_would_refuse_are_listed(
    migrate: Migrate, here: Path, tmp_path: Path
) -> None:
    ended = migrate("pypiserver", f"pypi-server run -a . --health-endpoint /simple/x {tmp_path}", "-n")

    assert ended.code == 0
    assert "the server refuses this" in ended.out


def test_a_mirror_is_served_as_mirrored(
    migrate: Migrate, show: Callable[[str], dict[str, Any]], here: Path, tmp_path: Path
) -> None:
    mirror = unpacked("bandersnatch", tmp_path)
    packages = mirror / "web" / "packages"
    before = everything(packages)
    page = json.loads((mirror / "web/json/acme-lib").read_text())
    times = {
        one["filename"]: one["upload_time_iso_8601"] for files in page["releases"].values() for one in files
    }

    ended = migrate("bandersnatch", mirror)

    assert ended.code == 0
    assert "5 files where they lie, nothing is copied" in ended.out
    assert ended.err.startswith("5 files recorded as mirrored\n")
    files = show("acme-lib")
    assert {name: file["uploaded"] for name, file in files.items()} == times
    assert {file["origin"]["kind"] for file in files.values()} == {"mirrored"}
    assert files["acme_lib-1.0-py3-none-any.whl"]["yanked"] == "broken"
    assert {path for path in everything(packages) if "/." not in path} == before.keys()
    assert written(here)["server"]["state"] == str(mirror / "pypitool-state")


def test_a_mirror_is_moved_by_its_configuration(migrate: Migrate, here: Path, tmp_path: Path) -> None:
    mirror = unpacked("bandersnatch", tmp_path)
    settings = tmp_path / "bandersnatch.conf"
    settings.write_text(
        f"[mirror]\ndirectory = {mirror}\nmaster = https://ann:pw@acme.example\nworkers = 3\n"
    )

    ended = migrate("bandersnatch", settings)

    assert ended.code == 0
    assert "as mirrored from https://***@acme.example" in ended.out
    assert "[mirror] workers = 3" in ended.out


def test_what_no_json_names_stays_copied_in(
    migrate: Migrate, show: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    mirror = unpacked("bandersnatch", tmp_path)
    own = build_wheel(mirror / "web/packages", "acme-own", "1.0")
    (mirror / "web/json/odd").write_text("{")

    ended = migrate("bandersnatch", mirror)

    assert own.name in ended.out
    assert "it is not read" in ended.out
    assert show("acme-own")[own.name]["origin"]["kind"] == "copied"


def test_of_a_long_list_the_beginning_is_shown(migrate: Migrate, tmp_path: Path) -> None:
    settings = tmp_path / "bandersnatch.conf"
    names = "".join(f"    acme-{number:04}\n" for number in range(1000))
    own = "".join(f"odd-{number} = 1\n" for number in range(30))
    mirror = unpacked("bandersnatch", tmp_path)
    settings.write_text(f"[mirror]\ndirectory = {mirror}\n{own}[allowlist]\npackages =\n{names}")

    some = migrate("bandersnatch", settings, "-n").out
    whole = migrate("bandersnatch", settings, "-n", "-v").out

    assert "  and 10 more: `-v` shows them all\n" in some
    assert max(map(len, some.splitlines())) < 250
    assert "odd-29" in whole
    assert "acme-0500" in whole


def test_a_mirror_without_json_is_mirrored_all_the_same(
    migrate: Migrate, show: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    mirror = unpacked("bandersnatch", tmp_path)
    for path in [*(mirror / "web/json").iterdir(), *(mirror / "web/simple").rglob("*json")]:
        path.unlink()
    os.utime(mirror / "web/packages/acme_pure-0.1.tar.gz", (1_700_000_000, 1_700_000_000))

    assert migrate("bandersnatch", mirror).code == 0
    file = show("acme-pure")["acme_pure-0.1.tar.gz"]
    assert (file["origin"]["kind"], file["uploaded"]) == ("mirrored", "2023-11-14T22:13:20.000000Z")


def test_a_mirror_that_is_moved_twice_is_recorded_once(migrate: Migrate, tmp_path: Path) -> None:
    mirror = unpacked("bandersnatch", tmp_path)
    migrate("bandersnatch", mirror)
    facts = (mirror / "pypitool-state/facts.jsonl").read_bytes()

    ended = migrate("bandersnatch", mirror)

    assert ended.code == 0
    assert "0 files recorded as mirrored" in ended.err
    assert (mirror / "pypitool-state/facts.jsonl").read_bytes() == facts


def test_what_bandersnatch_clears_holds_no_decision(
    migrate: Migrate, show: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    mirror = unpacked("bandersnatch", tmp_path)
    migrate("bandersnatch", mirror)
    assert main(["yank", "acme-pure", "0.1", "--reason", "ours", "--config", "config.toml"]) == 0

    # `bandersnatch verify --delete` removes every file below `web/packages` that its JSON does not name.
    shutil.rmtree(mirror / "web/packages/.pypitool")

    file = show("acme-pure")["acme_pure-0.1.tar.gz"]
    assert (file["yanked"], file["origin"]["kind"]) == ("ours", "mirrored")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """An export of devpi with two users and two indexes."""
    return unpacked("devpi-export", tmp_path)


def test_the_files_of_devpi_keep_who_uploaded_them_and_when(
    migrate: Migrate, show: Callable[[str], dict[str, Any]], export: Path, tmp_path: Path
) -> None:
    packages = tmp_path / "packages"

    ended = migrate("devpi", export, "--index", "ann/dev", "--packages", packages)

    assert ended.code == 0
    assert ended.err.startswith("5 moved, 0 kept, 0 failed\nwrote config.toml\n")
    assert {path.name for path in packages.iterdir() if path.is_file()} == NAMES
    files = show("acme-lib")
    assert files["acme_lib-1.0-py3-none-any.whl"]["origin"] == {"kind": "uploaded", "detail": "user:ann"}
    assert files["acme_lib-1.1.tar.gz"]["origin"] == {"kind": "uploaded", "detail": "user:bob"}
    index = json.loads((export / "dataindex.json").read_text())
    when = {Path(one["relpath"]).name: one["log"][0]["when"] for one in index["indexes"]["ann/dev"]["files"]}
    year, month, day, hour, minute, second = when["acme_lib-1.1.tar.gz"]
    expected = f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000000Z"
    assert files["acme_lib-1.1.tar.gz"]["uploaded"] == expected


def test_files_of_devpi_go_into_the_first_of_several_directories(
    migrate: Migrate, here: Path, export: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.mkdir()

    ended = migrate("devpi", export, "--index", "ann/dev", "--packages", first, "--packages", second)

    assert ended.code == 0
    assert {path.name for path in first.iterdir() if path.is_file()} == NAMES
    assert not [path for path in second.iterdir() if path.is_file()]
    assert written(here)["server"]["packages"] == [str(first), str(second)]


def test_the_plan_of_devpi_names_users_and_what_stays(migrate: Migrate, export: Path, tmp_path: Path) -> None:
    ended = migrate("devpi", export, "--index", "ann/dev", "--packages", tmp_path / "packages", "-n")

    assert "not taken along: the passwords of people\n  ann\n  bob\n" in ended.out
    assert "not taken along: documentation is not served\n  ann/dev/acme-lib-1.0.doc.zip\n" in ended.out
    assert "  acl_upload = ann, bob\n" in ended.out
    assert "pwhash" not in ended.out
    assert "$argon2" not in ended.out


def test_files_of_devpi_are_linked_or_copied(
    migrate: Migrate, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked, copied = tmp_path / "linked", tmp_path / "copied"
    name = "acme_lib-1.0-py3-none-any.whl"
    (source,) = (export / "ann").rglob(name)

    migrate("devpi", export, "--index", "ann/dev", "--packages", linked)
    monkeypatch.setattr(os, "link", _refuse(source))
    ended = migrate("devpi", export, "--index", "ann/dev", "--packages", copied, "--write", "c.toml")

    assert ended.code == 0
    assert (linked / name).samefile(source)
    assert not (copied / name).samefile(source)
    assert (copied / name).read_bytes() == source.read_bytes()


def _refuse(export: Path) -> Callable[..., None]:
    link = os.link

    def refuse(source: Any, target: Any, **more: Any) -> None:
        if Path(os.fspath(source)).is_relative_to(export.parents[3]):
            raise PermissionError(1, "Operation not permitted")
        link(source, target, **more)

    return refuse


def test_devpi_is_moved_again_and_nothing_changes(migrate: Migrate, export: Path, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    words = ("devpi", export, "--index", "ann/dev", "--packages", packages)
    migrate(*words)
    facts = (packages / ".pypitool/facts.jsonl").read_bytes()

    ended = migrate(*words)

    assert ended.code == 0
    assert ended.err.startswith("0 moved, 5 kept, 0 failed\nconfig.toml is there already")
    assert (packages / ".pypitool/facts.jsonl").read_bytes() == facts


def test_what_a_killed_move_left_goes_with_the_next(migrate: Migrate, export: Path, tmp_path: Path) -> None:
    partial = tmp_path / "packages/.pypitool/partial"
    partial.mkdir(parents=True)
    (partial / "0123456789abcdef.moving").write_bytes(b"left")

    assert migrate("devpi", export, "--index", "ann/dev", "--packages", tmp_path / "packages").code == 0
    assert list(partial.iterdir()) == []


def test_a_file_that_was_copied_in_before_gets_its_uploader(
    migrate: Migrate, show: Callable[[str], dict[str, Any]], export: Path, tmp_path: Path
) -> None:
    packages, name = tmp_path / "packages", "acme_lib-1.0-py3-none-any.whl"
    packages.mkdir()
    (source,) = (export / "ann").rglob(name)
    (packages / name).write_bytes(source.read_bytes())

    ended = migrate("devpi", export, "--index", "ann/dev", "--packages", packages)

    assert ended.err.startswith("4 moved, 1 kept, 0 failed\n")
    assert show("acme-lib")[name]["origin"] == {"kind": "uploaded", "detail": "user:ann"}


def test_a_broken_file_of_an_export_does_not_hold_up_the_others(
    migrate: Migrate, export: Path, tmp_path: Path
) -> None:
    (broken,) = (export / "ann").rglob("acme_lib-1.0-py3-none-any.whl")
    broken.write_bytes(b"no wheel")
    (absent,) = (export / "ann").rglob("acme_lib-1.1.tar.gz")
    absent.unlink()

    ended = migrate("devpi", export, "--index", "ann/dev", "--packages", tmp_path / "packages")

    assert ended.code == 3
    assert "3 moved, 0 kept, 1 failed" in ended.err
    assert "acme_lib-1.0-py3-none-any.whl is not moved" in ended.err
    assert "not taken along: it is not in the export\n  ann/dev/" in ended.out


def test_other_bytes_under_a_held_name_stay_out(migrate: Migrate, export: Path, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    held = build_wheel(packages, "acme-lib", "1.0", extra_files={"other.py": b""}).read_bytes()

    ended = migrate("devpi", export, "--index", "ann/dev", "--packages", packages)

    assert ended.code == 3
    assert (packages / "acme_lib-1.0-py3-none-any.whl").read_bytes() == held


def test_one_index_is_moved_at_a_time(migrate: Migrate, export: Path, tmp_path: Path) -> None:
    ended = migrate("devpi", export, "--packages", tmp_path / "packages")

    assert ended.code == 2
    assert "has the indexes ann/dev, bob/prod" in ended.err


def test_json_is_a_line_for_each_step(migrate: Migrate, export: Path, tmp_path: Path) -> None:
    ended = migrate("devpi", export, "--index", "ann/dev", "--packages", tmp_path / "packages", "--json")

    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["type"] for line in lines] == ["plan", *["file"] * 5, "done", "done"]
    assert lines[0]["people"] == ["ann", "bob"]
    assert {line["outcome"] for line in lines[1:6]} == {"moved"}
    assert lines[-2] == {"type": "done", "moved": 5, "kept": 0, "failed": 0}
    assert lines[-1] == {"type": "done", "config": "config.toml", "wrote": True}


def test_uploads_are_facts(migrate: Migrate, export: Path, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    migrate("devpi", export, "--index", "ann/dev", "--packages", packages)

    with Repository.open([packages], None, {}) as repository:
        facts = list(repository.facts.replay())

    assert {fact.filename for fact in facts} == NAMES
    assert {fact.what for fact in facts} == {What.UPLOAD}
    assert all(fact.actor.who.startswith("local:") for fact in facts)

"""`pypitool doctor` on real directories, files and indexes."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pypitool.__main__ import main
from pypitool.cli.command import MEANINGS
from pypitool.core.state_files import StateFiles
from pypitool.repository.contact import Heartbeat, write_heartbeat
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from tests.support.accounts import write_htpasswd
from tests.support.certificates import Authority
from tests.support.disks import make_read_only, mounted_disk
from tests.support.repositories import publish_wheel
from tests.support.server import ServerProcess, free_port
from tests.support.states import decide, yank
from tests.support.upstream import FakeUpstream, Offer
from tests.support.waiting import wait_until
from tests.support.wheels import build_sdist, build_wheel

Found = list[tuple[str, str]]


@dataclass
class House:
    """A package directory with a configuration, and what the doctor says of it."""

    place: Path
    packages: Path
    capsys: pytest.CaptureFixture[str]
    text: str = "[server]\ndisable-fallback = true\n"

    @property
    def state(self) -> Path:
        return self.packages / ".pypitool"

    def examine(self, *words: str) -> tuple[int, list[dict[str, Any]]]:
        config = self.place / "config.toml"
        if not config.exists() or config.read_text() != self.text:
            config.write_text(self.text)
        self.capsys.readouterr()
        code = main(["--config", str(config), "doctor", "--json", "--packages", str(self.packages), *words])
        document = json.loads(self.capsys.readouterr().out)
        assert document["exit_code"] == code
        assert code in MEANINGS
        return code, document["findings"]

    def found(self, *words: str) -> Found:
        return [(one["id"], one["subject"]) for one in self.examine(*words)[1]]

    def ids(self, *words: str) -> list[str]:
        return [id for id, _ in self.found(*words)]

    def publish(self, *names: str) -> None:
        with Repository.open([self.packages]) as repository:
            for name in names:
                publish_wheel(repository, name, "1.0")

    def beat(self, **more: Any) -> None:
        write_heartbeat(StateFiles(self.state), Heartbeat(os.getpid(), **{"at": time.time(), **more}))


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> House:
    packages = tmp_path / "packages"
    packages.mkdir()
    return House(tmp_path, packages, capsys)


@pytest.fixture
def served(house: House) -> House:
    """A directory that a server looks after."""
    with Repository.open([house.packages]) as repository:
        scan_if_alone(repository)
    house.beat()
    return house


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as running:
        yield running


def test_nothing_is_wrong_with_a_good_house(served: House) -> None:
    assert served.examine() == (0, [])


def test_nothing_is_written(served: House) -> None:
    served.publish("acme-core")
    build_wheel(served.packages, "other", "1.0")

    def everything() -> dict[str, tuple[int, int]]:
        found = [path for path in served.packages.rglob("*") if path.name != "config.toml"]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in found}

    before = everything()
    served.examine()

    assert everything() == before


def test_a_new_directory_gets_no_state_from_being_looked_at(house: House) -> None:
    assert house.examine() == (0, [])

    assert list(house.packages.iterdir()) == []


def test_packages_that_are_not_there(house: House) -> None:
    house.packages.rmdir()

    assert house.found() == [("packages-missing", str(house.packages))]


def test_what_serve_makes_by_itself_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("PYPITOOL_PACKAGES", "PYPITOOL_STATE", "PYPITOOL_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYPITOOL_FALLBACK_URL", "http://127.0.0.1:9/simple/")

    main(["doctor", "--json"])

    findings = {one["id"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["packages-missing"]["severity"] == "info"
    assert findings["packages-missing"]["subject"] == str(tmp_path / "packages")


def test_packages_that_everybody_may_write(house: House) -> None:
    house.packages.chmod(0o777)

    code, (finding,) = house.examine()

    assert code == 3
    assert finding["id"] == "packages-exposed"
    assert "chmod o-w" in finding["do"]


@pytest.mark.parametrize(
    ("who", "ids"), [("ann", ["packages-unwritable"]), ("", [])], ids=["with people", "without"]
)
def test_packages_that_the_server_cannot_write_where_somebody_may_upload(
    house: House, who: str, ids: list[str]
) -> None:
    passwords = write_htpasswd(house.place / "htpasswd", {"ann": "anns"})
    passwords.chmod(0o600)
    with mounted_disk(house.place / "disk", megabytes=1) as disk:
        (disk / "packages").mkdir()
        house.packages = disk / "packages"
        house.text += f'state = "{house.place}/state"\n'
        make_read_only(disk)

        found = house.ids(*(["-P", str(passwords)] if who else []))

    assert [id for id in found if id != "disk-low"] == ids


def test_a_catalogue_that_is_broken(served: House) -> None:
    (served.state / "catalogue.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 8192)

    assert "catalogue-corrupt" in served.ids()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_state_behind_a_link_that_root_does_not_follow(served: House) -> None:
    served.state.rename(served.place / "elsewhere")
    served.state.symlink_to(served.place / "elsewhere")
    os.chown(served.state, 65534, 65534, follow_symlinks=False)

    assert ("state-unwritable", str(served.state)) in served.found()


def test_a_state_of_other_directories(served: House) -> None:
    decide(served.state, yank("acme"))
    (served.state / "roots.json").write_text('{"roots": ["/srv/others"]}')

    assert "catalogue-foreign" in served.ids()


@pytest.mark.parametrize(
    ("beat", "ids"),
    [
        ({"at": 0.0}, ["keeper-down"]),
        ({"lag": 90.0}, ["keeper-late"]),
        ({"watched": False}, ["watches-short"]),
    ],
    ids=["silent", "late", "few watches"],
)
def test_a_keeper_that_is_not_well(served: House, beat: dict[str, Any], ids: list[str]) -> None:
    served.beat(**beat)

    assert served.ids() == ids


def test_files_that_are_not_listed_are_named_with_the_reason(served: House) -> None:
    (served.packages / "broken-1.0-py3-none-any.whl").write_bytes(b"no zip")
    with Repository.open([served.packages]) as repository:
        scan_if_alone(repository)

    _, findings = served.examine()

    named = [(one["id"], one["subject"], bool(one["what"])) for one in findings]
    assert named == [("files-unlisted", "broken-1.0-py3-none-any.whl", True)]


def test_sdists_that_speak_of_another_release_are_named(served: House) -> None:
    build_sdist(served.packages, "bar", "1.0", filename="foo-1.0.tar.gz")
    build_sdist(served.packages, "foo", "3.0", filename="foo-2.0.tar.gz")
    with Repository.open([served.packages]) as repository:
        scan_if_alone(repository)

    _, findings = served.examine()

    assert [(one["id"], one["subject"], one["what"]) for one in findings] == [
        ("sdist-misnamed", "foo-1.0.tar.gz", "its metadata names the project `bar`"),
        ("sdist-misnamed", "foo-2.0.tar.gz", "its metadata names the version `3.0`"),
    ]


def test_passwords_that_are_exposed_and_weak(served: House) -> None:
    file = write_htpasswd(served.place / "htpasswd", {"ann": "anns"})
    file.write_text(file.read_text() + "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\ncarl:plain\n")
    file.chmod(0o644)

    found = served.found("-P", str(file))

    assert found == [
        ("passwords-exposed", str(file)),
        ("passwords-weak", "bob"),
        ("passwords-weak", "carl"),
    ]


def test_a_password_file_that_is_not_there(served: House) -> None:
    assert served.ids("-P", str(served.place / "none")) == ["passwords-missing"]


def test_a_faulty_configuration_is_a_finding_and_the_rest_goes_on(house: House) -> None:
    house.packages.chmod(0o777)
    house.text = '[server]\nport = "x"\ndisable-fallback = true\nnope = 1\n[[rule]]\nwho = ["ann"]\n[set.a]\n'

    code, findings = house.examine()

    assert code == 1
    assert {one["id"] for one in findings} == {"config-invalid", "packages-exposed"}
    assert len([one for one in findings if one["id"] == "config-invalid"]) >= 4


def test_a_file_that_is_no_toml_is_a_finding(house: House) -> None:
    house.text = "this is = = not"

    assert house.ids() == ["config-invalid"]


@pytest.mark.live
def test_a_running_server_that_keeps_the_last_good_rules_is_found_out(house: House) -> None:
    house.text += '[[rule]]\nwho = ["anonymous"]\nmay = ["list", "download"]\n'
    config = house.place / "config.toml"
    config.write_text(house.text)
    with ServerProcess(house.packages, home=house.place, options=["--config", str(config)]):
        wait_until(lambda: house.ids() == [], what="nothing is wrong")

        house.text += '[[rule]]\nwho = ["ann"]\n'

        wait_until(lambda: "rules-stale" in house.ids(), what="the server says so")
        assert "config-invalid" in house.ids()


def test_a_publisher_that_lets_in_anybody(served: House) -> None:
    file = write_htpasswd(served.place / "htpasswd", {})
    file.chmod(0o600)
    served.text += f"""
[auth]
passwords = "{file}"
oidc-audience = "pypi"
[[publisher]]
name = "github"
issuer = "https://issuer.example"
claims = {{ ref = "refs/heads/main" }}
projects = ["acme-*"]
"""

    assert served.found() == [("publisher-wide", "github")]


def test_rules_by_addresses_that_clients_may_forge(served: House) -> None:
    rule = "[[rule]]\nwho = ['anonymous']\nmay = ['list']\nfrom = ['10.0.0.0/8']\n"
    served.text += f"trusted-proxies = ['127.0.0.1']\n{rule}"
    before = served.found()
    served.text = served.text.replace("trusted-proxies", "forwarded-header = 'Forwarded'\ntrusted-proxies")

    assert before == [("address-forgeable", "forwarded-header")]
    assert served.found() == []


def test_a_header_of_a_proxy_that_clients_can_spell_otherwise(served: House) -> None:
    served.text += "trusted-proxies = ['127.0.0.1']\n[auth]\nheader = 'X-Remote-User'\n"

    assert "config-invalid" in served.ids()


def test_rules_that_let_in_everybody_or_nobody(served: House) -> None:
    file = write_htpasswd(served.place / "htpasswd", {"ann": "anns"})
    file.chmod(0o600)
    served.text += f"""
[auth]
passwords = "{file}"
[groups]
people = ["ann", "eve"]
[[rule]]
who = ["anonymous", "@people", "token:ci-*"]
may = ["list", "upload"]
"""

    assert served.found() == [("uploads-open", "*"), ("who-unknown", "token:ci-*"), ("who-unknown", "eve")]


def test_a_certificate_that_ends(served: House, authority: Authority) -> None:
    served.text += f'cert = "{authority.chain}"\nkey = "{authority.key}"\n'

    code, (finding,) = served.examine()

    assert (code, finding["id"], finding["what"]) == (1, "certificate-ends", "it ends in 1 days")


def test_what_is_no_certificate(served: House) -> None:
    (served.place / "x.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (served.place / "x.key").write_text("")
    served.text += f'cert = "{served.place}/x.pem"\nkey = "{served.place}/x.key"\n'

    assert served.found() == [("config-invalid", str(served.place / "x.pem"))]


def test_an_upstream_is_asked_for_no_name(served: House, upstream: FakeUpstream) -> None:
    served.publish("acme-core", "tool")
    served.text += f'[upstream.acme]\nindex = "{upstream.url}"\n[policy]\nprivate = ["acme-*"]\n'

    found = served.found()

    assert ("name-unprotected", "tool") in found
    assert "upstream-unreachable" not in [id for id, _ in found]
    assert [seen.path for seen in upstream.seen] == ["/simple/"]


def test_only_names_that_nothing_protects_are_asked_for_and_only_on_demand(
    served: House, upstream: FakeUpstream
) -> None:
    served.publish("acme-core", "tool", "free")
    upstream.index.offers["tool"] = [Offer("tool-1.0.tar.gz", b"theirs")]
    served.text += f'[upstream.acme]\nindex = "{upstream.url}"\n[policy]\nprivate = ["acme-*"]\n'

    code, findings = served.examine("--ask-upstream")

    assert code == 1
    assert [one["subject"] for one in findings if one["id"] == "name-taken"] == ["tool"]
    assert {seen.path for seen in upstream.seen} == {"/simple/", "/simple/tool/", "/simple/free/"}


def test_an_upstream_that_cannot_be_reached(served: House) -> None:
    served.text += f'[upstream.acme]\nindex = "http://127.0.0.1:{free_port()}/simple/"\n'

    assert served.found() == [("upstream-unreachable", "acme")]


def test_a_request_ends_after_five_seconds(served: House, upstream: FakeUpstream) -> None:
    upstream.index.delay = 8.0
    served.text += f'[upstream.acme]\nindex = "{upstream.url}"\n'

    # What it would answer after eight seconds is an index page.
    assert served.ids() == ["upstream-unreachable"]


def test_without_a_fallback_or_an_upstream_no_name_is_in_danger(served: House) -> None:
    served.publish("tool")
    assert served.ids() == []

    served.text = ""

    assert served.ids() == ["name-unprotected"]


def test_people_get_a_line_for_each_finding(house: House) -> None:
    house.packages.chmod(0o777)

    assert main(["doctor", "--packages", str(house.packages)]) == 3

    cells = house.capsys.readouterr().out.split("\t")
    assert cells[:3] == ["warning", "packages-exposed", str(house.packages)]
    assert len(cells) == 6


def test_a_terminal_shows_a_paragraph_for_each_finding(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.packages.chmod(0o777)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert main(["doctor", "--packages", str(house.packages)]) == 3

    first, *more = house.capsys.readouterr().out.splitlines()
    assert first == f"warning: packages-exposed: {house.packages}"
    assert [line[:7] for line in more[1:]] == ["  why: ", "  do:  "]


@pytest.mark.live
def test_a_running_server_is_well_and_undisturbed(house: House) -> None:
    build_wheel(house.packages, "demo", "1.0")
    with ServerProcess(house.packages, home=house.place) as server:
        server.wait_until_listed("demo")
        wait_until(lambda: house.ids() == [], what="nothing is wrong")
        assert server.get("/simple/demo/").ok

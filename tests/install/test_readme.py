"""What the README lets people type, typed on the system's own Python, in its order and as it stands."""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.install.conftest import README
from tests.support.newcomer import SERVER, Newcomer, blocks, chapter, console, printed
from tests.support.wheels import build_wheel

MAKE, USER, SERVE, *_ = console(chapter(README, "## Quick start"))
PASSWORD = "correct horse"
# A question needs a terminal, and a secret somebody who types it: what is said instead.
ANSWERED = {
    "pypitool user add": "--password-stdin <<<'correct horse'",
    "pypitool delete": "--yes",
    "pypitool upload": "<<<'correct horse'",
}
OWN_INDEX = "unset PIP_NO_INDEX PIP_FIND_LINKS"

pytestmark = [pytest.mark.live, pytest.mark.slow]


@pytest.fixture
def ann(checkout: Path, newcomer: Newcomer) -> Newcomer:
    """Somebody who has installed the program."""
    newcomer.types(["uv tool install dist/*.whl"], where=checkout)
    return newcomer


def test_the_quick_start_leads_to_a_package_that_is_installed(ann: Newcomer) -> None:
    serve, clients, *_ = blocks(chapter(README, "## Quick start"))
    build_wheel(made(ann.home / "work" / "dist"), "acme-core", "1.0")
    venv = ["python3 -m venv ~/client", "PATH=~/client/bin:$PATH", OWN_INDEX]

    said = ann.types(
        [MAKE, typed(USER), *beside(SERVE, "served"), *venv, *console(clients), "pip list"],
        where=ann.home / "work", TWINE_USERNAME="ann", TWINE_PASSWORD=PASSWORD,
    )  # fmt: skip

    assert re.search(r"^acme-core +1\.0$", said, re.MULTILINE)
    shown = printed(serve).replace("/home/ann", str(ann.home)).replace("laptop", socket.gethostname())
    assert shown in (ann.home / "served").read_text()


def test_the_first_line_serves_the_packages_of_the_checkout(checkout: Path, newcomer: Newcomer) -> None:
    first, *_ = console(README)

    newcomer.types([*beside(first, "served"), "test -d packages"], where=checkout)

    assert first == "make serve"


def test_a_service_is_planned_on_a_machine_that_has_none(checkout: Path, newcomer: Newcomer) -> None:
    _, _, service, *_ = blocks(chapter(README, "## Quick start"))
    install, plan, *_ = console(service)

    said = newcomer.types([install, plan], where=checkout)

    assert "/etc/systemd/system/pypitool.service" in said
    assert not (newcomer.home / "machine/etc/systemd/system/pypitool.service").exists()


def test_packages_are_looked_after_beside_the_server(ann: Newcomer) -> None:
    for name, version in (("acme-core", "1.1.0"), ("acme-core", "1.2.0"), ("acme-legacy", "1.0")):
        build_wheel(made(ann.home / "packages"), name, version)
    lines = console(chapter(README, "### Looking after packages"))

    said = ann.types([typed(USER), *beside(SERVE, "served"), *map(typed, lines), "pypitool list"])

    assert "archived" in ann.types(["pypitool show acme-legacy"])
    assert re.search(r"^acme-core\t1\.2\.0\t1\t1$", said, re.MULTILINE)
    assert (ann.home / "machine/var/backups/pypitool.tar").exists()


def test_a_mirror_is_filled_and_proven(ann: Newcomer) -> None:
    configuration = re.findall(r"^```toml\n(.*?)^```$", chapter(README, "## The mirror"), re.S | re.M)
    index = 'packages = "/srv/packages"\n'
    assert index in configuration[0]
    upstream = '[upstream.other]\nindex = "http://localhost:8099/simple/"\n'
    file = made(ann.home / ".config" / "pypitool") / "config.toml"
    file.write_text(f"{configuration[0]}{upstream}")
    for name, version, requires in (
        ("flask", "3.0.3", ("click",)),
        ("click", "8.0", ()),
        ("flask", "3.1", ()),
    ):
        build_wheel(made(ann.home / "other"), name, version, requires=requires)
    for folder in (ann.home / "work", made(ann.home / "machine/srv/requirements")):
        (made(folder) / "requirements.txt").write_text("flask==3.0.3\nclick==8.0\n")
        (folder / "backend.txt").write_text("flask==3.0.3\nclick==8.0\n")
    made(ann.home / "machine/srv/packages")
    serve = "PYPITOOL_CONFIG=/dev/null pypitool serve -p 8099 --disable-fallback --state ~/o ~/other"
    by_hand, example, nightly = blocks(chapter(README, "## The mirror"))

    said = ann.types(
        [*beside(serve, "other.log", port=8099), *console(by_hand), *console(nightly), "ls ~/packages"],
        where=ann.home / "work",
    )  # fmt: skip

    assert "backend installs without the internet on ubuntu22, ubuntu24, windows" in said
    assert "flask==3.1" in (ann.home / "machine/srv/requirements/backend.txt").read_text()
    assert {"pypitool-nightly.service", "pypitool-nightly.timer"} == {
        path.name for path in (ann.home / "machine/etc/systemd/system").iterdir()
    }
    assert console(example) == ["pypitool sync"]


def test_clients_are_told_and_packages_uploaded(ann: Newcomer) -> None:
    build_wheel(made(ann.home / "work" / "dist"), "acme-core", "1.0")
    file = made(ann.home / ".config" / "pypitool") / "config.toml"
    auth = 'auth = { user = "deploy", password-env = "SECRET" }'
    file.write_text(f'[remote.acme]\nurl = "http://{SERVER}:8080/"\n{auth}\n')
    (told,) = blocks(chapter(README, "## Clients").partition("### Uploading")[0])
    uploads = console(chapter(README, "### Uploading"))
    accounts = [MAKE, typed(USER), typed(USER.replace("ann", "deploy"))]

    said = ann.types(
        [*accounts, *beside(SERVE, "served"), *console(told), *map(typed, uploads)],
        where=ann.home / "work", SECRET=PASSWORD,
    )  # fmt: skip

    shown = re.search(r"^\[global\]\n.*\n.*\n", told, re.MULTILINE)
    assert shown is not None
    assert shown[0] in said
    assert (ann.home / "packages/acme_core-1.0-py3-none-any.whl").exists()


def test_the_line_of_pypiserver_does_the_same_with_the_other_name(ann: Newcomer) -> None:
    theirs, ours = console(chapter(README, "## Moving from pypiserver"))
    made(ann.home / "machine/srv/packages")

    ann.types([typed(USER.replace("~/htpasswd", ".htpasswd")), *beside(ours, "served")])

    assert ours.split()[1:] == theirs.split()[1:]
    assert (ann.home / "machine/var/log/pypi.log").exists()


def test_every_chapter_that_people_type_from_is_typed_by_a_test() -> None:
    lines = {heading: console(text) for heading, text in chapters(README)}

    assert [heading for heading, typed in lines.items() if typed] == [
        "pypitool",  # by every run of CI
        "Install",  # test_installing
        "Quick start",
        "In a container",  # tests/docker
        "Looking after packages",
        "The mirror",
        "Clients",
        "Uploading",
        "Moving from pypiserver",
    ]


def chapters(text: str) -> list[tuple[str, str]]:
    """Return each heading of a document, and what stands below it up to the next one."""
    without_code = re.split(r"^#{1,3} (.*)$", text, flags=re.MULTILINE)[1:]
    return list(zip(without_code[::2], without_code[1::2], strict=True))


def typed(line: str) -> str:
    """Add what somebody at a terminal would answer."""
    return next((f"{line} {more}" for start, more in ANSWERED.items() if line.startswith(start)), line)


def beside(line: str, log: str, *, port: int = 8080) -> Iterable[str]:
    """Type a line in another terminal, and wait until the server answers."""
    yield f"{line} >~/{shlex.quote(log)} 2>&1 &"
    ask = f"curl -fs --retry 30 --retry-delay 1 --retry-connrefused http://localhost:{port}/health"
    yield f"{ask} || {{ cat ~/{shlex.quote(log)}; exit 1; }}"


def made(folder: Path) -> Path:
    """Make a folder, unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder

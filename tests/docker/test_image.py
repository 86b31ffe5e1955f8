"""What the image is made of, and what has not stayed in it."""

from __future__ import annotations

from tests.docker.conftest import BASE, SECRET
from tests.support.docker_engine import Engine
from tests.support.imports import ROOT

MOST_MEGABYTES = 165


def test_it_is_small(engine: Engine, image: str) -> None:
    above = engine.inspect(image)["Size"] - engine.inspect(BASE)["Size"]

    assert above <= MOST_MEGABYTES * 10**6


def test_it_names_itself_and_declares_no_volume(engine: Engine, image: str) -> None:
    config = engine.inspect(image)["Config"]

    assert config["Labels"]["org.opencontainers.image.title"] == "pypitool"
    assert config["Labels"]["org.opencontainers.image.version"]
    assert config["Volumes"] is None
    assert (config["WorkingDir"], config["User"]) == ("/data", "")


def test_no_secret_of_the_build_stays(engine: Engine, image: str) -> None:
    history = engine.do("history", "--no-trunc", image)
    search = f"grep -rlsI {SECRET} / --exclude-dir=proc --exclude-dir=sys; ls /etc/pip.conf /run/secrets"

    found = engine.try_to("run", "--rm", "--entrypoint", "sh", image, "-c", search)

    assert SECRET not in history
    assert "127.0.0.1" not in history
    assert found.stdout == ""


def test_its_version_is_that_of_the_project(engine: Engine, image: str) -> None:
    label = engine.inspect(image)["Config"]["Labels"]["org.opencontainers.image.version"]

    assert f"pypitool {label} " in engine.do("run", "--rm", image, "--version")


def test_nothing_is_taken_from_elsewhere() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [line for line in lines if line.startswith("COPY --from=")]

    assert not any(line.replace(" ", "").startswith("#syntax=") for line in lines)
    assert all(line.startswith("COPY --from=build ") for line in copied)
    assert [line for line in lines if line.startswith("FROM")] == ["FROM ${BASE} AS build", "FROM ${BASE}"]
    assert not any(line.startswith("VOLUME") for line in lines)
